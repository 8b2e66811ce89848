//! Durations in `spec` and on the command line: the subset of Go's syntax without fractions, signs and units below a
//! millisecond.

use std::time::Duration;

use super::limits;

/// What [`parse`] accepts, as a regular expression that means the same in CEL and in Rust.
pub const PATTERN: &str = "^([0-9]{1,6}(ms|s|m|h))+$";

/// The error for a text that [`parse`] does not accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a duration: use whole numbers with ms, s, m or h, such as 30s, 10m or 1h30m, at most {} characters",
    limits::DURATION
)]
pub struct ParseDurationError;

/// Parses a duration: the sum of numbers of one to six digits, each with its unit `ms`, `s`, `m` or `h`.
///
/// # Errors
/// [`ParseDurationError`] for any other text, and for one longer than [`limits::DURATION`] characters.
pub fn parse(text: &str) -> Result<Duration, ParseDurationError> {
    if text.is_empty() || text.len() > limits::DURATION as usize {
        return Err(ParseDurationError);
    }
    let mut rest = text;
    let mut millis: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if !(1..=6).contains(&digits) {
            return Err(ParseDurationError);
        }
        let (number, after) = rest.split_at(digits);
        let number: u64 = number.parse().map_err(|_| ParseDurationError)?;
        let (unit_millis, after) = unit(after).ok_or(ParseDurationError)?;
        millis += number * unit_millis;
        rest = after;
    }
    Ok(Duration::from_millis(millis))
}

/// The unit at the start of `text`, in milliseconds, and the rest of the text.
fn unit(text: &str) -> Option<(u64, &str)> {
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)]
        .into_iter()
        .find_map(|(name, millis)| text.strip_prefix(name).map(|after| (millis, after)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_each_unit_and_their_sum() {
        for (text, millis) in [
            ("250ms", 250),
            ("5s", 5_000),
            ("10m", 600_000),
            ("720h", 2_592_000_000),
            ("1h30m15s500ms", 5_415_500),
            ("5m5m", 600_000),
            ("0s", 0),
            ("007s", 7_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_what_the_pattern_refuses() {
        for text in [
            "", "5", "s", "5 s", " 5s", "5s ", "-5s", "+5s", "1.5h", "5us", "5S", "1d", "1234567s",
            "5sm", "٥s",
        ] {
            assert_eq!(parse(text), Err(ParseDurationError), "{text:?}");
        }
    }

    #[test]
    fn refuses_more_characters_than_the_schema_does() {
        assert!(parse("999999h999999h99999m").is_ok());
        assert!(parse("999999h999999h999999m").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn durations_and_near_misses_are_read_exactly_where_the_pattern_matches(text in "[0-9smh.]{0,20}") {
            let pattern = regex::Regex::new(PATTERN).unwrap();
            prop_assert_eq!(parse(&text).is_ok(), pattern.is_match(&text));
        }

        #[test]
        fn is_the_sum_of_its_parts(parts in prop::collection::vec((0u64..=999, 0usize..4), 1..=4)) {
            let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
            let text = parts.iter().fold(String::new(), |text, (n, u)| format!("{text}{n}{}", units[*u].0));
            let millis = parts.iter().map(|(n, u)| n * units[*u].1).sum();
            prop_assert_eq!(parse(&text), Ok(Duration::from_millis(millis)));
        }
    }
}
