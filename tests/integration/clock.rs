//! A clock that tests move by hand.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use together_remediation_operator::clock::Clock;
use tokio::sync::watch;

/// Stands still until it is moved.
pub(crate) struct ManualClock {
    start: Timestamp,
    elapsed: watch::Sender<Duration>,
    /// Nobody who sleeps wakes any more.
    frozen: Arc<AtomicBool>,
    sleepers: Arc<AtomicUsize>,
}

/// One who sleeps, until it is dropped.
struct Sleeper(Arc<AtomicUsize>);

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ManualClock {
    pub(crate) fn new() -> Self {
        Self {
            start: Timestamp::now(),
            elapsed: watch::Sender::new(Duration::from_secs(86_400)),
            frozen: Arc::default(),
            sleepers: Arc::default(),
        }
    }

    /// How many wait for it to move.
    pub(crate) fn sleepers(&self) -> usize {
        self.sleepers.load(Ordering::SeqCst)
    }

    /// A hang: whoever sleeps now or later never wakes.
    pub(crate) fn freeze_sleepers(&self) {
        self.frozen.store(true, Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.elapsed.send_modify(|elapsed| *elapsed += by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.start + (*self.elapsed.borrow() - Duration::from_secs(86_400))
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.borrow()
    }

    fn sleep_until(&self, until: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut elapsed = self.elapsed.subscribe();
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let sleeper = Sleeper(self.sleepers.clone());
        let frozen = self.frozen.clone();
        Box::pin(async move {
            let _sleeper = sleeper;
            elapsed
                .wait_for(|elapsed| *elapsed >= until && !frozen.load(Ordering::SeqCst))
                .await
                .unwrap();
        })
    }
}
