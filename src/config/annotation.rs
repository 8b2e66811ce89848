//! Parses an annotation.

use super::selector::key_of;

/// The key and the value in `text`.
///
/// # Errors
/// What to set instead.
pub(super) fn parse(text: &str) -> Result<(String, String), String> {
    let read = text.split_once('=');
    let read = read.and_then(|(key, value)| Some((key_of(key)?, value.to_owned())));
    read.ok_or_else(|| {
        "must be KEY=VALUE of an annotation, such as example.com/team=gpu".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_and_any_value_are_read() {
        for (text, key, value) in [
            ("a=b", "a", "b"),
            ("example.com/a=", "example.com/a", ""),
            ("a=b=c, d", "a", "b=c, d"),
        ] {
            assert_eq!(parse(text), Ok((key.to_owned(), value.to_owned())));
        }
        for text in ["", "a", "=b", "a/b/c=d", "a b=c"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
