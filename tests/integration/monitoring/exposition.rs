//! Both formats of `/metrics`, by the real promtool.

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

use testbed::tools::Tool;

use crate::fixture::Fixture;

/// An operator at work, so that most families have series.
async fn at_work(name: &str) -> Fixture {
    let fixture = Fixture::mirroring(name, 1..=3).await;
    let [ends, leaves, _] = fixture.truth().try_into().unwrap();
    fixture.enter(&ends.id, "SUCCEEDED");
    fixture.forget(&leaves.id);
    fixture.sync("training").await;
    fixture.sync("training").await;
    fixture
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_finds_nothing_wrong_with_the_text_for_prometheus() {
    let Some(promtool) = Tool::Promtool.find_or_note() else {
        return;
    };
    let fixture = at_work("metrics-text").await;
    let of_0_0_4 = "text/plain; version=0.0.4; charset=utf-8";
    let mut texts = Vec::new();
    for accept in ["text/plain;version=0.0.4", "*/*"] {
        texts.push(fixture.scrape_as(accept, of_0_0_4).await);
    }
    for text in texts {
        assert!(text.contains("# TYPE together_remediation_polls_total counter\n"));
        let mut check = Command::new(&promtool);
        let check = check.args(["check", "metrics"]).stdin(Stdio::piped());
        let check = check.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut check = check.unwrap();
        let mut scrape = check.stdin.take().unwrap();
        scrape.write_all(text.as_bytes()).unwrap();
        drop(scrape);
        let ran = check.wait_with_output().unwrap();
        let output =
            [ran.stdout, ran.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(ran.status.success(), "{output:?}");
        assert_eq!(output, ["", ""], "it finds nothing wrong");
    }
}

/// `promtool check metrics` reads the older format alone. What reads `OpenMetrics` is the import of a backup, which wants each
/// sample's time.
#[tokio::test(flavor = "multi_thread")]
async fn promtool_reads_the_openmetrics() {
    let Some(promtool) = Tool::Promtool.find_or_note() else {
        return;
    };
    let fixture = at_work("metrics-open").await;
    let scrape = fixture.scrape().await;
    let line = |line: &str| {
        let time = if line.starts_with('#') {
            ""
        } else {
            " 1795950000"
        };
        format!("{line}{time}\n")
    };
    let folder = tempfile::tempdir().unwrap();
    let [dated, blocks] = ["dated", "blocks"].map(|name| folder.path().join(name));
    fs::write(&dated, scrape.text.lines().map(line).collect::<String>()).unwrap();
    let mut import = Command::new(&promtool);
    let import = import.args(["tsdb", "create-blocks-from", "openmetrics"]);
    let ran = import.args([&dated, &blocks]).output().unwrap();
    let output = [ran.stdout, ran.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(ran.status.success(), "{output:?}");
    assert!(
        fs::read_dir(&blocks).unwrap().next().is_some(),
        "{output:?}"
    );
}
