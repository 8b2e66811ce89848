//! A clock that tests move by hand.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use together_remediation_operator::clock::Clock;
use tokio::sync::watch;

/// Stands still until it is moved.
pub(crate) struct ManualClock {
    start: Timestamp,
    elapsed: watch::Sender<Duration>,
    sleepers: Arc<Mutex<Sleepers>>,
}

/// Until when each one sleeps.
#[derive(Default)]
struct Sleepers {
    until: HashMap<u64, Duration>,
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
        Self {
            start: Timestamp::now(),
            elapsed: watch::Sender::new(Duration::from_secs(86_400)),
            sleepers: Arc::default(),
        }
    }

    /// How many wait for it to move; those whose time has come wait no more.
    pub(crate) fn sleepers(&self) -> usize {
        let elapsed = *self.elapsed.borrow();
        let sleepers = self.sleepers.lock().unwrap();
        sleepers
            .until
            .values()
            .filter(|until| **until > elapsed)
            .count()
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
        let sleeper = {
            let mut sleepers = self.sleepers.lock().unwrap();
            sleepers.next += 1;
            let number = sleepers.next;
            sleepers.until.insert(number, until);
            Sleeper(self.sleepers.clone(), number)
        };
        Box::pin(async move {
            let _sleeper = sleeper;
            elapsed.wait_for(|elapsed| *elapsed >= until).await.unwrap();
        })
    }
}
