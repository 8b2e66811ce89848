//! When a failed page is retried.

use std::time::Duration;

use crate::together::{
    backoff::backoff,
    error::{DecodeError, Error},
    query::page::PageQuery,
};

/// Maximum number of requests for one page, including the first.
const TRIES: u32 = 3;
/// Number of retries that any list may use; a long list may use one per `PAGES_EACH` pages.
const ALWAYS: usize = 10;
const PAGES_EACH: usize = 10;
/// Longest Retry-After that does not end the list.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The maximum waits before the second and third request of a page, in addition to the API's Retry-After: this long,
/// and twice that.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The retries of one list.
#[derive(Debug, Default)]
pub(super) struct Retries {
    /// How often the current page failed.
    failed: u32,
    made: usize,
    /// The first page is not retried.
    pub(super) first_page_once: bool,
}

impl Retries {
    /// Another page is requested.
    pub(super) fn next_page(&mut self) {
        self.failed = 0;
    }

    /// Number of retries.
    pub(super) fn made(&self) -> usize {
        self.made
    }

    /// The page of `query` failed after `pages` pages: how long to wait before its retry; `None` if there is none.
    pub(super) fn after(
        &mut self,
        error: &Error,
        query: &PageQuery,
        pages: usize,
    ) -> Option<Duration> {
        let pause = error.retry_after().unwrap_or_default();
        let no_use = pages == 0 && self.first_page_once;
        let spent = self.failed + 1 >= TRIES || self.made >= ALWAYS.max(pages / PAGES_EACH);
        if no_use || spent || pause > LONGEST_PAUSE || !may_pass(error) {
            return None;
        }
        let wait = backoff(FIRST_WAIT, LONGEST_WAIT, self.failed, who(query).as_bytes());
        self.failed += 1;
        self.made += 1;
        Some(pause + wait)
    }
}

/// How much of a pause a request waits for. If the pause is longer, it fails at once.
pub(super) fn waited_for(pause: Duration) -> Duration {
    if pause > LONGEST_PAUSE {
        Duration::ZERO
    } else {
        pause
    }
}

/// Whether a retry within seconds may succeed.
fn may_pass(error: &Error) -> bool {
    matches!(
        error,
        Error::RateLimited { .. }
            | Error::Unavailable { .. }
            | Error::InvalidResponse(DecodeError::CutOff { .. })
    )
}

/// The jitter between clients that list at the same time.
fn who(query: &PageQuery) -> String {
    let (instance, token) = (query.instance.as_deref(), query.page_token.as_deref());
    let parts = [Some(&*query.cluster), instance, token];
    parts.map(Option::unwrap_or_default).join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{health::liveness, together::Limits};

    #[test]
    fn a_page_that_fails_slowly_does_not_look_like_a_poll_that_hangs() {
        let limits = Limits::default();
        let waits = LONGEST_PAUSE + (LONGEST_PAUSE + LONGEST_WAIT) * (TRIES - 1);
        let longest = limits.total_timeout * TRIES + waits;
        assert!(longest < liveness::stall_timeout(limits.qps), "{longest:?}");
    }
}
