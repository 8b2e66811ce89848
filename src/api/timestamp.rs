//! Times in the formats of the Together API and of Kubernetes.

use k8s_openapi::jiff::{RoundMode, Timestamp, TimestampRound, Unit};

/// Parses a time of the Together API, for decisions and durations. `None` if it is absent, invalid or unset.
#[must_use]
pub fn read(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok().filter(is_set)
}

/// A time of the Together API as written there, for messages and the history. `None` if it is absent or unset.
#[must_use]
pub fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| match text.parse() {
        Ok(time) => is_set(&time),
        // The same in the words of some languages.
        Err(_) => !text.starts_with("0001-01-01") && !text.starts_with("0000-"),
    })
}

/// Whether `time` is set. Some programs write an unset time as the first second of the year 1 or of 1970.
#[must_use]
pub fn is_set(time: &Timestamp) -> bool {
    time.as_second() > 0
}

/// Whether `text` is a valid time of the API that is not before `since`.
#[must_use]
pub fn is_since(text: Option<&str>, since: Option<Timestamp>) -> bool {
    read(text)
        .zip(since)
        .is_some_and(|(time, since)| time >= since)
}

/// When a finished remediation ended: its `end_time`, otherwise its `update_time`; the first that is [valid](read).
#[must_use]
pub fn ended(end_time: Option<&str>, update_time: Option<&str>) -> Option<Timestamp> {
    read(end_time).or_else(|| read(update_time))
}

/// `time` without fractions of a second, as the API server stores it.
#[must_use]
pub fn to_second(time: Timestamp) -> Timestamp {
    let down = TimestampRound::new()
        .smallest(Unit::Second)
        .mode(RoundMode::Floor);
    time.round(down).unwrap_or(time)
}

/// `time` in UTC with whole seconds, as Kubernetes writes times.
#[must_use]
pub fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn times_without_a_zone_or_sense_are_none() {
        assert_eq!(
            read(Some("2026-11-23T10:00:00+01:00")),
            "2026-11-23T09:00:00Z".parse().ok()
        );
        for bad in ["", "soon", "2026-11-23T10:00:00", "2026-13-01T00:00:00Z"] {
            assert_eq!(read(Some(bad)), None, "{bad}");
        }
        assert_eq!(read(None), None);
    }

    #[test]
    fn an_unset_time_in_the_format_of_any_language_is_none() {
        for zero in [
            "0001-01-01T00:00:00Z",
            "0001-01-01T00:00:00",
            "0001-01-01 00:00:00 +0000 UTC",
            "0000-00-00T00:00:00Z",
            "1970-01-01T00:00:00Z",
        ] {
            assert_eq!(given(Some(zero)), None, "{zero}");
        }
        for time in ["2026-11-23T10:00:00Z", "2026-11-23 10:00", "soon"] {
            assert_eq!(given(Some(time)), Some(time));
        }
    }

    #[test]
    fn a_time_up_to_1970_is_not_set() {
        for zero in [
            "0001-01-01T00:00:00Z",
            "0001-01-01T00:00:00+00:00",
            "1970-01-01T00:00:00Z",
            "1970-01-01T01:00:00+01:00",
            "1970-01-01T00:00:00.000000001Z",
            "1969-07-20T20:17:40Z",
        ] {
            assert_eq!(read(Some(zero)), None, "{zero}");
        }
        let first = "1970-01-01T00:00:01Z";
        assert_eq!(read(Some(first)), first.parse().ok());
        assert_eq!(
            ended(Some("0001-01-01T00:00:00Z"), Some(first)),
            first.parse().ok()
        );
    }

    #[test]
    fn a_second_begins_where_it_is_written_to_begin() {
        for (time, second) in [
            ("2026-11-23T10:00:00.75Z", "2026-11-23T10:00:00Z"),
            // found by the fuzzer: before 1970, jiff's seconds are cut towards 1970
            ("1013-11-23T10:00:00.25061-20:00", "1013-11-24T06:00:00Z"),
        ] {
            let time: Timestamp = time.parse().unwrap();
            assert_eq!(seconds(time), second);
            assert_eq!(second.parse().ok(), Some(to_second(time)));
        }
    }
}
