//! When a page that failed is asked for again.

use std::time::Duration;

use crate::together::{
    backoff::backoff,
    error::{DecodeError, Error},
    service::PageQuery,
};

/// Calls for one page, the first one included.
const TRIES: u32 = 3;
/// So often any listing may repeat a call; a long one once in `PAGES_EACH` of the pages that it has.
const ALWAYS: usize = 10;
const PAGES_EACH: usize = 10;
/// The longest pause that the API may ask for without ending the listing.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The waits before a page's second and third call, on top of what the API asks for: up to this long, and twice that.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The calls of one listing that were repeated.
#[derive(Debug, Default)]
pub(super) struct Retries {
    /// How often the present page has failed.
    failed: u32,
    made: usize,
    /// The first page is asked for once only.
    pub(super) first_page_once: bool,
}

impl Retries {
    /// Another page is asked for.
    pub(super) fn next_page(&mut self) {
        self.failed = 0;
    }

    /// How many calls were repeated.
    pub(super) fn made(&self) -> usize {
        self.made
    }

    /// The page of `query` failed, `pages` have come before it: how long to wait before it is asked for again; `None`: it
    /// is not.
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

/// How much of a pause a call waits for; for a longer one it fails at once.
pub(super) fn waited_for(pause: Duration) -> Duration {
    if pause > LONGEST_PAUSE {
        Duration::ZERO
    } else {
        pause
    }
}

/// Whether the same call may succeed within seconds.
fn may_pass(error: &Error) -> bool {
    matches!(
        error,
        Error::RateLimited { .. }
            | Error::Unavailable { .. }
            | Error::InvalidResponse(DecodeError::CutOff { .. })
    )
}

/// What spreads the waits of those who list at the same time.
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
        assert!(longest < liveness::patience(limits.qps), "{longest:?}");
    }
}
