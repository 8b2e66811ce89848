//! Files of the repository that are made of the code: written anew where `UPDATE_DOCS` is set, else compared.

use std::{fs, path::PathBuf};

/// A file by its path from the repository's top level.
pub(crate) fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Writes the file, or fails where it holds anything else. `test`: the words that name the test to `cargo test`.
pub(crate) fn settle(path: &str, wanted: &str, test: &str) {
    let at = file(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&at, wanted).unwrap();
        return;
    }
    let held = fs::read_to_string(&at).unwrap_or_default();
    assert!(
        held == wanted,
        "{path} is out of date: run UPDATE_DOCS=1 cargo test --test integration {test}"
    );
}
