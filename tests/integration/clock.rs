//! A clock that tests move by hand.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use together_remediation_operator::clock::Clock;
use tokio::sync::watch;

/// What the clock shows at first, so that something can have been before.
const RAN_BEFORE: Duration = Duration::from_secs(86_400);

/// Stands still until it is moved.
pub(crate) struct ManualClock {
    start: Timestamp,
    moved: watch::Sender<Duration>,
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
            moved: watch::Sender::default(),
            sleepers: Arc::default(),
        }
    }

    /// How many wait for it to move.
    pub(crate) fn sleepers(&self) -> usize {
        self.sleepers.load(Ordering::SeqCst)
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.moved.send_modify(|moved| *moved += by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.start + *self.moved.borrow()
    }

    fn elapsed(&self) -> Duration {
        RAN_BEFORE + *self.moved.borrow()
    }

    fn sleep_until(&self, until: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut moved = self.moved.subscribe();
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let sleeper = Sleeper(self.sleepers.clone());
        Box::pin(async move {
            let _sleeper = sleeper;
            moved
                .wait_for(|moved| RAN_BEFORE + *moved >= until)
                .await
                .unwrap();
        })
    }
}
