#![allow(clippy::unwrap_used, clippy::expect_used)]

use reqwest::header::{HeaderName, HeaderValue};

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        let value = HeaderValue::from_str(value).unwrap();
        (HeaderName::from_static(name), value)
    });
    pairs.collect()
}

fn meaning(status: u16) -> Result<(), Error> {
    check(StatusCode::from_u16(status).unwrap(), &HeaderMap::new())
}

fn wait(pairs: &[(&'static str, &str)]) -> Option<Duration> {
    retry_after(&headers(pairs), SystemTime::UNIX_EPOCH)
}

#[test]
fn each_status_has_its_meaning() {
    assert_eq!(meaning(200), Ok(()));
    for (status, label, retryable) in [
        (301, "InvalidResponse", true),
        (307, "InvalidResponse", true),
        (400, "BadRequest", false),
        (401, "Unauthorized", false),
        (402, "Forbidden", false),
        (403, "Forbidden", false),
        (404, "NotFound", false),
        (407, "Unavailable", true),
        (408, "Unavailable", true),
        (409, "Unavailable", true),
        (422, "BadRequest", false),
        (429, "RateLimited", true),
        (500, "Unavailable", true),
        (502, "Unavailable", true),
        (503, "Unavailable", true),
        (599, "Unavailable", true),
    ] {
        let error = meaning(status).unwrap_err();
        let actual = (error.reason().as_str(), error.retryable());
        assert_eq!(actual, (label, retryable), "{status}");
        assert!(!error.to_string().contains('\n'));
    }
}

#[test]
fn a_wait_reaches_the_errors_that_have_one() {
    let headers = headers(&[("retry-after", "7")]);
    for status in [408, 409, 429, 500, 503] {
        let error = check(StatusCode::from_u16(status).unwrap(), &headers).unwrap_err();
        let wait = error.retry_after();
        assert_eq!(wait, Some(Duration::from_secs(7)), "{status}");
    }
    let error = check(StatusCode::UNAUTHORIZED, &headers).unwrap_err();
    assert_eq!(error.retry_after(), None);
}

#[test]
fn milliseconds_come_before_seconds() {
    for (headers, ms) in [
        (&[][..], None),
        (&[("retry-after", "3")], Some(3000)),
        (&[("retry-after", " 1.5 ")], Some(1500)),
        (
            &[("retry-after-ms", "250"), ("retry-after", "3")],
            Some(250),
        ),
        (
            &[("retry-after-ms", "soon"), ("retry-after", "3")],
            Some(3000),
        ),
    ] {
        assert_eq!(wait(headers), ms.map(Duration::from_millis), "{headers:?}");
    }
}

#[test]
fn a_date_is_measured_against_the_answers_own_clock() {
    let then = ("retry-after", "Mon, 23 Nov 2026 10:00:30 GMT");
    let date = ("date", "Mon, 23 Nov 2026 10:00:00 GMT");
    assert_eq!(wait(&[then, date]), Some(Duration::from_secs(30)));
    let past = ("retry-after", "Mon, 23 Nov 2026 09:00:00 GMT");
    assert_eq!(wait(&[past, date]), Some(Duration::ZERO));
    let undated = ("retry-after", "Thu, 01 Jan 1970 00:00:09 GMT");
    assert_eq!(wait(&[undated]), Some(Duration::from_secs(9)));
}

#[test]
fn a_wait_is_bounded_and_never_negative() {
    for (value, seconds) in [
        ("-5", Some(0)),
        ("99999999999999999999", Some(3600)),
        ("1e300", Some(3600)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", Some(3600)),
        ("inf", None),
        ("NaN", None),
        ("tomorrow", None),
        ("", None),
    ] {
        let waits = wait(&[("retry-after", value)]);
        assert_eq!(waits, seconds.map(Duration::from_secs), "{value}");
    }
}

#[test]
fn what_billing_and_a_proxy_refuse_is_not_blamed_on_the_spec() {
    for (status, part) in [(402, "spending limit"), (407, "proxy")] {
        let text = meaning(status).unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
        assert!(!text.contains("spec.clusterId"), "{text}");
    }
}

#[test]
fn a_429_without_a_retry_after_waits_until_its_limit_is_reset() {
    let date = ("date", "Mon, 23 Nov 2026 10:00:00 GMT");
    let retry_after = |status, pairs: &[(&'static str, &str)]| {
        let status = StatusCode::from_u16(status).unwrap();
        check(status, &headers(pairs)).unwrap_err().retry_after()
    };
    for (reset, seconds) in [
        ("7", Some(7)),
        (" 0.25 ", Some(0)),
        ("86400", Some(3600)),
        ("999999999", Some(3600)),
        // 2026-11-23T10:00:40Z, then two seconds before the answer, then in a year.
        ("1795428040", Some(40)),
        ("1795427998", None),
        ("1826964000", Some(3600)),
        ("0", None),
        ("-5", None),
        ("inf", None),
        ("1m30s", None),
        ("", None),
    ] {
        let wait = retry_after(429, &[("x-ratelimit-reset", reset), date]);
        let wait = wait.map(|wait| wait.as_secs());
        assert_eq!(wait, seconds, "{reset}");
    }
    let both = [("x-ratelimit-reset", "7"), ("retry-after", "3")];
    assert_eq!(retry_after(429, &both), Some(Duration::from_secs(3)));
    assert_eq!(retry_after(503, &[("x-ratelimit-reset", "7")]), None);
}
