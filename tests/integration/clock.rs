//! A clock that tests move by hand.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use together_remediation_operator::{
    clock::{Clock, MonoTime},
    controller::registry::RECONCILE_PAUSE,
};
use tokio::sync::watch;

/// What the clock shows at first, so that something can have been before.
const RAN_BEFORE: MonoTime = MonoTime::at(Duration::from_secs(86_400));

/// Stands still until it is moved.
pub(crate) struct ManualClock {
    start: Timestamp,
    /// By how much the time of day was set ahead; the monotonic clock knows nothing of it.
    set: Mutex<SignedDuration>,
    moved: watch::Sender<Duration>,
    /// Sleeping tasks never wake.
    frozen: Arc<AtomicBool>,
    sleepers: Arc<Mutex<Sleepers>>,
}

/// Until when each one sleeps.
#[derive(Default)]
struct Sleepers {
    until: HashMap<u64, MonoTime>,
    next: u64,
}

/// One who sleeps, until it is dropped.
struct Sleeper(Arc<Mutex<Sleepers>>, u64);

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.0.lock().unwrap().until.remove(&self.1);
    }
}

impl ManualClock {
    pub(crate) fn new() -> Self {
        Self::beginning(Timestamp::now())
    }

    /// One that shows `start` at first.
    pub(crate) fn beginning(start: Timestamp) -> Self {
        Self {
            start,
            set: Mutex::default(),
            moved: watch::Sender::default(),
            frozen: Arc::default(),
            sleepers: Arc::default(),
        }
    }

    /// How many wait for it to move; those whose time has come wait no more.
    pub(crate) fn sleepers(&self) -> usize {
        let now = self.elapsed();
        let sleepers = self.sleepers.lock().unwrap();
        sleepers
            .until
            .values()
            .filter(|until| **until > now)
            .count()
    }

    /// A hang: tasks that sleep now or later never wake.
    pub(crate) fn freeze_sleepers(&self) {
        self.frozen.store(true, Ordering::SeqCst);
    }

    /// Somebody sets the time of day: `by` ahead of what it was at first (negative: back).
    pub(crate) fn set(&self, by: SignedDuration) {
        *self.set.lock().unwrap() = by;
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.moved.send_modify(|moved| *moved += by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.start + *self.moved.borrow() + *self.set.lock().unwrap()
    }

    fn elapsed(&self) -> MonoTime {
        RAN_BEFORE + *self.moved.borrow()
    }

    fn sleep_until(&self, until: MonoTime) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let pause = until.duration_since(self.elapsed());
        // No test moves the clock by so little, so this pause uses the machine's time. Any other pause must wait for the
        // clock, however short it is: a task that waits for a time of this clock would repeat it forever.
        if pause == RECONCILE_PAUSE && !self.frozen.load(Ordering::SeqCst) {
            return Box::pin(tokio::time::sleep(pause));
        }
        let sleeper = {
            let mut sleepers = self.sleepers.lock().unwrap();
            sleepers.next += 1;
            let number = sleepers.next;
            sleepers.until.insert(number, until);
            Sleeper(self.sleepers.clone(), number)
        };
        let reached = self.deadline(until);
        Box::pin(async move {
            let _sleeper = sleeper;
            reached.await;
        })
    }

    /// Whoever waits for this one does not rest, and is no sleeper.
    fn deadline(&self, until: MonoTime) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut moved = self.moved.subscribe();
        let frozen = self.frozen.clone();
        Box::pin(async move {
            moved
                .wait_for(|moved| RAN_BEFORE + *moved >= until && !frozen.load(Ordering::SeqCst))
                .await
                .unwrap();
        })
    }
}
