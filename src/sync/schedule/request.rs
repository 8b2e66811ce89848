//! A person's request, by annotation, to sync now.

use std::{future::pending, time::Duration};

use tokio::sync::watch::Receiver;

use crate::{
    api::limits,
    clock::{Clock, MonoTime},
};

/// The annotation. Every new value requests a sync.
pub const REQUESTED_AT: &str = "compute.together.ai/requestedAt";

/// The requests of one `ClusterWatch`. Many requests in a row cause no more syncs than the shortest interval allows.
#[derive(Debug)]
pub struct Requests {
    requested: Receiver<Option<String>>,
    apart: Duration,
    /// A request is waiting for its time.
    waiting: bool,
    /// When one was last honored.
    taken: Option<MonoTime>,
}

impl Requests {
    /// Requests by changes of the annotation's value in `requested`, honored at most once per `apart`.
    #[must_use]
    pub fn new(requested: Receiver<Option<String>>, apart: Duration) -> Self {
        Self {
            requested,
            apart,
            waiting: false,
            taken: None,
        }
    }

    /// The request to answer `now`, if there is one other than `handled` and it is due. It is not due before `earliest`.
    pub fn take(
        &mut self,
        handled: Option<&str>,
        now: MonoTime,
        earliest: MonoTime,
    ) -> Option<String> {
        let requested = self.requested.borrow_and_update().as_deref().map(echo);
        let requested = requested.filter(|requested| handled != Some(&**requested));
        // Also if it was removed before its time: then nothing waits for it.
        self.waiting = requested.is_some() && now < self.due(earliest);
        let requested = requested.filter(|_| !self.waiting)?;
        self.taken = Some(now);
        Some(requested)
    }

    /// Resolves when a request is due.
    pub async fn wait(&mut self, clock: &dyn Clock, earliest: MonoTime) {
        let due = self.due(earliest);
        if !self.waiting {
            if self.requested.changed().await.is_err() {
                pending::<()>().await;
            }
            // Also if the wait is cancelled.
            self.waiting = true;
        }
        clock.deadline(due).await;
    }

    fn due(&self, earliest: MonoTime) -> MonoTime {
        let after_last = self.taken.map(|taken| taken + self.apart);
        after_last.unwrap_or_default().max(earliest)
    }
}

/// The value of `requestedAt`, truncated to what the status can hold.
fn echo(value: &str) -> String {
    value.chars().take(limits::REQUESTED_AT as usize).collect()
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::clock::SystemClock;
    use crate::testing::clock::second as at;

    const APART: Duration = Duration::from_secs(10);

    #[test]
    fn a_request_is_honored_once_and_the_next_one_in_its_time() {
        let (ask, requested) = watch::channel(None);
        let mut requests = Requests::new(requested, APART);
        assert_eq!(requests.take(None, at(0), at(0)), None);
        ask.send_replace(Some("one".to_owned()));
        let taken = requests.take(Some("none"), at(1), at(0));
        assert_eq!(taken.as_deref(), Some("one"));
        assert_eq!(requests.take(Some("one"), at(2), at(0)), None, "handled");
        ask.send_replace(Some("two".to_owned()));
        assert_eq!(requests.take(Some("one"), at(3), at(0)), None, "too soon");
        ask.send_replace(Some("three".to_owned()));
        assert_eq!(requests.take(Some("one"), at(10), at(0)), None, "too soon");
        // A full listing is too soon.
        assert_eq!(requests.take(Some("one"), at(11), at(12)), None);
        let taken = requests.take(Some("one"), at(12), at(12));
        assert_eq!(taken.as_deref(), Some("three"));
    }

    /// A second request came too early, and the wait for its time was given up.
    async fn one_that_waits() -> (SystemClock, watch::Sender<Option<String>>, Requests) {
        let clock = SystemClock::default();
        let (ask, requested) = watch::channel(Some("one".to_owned()));
        let mut requests = Requests::new(requested, APART);
        assert!(requests.take(None, clock.elapsed(), at(0)).is_some());
        ask.send_replace(Some("two".to_owned()));
        let short =
            tokio::time::timeout(Duration::from_secs(6), requests.wait(&clock, at(0))).await;
        assert!(short.is_err());
        (clock, ask, requests)
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_whose_wait_is_given_up_is_not_lost() {
        let (clock, _ask, mut requests) = one_that_waits().await;
        let long = tokio::time::timeout(Duration::from_secs(6), requests.wait(&clock, at(0))).await;
        assert!(long.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_taken_back_before_its_time_ends_no_wait_after_the_next() {
        let (clock, ask, mut requests) = one_that_waits().await;
        ask.send_replace(None);
        assert_eq!(requests.take(Some("one"), at(20), at(0)), None);
        let next =
            tokio::time::timeout(Duration::from_secs(60), requests.wait(&clock, at(0))).await;
        assert!(next.is_err(), "nothing is requested");
    }

    #[test]
    fn a_request_is_cut_to_the_length_that_can_be_echoed() {
        let (_ask, requested) = watch::channel(Some("ä".repeat(300)));
        let taken = Requests::new(requested, APART).take(None, at(0), at(0));
        assert_eq!(taken, Some("ä".repeat(253)));
    }
}
