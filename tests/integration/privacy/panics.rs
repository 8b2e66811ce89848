//! What a panic of the program prints.

use std::{
    env,
    process::{Command, Stdio},
};

use crate::conditions::assert_contains;
use together_remediation_operator::{config::LogFormat, telemetry};

const FORMAT: &str = "TEST_LOG_FORMAT";
const PLANTED: &str = "planted-in-a-panic";

/// Panics in the ways in which data gets into a panic's message.
#[test]
#[ignore = "run by the test below, as a process of its own"]
fn panics_in_a_process_of_its_own() {
    let format = match env::var(FORMAT).as_deref() {
        Ok("json") => LogFormat::Json,
        _ => LogFormat::Text,
    };
    telemetry::start(format, "trace");
    let made_up: fn() = || panic!("no such user: {PLANTED}");
    let unwrapped: fn() = || env::var(PLANTED).map(drop).map_err(|_| PLANTED).unwrap();
    let cut: fn() = || drop(PLANTED.replace('-', "ü")[..8].to_owned());
    for panics in [made_up, unwrapped, cut] {
        assert!(std::thread::spawn(panics).join().is_err());
    }
}

#[test]
fn a_panic_prints_its_location_and_no_data() {
    for format in ["json", "text"] {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture"])
            .arg("privacy::panics::panics_in_a_process_of_its_own")
            .env(FORMAT, format)
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text =
            String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}");
        let places = text.matches("panicked").count();
        assert_eq!(places, 3, "{text}");
        assert_contains(&text, &["tests/integration/privacy/panics.rs:"]);
        assert!(!text.contains("planted"), "{text}");
    }
}
