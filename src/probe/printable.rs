//! Which names and values of the API may be shown: those that look like words of its schema. Ids, keys and what people wrote
//! do not.

/// Most characters of a word.
const LONGEST: usize = 40;
/// Most digits of a word: ids and keys have more.
const DIGITS: usize = 4;

/// Whether `value` looks like a value of an enum: `LIKE_THIS`, or a small number.
pub(super) fn is_value(value: &str) -> bool {
    let fits = |char: char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_';
    is_short(value) && value.chars().all(fits)
}

/// Whether `name` looks like the name of a field: `like_this` or `likeThis`.
pub(super) fn is_field(name: &str) -> bool {
    let fits = |char: char| char.is_ascii_alphanumeric() || char == '_';
    is_short(name)
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(fits)
}

fn is_short(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    (1..=LONGEST).contains(&text.len()) && digits <= DIGITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_schema_are_shown() {
        for value in [
            "PENDING_APPROVAL",
            "REMEDIATION_MODE_TURN_AROUND",
            "17",
            "STAGE_2",
        ] {
            assert!(is_value(value), "{value}");
        }
        for name in ["gpu_serial", "createTime", "xid2", "has_next"] {
            assert!(is_field(name), "{name}");
        }
    }

    #[test]
    fn ids_keys_and_what_people_wrote_are_not_shown() {
        for text in [
            "",
            "9f0c8a52-7d0e-4a39-9c1a-3a1f6a0b7c11",
            "9f0c8a527d0e4a399c1a3a1f6a0b7c11",
            "tgp_v1_Zq7LxV2mWc9RkT4bYh8NsD3gJf6PaU5e",
            "jane@example.com",
            "Jane Doe",
            "planted-word",
            "20261129183012",
            "a\nb",
            &"A".repeat(LONGEST + 1),
        ] {
            assert!(!is_value(text) && !is_field(text), "{text}");
        }
        assert!(!is_field("Jane"));
        assert!(!is_value("jane"));
    }
}
