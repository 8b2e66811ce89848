//! The program that users try, by its flags.

use std::process::Stdio;

use reqwest::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::CLIENT;

/// A running program, its clock standing still; killed when dropped.
struct Program {
    _child: Child,
    remediations: String,
    key: String,
}

impl Program {
    async fn start(flags: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_together-simulator"))
            .args(["--addr=127.0.0.1:0", "--speed=0", "--cluster=c-1"])
            .args(flags)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut url, mut key, mut control) = (String::new(), String::new(), String::new());
        while let Some(line) = lines.next_line().await.unwrap() {
            let value = line.rsplit(' ').next().unwrap().to_owned();
            if line.starts_with("API key") {
                key = value;
            } else if line.starts_with("API") {
                url = value;
            } else if line.starts_with("control") {
                control = value;
                break;
            }
        }
        // To where some await approval and some are at work.
        let advance = CLIENT.post(format!("{control}/advance"));
        let moved = advance.body(r#"{"seconds": 360}"#).send().await.unwrap();
        assert!(moved.status().is_success());
        Self {
            _child: child,
            remediations: format!("{url}/compute/clusters/c-1/instances/-/remediations"),
            key,
        }
    }

    /// The status, and how many remediations the answer holds.
    async fn ask(&self, query: &str) -> (StatusCode, usize) {
        let call = CLIENT.get(format!("{}?{query}", self.remediations));
        let answer = call.bearer_auth(&self.key).send().await.unwrap();
        let status = answer.status();
        let page: Value = answer.json().await.unwrap();
        (status, page["remediations"].as_array().map_or(0, Vec::len))
    }
}

#[tokio::test]
async fn it_takes_every_spelling_and_form_unless_configured_otherwise() {
    const ONE: (StatusCode, usize) = (StatusCode::OK, 1);
    let repeated = "state=RUNNING&state=PENDING_APPROVAL";
    let comma = "state=RUNNING,PENDING_APPROVAL";
    let program = Program::start(&[]).await;
    for size in ["pageSize=1", "page_size=1"] {
        for states in [repeated, comma] {
            let query = format!("{size}&{states}");
            assert_eq!(program.ask(&query).await, ONE, "{query}");
        }
    }
    for (flags, taken, ignored, refused) in [
        (
            ["--names=camel", "--state-form=repeated"],
            "pageSize=1",
            "page_size=1",
            comma,
        ),
        (
            ["--names=snake", "--state-form=comma"],
            "page_size=1",
            "pageSize=1",
            repeated,
        ),
    ] {
        let program = Program::start(&flags).await;
        assert_eq!(program.ask(taken).await, ONE, "{flags:?}");
        assert!(program.ask(ignored).await.1 > 1, "{flags:?}");
        let (status, _) = program.ask(refused).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{flags:?}");
    }
}
