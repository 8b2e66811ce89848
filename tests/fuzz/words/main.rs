//! Any text where the program reads one: waits, times, durations, names, labels, addresses, keys.
#![no_main]

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use together_remediation_operator::{
    api::{duration, limits, timestamp},
    mirror::{
        labels::{FlagLabels, Labels},
        name::object_name,
    },
    together::{ApiKey, BaseUrl, retry_after},
};

const HOUR: Duration = Duration::from_secs(60 * 60);

fuzz_target!(|input: (&[u8], &[u8])| {
    let (one, other) = input;
    waits(one, other);
    key(one);
    if let (Ok(one), Ok(other)) = (str::from_utf8(one), str::from_utf8(other)) {
        names(one, other);
        times(one);
        address(one);
    }
});

fn waits(value: &[u8], date: &[u8]) {
    let (Ok(value), Ok(date)) = (
        HeaderValue::from_bytes(value),
        HeaderValue::from_bytes(date),
    ) else {
        return;
    };
    for name in ["retry-after-ms", RETRY_AFTER.as_str()] {
        let mut headers = HeaderMap::new();
        headers.insert(
            name.parse::<reqwest::header::HeaderName>().unwrap(),
            value.clone(),
        );
        let alone = retry_after(&headers, SystemTime::UNIX_EPOCH);
        headers.insert(DATE, date.clone());
        let dated = retry_after(&headers, SystemTime::UNIX_EPOCH);
        assert!(alone.is_none_or(|wait| wait <= HOUR) && dated.is_none_or(|wait| wait <= HOUR));
        assert_eq!(alone.is_some(), dated.is_some());
    }
}

fn key(bytes: &[u8]) {
    if let Ok(key) = ApiKey::parse(bytes) {
        let shown = format!("{key:?}");
        let text = str::from_utf8(bytes.trim_ascii()).unwrap();
        assert!(text.len() < 8 || !shown.contains(text), "the key is shown");
        assert_eq!(
            key.fingerprint(),
            ApiKey::parse(text.as_bytes()).unwrap().fingerprint()
        );
    }
}

fn names(cluster: &str, id: &str) {
    let name = object_name(cluster, id);
    assert!((1..=63).contains(&name.len()), "{name}");
    assert!(
        name.bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')),
        "{name}"
    );
    assert!(!name.starts_with('-') && !name.ends_with('-'), "{name}");
    // Only an id in the form of a name of its own kind (a UUID) is taken as it is.
    assert!(name != id || id.len() == 36, "{id}");
    assert!(
        cluster == id || name == id || object_name(id, cluster) != name,
        "{cluster} and {id}"
    );
    let labels = Labels::of(id, FlagLabels::default()).of_mirror(cluster, Some(id));
    for value in labels.values() {
        assert!(
            (1..=63).contains(&value.len()) && value.is_ascii(),
            "{value}"
        );
    }
}

fn times(text: &str) {
    if let Ok(read) = duration::parse(text) {
        assert!(text.len() <= limits::DURATION as usize);
        // What the operator does with the longest one.
        assert!(read.checked_mul(1000).is_some());
    }
    if let Some(read) = timestamp::read(Some(text)) {
        assert!(read.as_second() > 0 && timestamp::given(Some(text)).is_some());
        assert!(timestamp::to_second(read) <= read);
        let written = timestamp::seconds(read);
        assert_eq!(
            timestamp::read(Some(&written)).map(timestamp::to_second),
            Some(timestamp::to_second(read)),
            "{written}"
        );
    }
}

fn address(text: &str) {
    for http in [false, true] {
        match BaseUrl::parse(text, http) {
            Ok(base) => {
                let shown = base.to_string();
                assert!(
                    shown.starts_with("https://") || (http && shown.starts_with("http://")),
                    "{shown}"
                );
                assert!(
                    !shown.ends_with('/') && !shown.contains(['?', '#', '\n']),
                    "{shown}"
                );
                assert_eq!(BaseUrl::parse(&shown, http), Ok(base));
            }
            Err(error) => assert!(!error.to_string().contains('\n')),
        }
    }
}
