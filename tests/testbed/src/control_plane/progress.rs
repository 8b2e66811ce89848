//! What a person waiting at a terminal is told.

use std::io::Write as _;

/// One line on stderr. Written directly, because the test harness holds back what `eprintln!` prints.
pub(super) fn say(line: &str) {
    let line = format!("control plane: {line}\n");
    // Nobody may be listening, and that is no reason to fail.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
