//! How long something learned about the server is remembered.

use std::time::Duration;

use tokio::time::Instant;

/// The first term.
pub(super) const FIRST: Duration = Duration::from_secs(10 * 60);
/// The longest term.
pub(super) const LONGEST: Duration = Duration::from_secs(6 * 60 * 60);

/// The time after which the better form is tried again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Term {
    since: Instant,
    length: Duration,
}

impl Term {
    /// The term of something new.
    pub(super) fn first() -> Self {
        Self {
            since: Instant::now(),
            length: FIRST,
        }
    }

    /// The term of something found again after this one: twice as long.
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
