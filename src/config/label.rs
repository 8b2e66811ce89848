//! Parses a label.

use super::selector::{key_of, value_of};
use crate::mirror::labels::is_own;

/// The key and the value in `text`.
///
/// # Errors
/// What to set instead.
pub(super) fn parse(text: &str) -> Result<(String, String), String> {
    let read = text.split_once('=');
    let read = read.and_then(|(key, value)| Some((key_of(key)?, value_of(value)?)));
    let (key, value) = read.ok_or(
        "must be KEY=VALUE of a label, such as example.com/team=gpu. The value has at most 63 letters, digits, hyphens, underscores and dots",
    )?;
    if is_own(&key) {
        return Err(format!(
            "{key} is reserved for the operator. Use another key, such as example.com/team=gpu"
        ));
    }
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_and_a_value_are_read() {
        for (text, key, value) in [
            ("team=gpu", "team", "gpu"),
            ("example.com/team=", "example.com/team", ""),
            // The API server allows these prefixes in custom resources.
            (
                "app.kubernetes.io/part-of=ml",
                "app.kubernetes.io/part-of",
                "ml",
            ),
            ("k8s.io/a=B_c.d-1", "k8s.io/a", "B_c.d-1"),
        ] {
            assert_eq!(parse(text), Ok((key.to_owned(), value.to_owned())));
        }
    }

    #[test]
    fn what_the_api_server_would_refuse_and_the_operators_own_labels_are_refused() {
        let long = format!("a={}", "b".repeat(64));
        for text in [
            "", "a", "=b", "a/b/c=d", "a b=c", "a=b=c", "a=b c", "a=-", &long,
        ] {
            let error = parse(text).err().unwrap_or_default();
            assert!(error.contains("such as example.com/team=gpu"), "{text}");
        }
        for text in [
            "compute.together.ai/cluster-id=a",
            "compute.together.ai/cluster-watch=a",
            "compute.together.ai/other=a",
            "app.kubernetes.io/managed-by=Helm",
        ] {
            let error = parse(text).err().unwrap_or_default();
            assert!(error.contains("is reserved for the operator"), "{text}");
        }
    }
}
