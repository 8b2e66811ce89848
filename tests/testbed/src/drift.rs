//! Files of the repository that are generated from the code: rewritten if `UPDATE_DOCS` is set, else compared.

use std::{fs, path::PathBuf};

/// A file by its path from the repository's top level.
#[must_use]
pub fn file(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path)
}

/// Writes the file, or fails if its content differs. `test`: the arguments of `cargo test` that run the test.
///
/// # Panics
/// If the content of the file differs, or the file cannot be written.
pub fn check(path: &str, expected: &str, test: &str) {
    let at = file(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        if let Err(error) = fs::write(&at, expected) {
            panic!("{path}: {error}");
        }
        return;
    }
    let content = fs::read_to_string(&at).unwrap_or_default();
    assert!(
        content == expected,
        "{path} is out of date: run UPDATE_DOCS=1 cargo test {test}"
    );
}

/// The same for the part of a file between two marks, `begin` and `end`.
///
/// # Panics
/// As [`check`], and if the file or a mark is missing.
pub fn check_part(path: &str, (begin, end): (&str, &str), expected: &str, test: &str) {
    let content = fs::read_to_string(file(path)).unwrap_or_default();
    let parts = content.split_once(begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(end)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else {
        panic!("{path} has no {begin:?} with {end:?} behind it");
    };
    check(
        path,
        &format!("{before}{begin}{expected}{end}{after}"),
        test,
    );
}
