//! How long something learned of the server holds.

use std::time::Duration;

use tokio::time::Instant;

/// How long what two listings agreed on holds at first.
pub(super) const FIRST: Duration = Duration::from_secs(10 * 60);
/// The longest that anything holds.
pub(super) const LONGEST: Duration = Duration::from_secs(6 * 60 * 60);

/// A time after which the better form is tried again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Term {
    since: Instant,
    length: Duration,
}

impl Term {
    /// Of something new.
    pub(super) fn first() -> Self {
        Self {
            since: Instant::now(),
            length: FIRST,
        }
    }

    /// Of something that was found again after this one: twice as long.
    pub(super) fn again(self) -> Self {
        Self {
            since: Instant::now(),
            length: (self.length * 2).min(LONGEST),
        }
    }

    pub(crate) fn runs(&self) -> bool {
        self.since.elapsed() < self.length
    }
}
