//! The meaning of a response's status and headers. The body is not read here.

use std::time::{Duration, SystemTime};

use reqwest::{
    StatusCode,
    header::{DATE, HeaderMap, RETRY_AFTER},
};

use super::error::{DecodeError, Error, TransportError};
use crate::network::Cause;

/// Maximum wait that the API may impose.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);
/// From this value on (a time in 2001), `x-ratelimit-reset` is Unix time. Otherwise the wait would be thirty years.
const EPOCH_SECONDS: f64 = 1e9;

/// Whether the body should be read.
///
/// # Errors
/// The meaning of the status, unless it is a success.
pub(crate) fn check(status: StatusCode, headers: &HeaderMap) -> Result<(), Error> {
    let retry_after = || retry_after(headers, SystemTime::now());
    match status.as_u16() {
        200..=299 => Ok(()),
        redirect @ 300..=399 => Err(Error::InvalidResponse(DecodeError::Redirect(redirect))),
        401 => Err(Error::Unauthorized),
        402 => Err(Error::Billing),
        403 => Err(Error::Forbidden),
        404 => Err(Error::NotFound),
        429 => Err(Error::RateLimited {
            retry_after: retry_after().or_else(|| limit_reset(headers, SystemTime::now())),
        }),
        407 => Err(Error::Unavailable {
            cause: TransportError::Connection(Cause::ProxyNeedsCredentials),
            retry_after: retry_after(),
        }),
        408 | 409 | 425 => Err(unavailable(status, retry_after())),
        refused @ 400..=499 => Err(Error::BadRequest { status: refused }),
        _ => Err(unavailable(status, retry_after())),
    }
}

fn unavailable(status: StatusCode, retry_after: Option<Duration>) -> Error {
    Error::Unavailable {
        cause: TransportError::Status(status.as_u16()),
        retry_after,
    }
}

/// How long a response asks to wait, at most an hour: `retry-after-ms`, otherwise `Retry-After` in seconds or as a
/// date, as in the official SDKs. A date is compared with the response's own `Date`, so that the clocks may differ;
/// `now` is used if there is none.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    if let Some(milliseconds) = text(headers, "retry-after-ms").and_then(number) {
        return Some(bounded(milliseconds / 1000.0));
    }
    let value = text(headers, RETRY_AFTER.as_str())?;
    number(value).map(bounded).or_else(|| {
        let then = date(value)?;
        Some(
            then.duration_since(date_of(headers).unwrap_or(now))
                .unwrap_or_default()
                .min(MAX_RETRY_AFTER),
        )
    })
}

/// How long until the rate limit of a 429 resets, at most an hour: `x-ratelimit-reset`, which is Unix time if it is
/// large enough, otherwise seconds. Unix time is compared as in [`retry_after`]. `None` if there is nothing to wait
/// for.
fn limit_reset(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let reset = text(headers, "x-ratelimit-reset").and_then(number)?;
    let seconds = if reset >= EPOCH_SECONDS {
        let now = date_of(headers).unwrap_or(now);
        reset
            - now
                .duration_since(SystemTime::UNIX_EPOCH)
                .ok()?
                .as_secs_f64()
    } else {
        reset
    };
    (seconds > 0.0).then(|| bounded(seconds))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|n| n.is_finite())
}

fn date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text.trim()).ok()
}

/// The response's own clock.
fn date_of(headers: &HeaderMap) -> Option<SystemTime> {
    text(headers, DATE.as_str()).and_then(date)
}

fn bounded(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, MAX_RETRY_AFTER.as_secs_f64()))
}

#[cfg(test)]
mod tests;
