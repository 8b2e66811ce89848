//! What an answer's status and headers mean. Its body is not looked at.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::error::{Error, Flaw, Outage};

/// Longest wait that the API may impose.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// Whether the body is worth reading.
///
/// # Errors
/// What the status means, if it is not a success.
pub(super) fn check(status: StatusCode, headers: &HeaderMap) -> Result<(), Error> {
    let retry_after = || retry_after(headers, SystemTime::now());
    match status.as_u16() {
        200..=299 => Ok(()),
        redirect @ 300..=399 => Err(Error::InvalidResponse(Flaw::Redirect(redirect))),
        401 => Err(Error::Unauthorized),
        402 => Err(Error::Billing),
        403 => Err(Error::Forbidden),
        404 => Err(Error::NotFound),
        429 => Err(Error::RateLimited {
            retry_after: retry_after(),
        }),
        407 => Err(Error::Unavailable {
            cause: Outage::Proxy,
            retry_after: retry_after(),
        }),
        408 | 409 | 425 => Err(unavailable(status, retry_after())),
        refused @ 400..=499 => Err(Error::BadRequest { status: refused }),
        _ => Err(unavailable(status, retry_after())),
    }
}

fn unavailable(status: StatusCode, retry_after: Option<Duration>) -> Error {
    Error::Unavailable {
        cause: Outage::Status(status.as_u16()),
        retry_after,
    }
}

/// How long an answer asks to wait, at most an hour: `retry-after-ms`, else `Retry-After` in
/// seconds or as a date, as the official SDKs read them. A date is measured against the
/// answer's own `Date`, so that clocks may differ; `now` is for an answer without one.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
    let date = |text: &str| httpdate::parse_http_date(text.trim()).ok();
    let max = MAX_RETRY_AFTER.as_secs_f64();
    let seconds = |n: f64| Duration::from_secs_f64(n.clamp(0.0, max));

    if let Some(milliseconds) = text("retry-after-ms").and_then(number) {
        return Some(seconds(milliseconds / 1000.0));
    }
    let value = text(RETRY_AFTER.as_str())?;
    number(value).map(seconds).or_else(|| {
        let then = date(value)?;
        let now = text(DATE.as_str()).and_then(date).unwrap_or(now);
        Some(
            then.duration_since(now)
                .unwrap_or_default()
                .min(MAX_RETRY_AFTER),
        )
    })
}

#[cfg(test)]
mod tests;
