//! A clock that tests move by hand.

use std::{future::Future, pin::Pin, time::Duration};

use k8s_openapi::jiff::Timestamp;
use together_remediation_operator::clock::Clock;
use tokio::sync::watch;

/// Stands still until it is moved.
pub(crate) struct ManualClock {
    start: Timestamp,
    elapsed: watch::Sender<Duration>,
}

impl ManualClock {
    pub(crate) fn new() -> Self {
        Self {
            start: Timestamp::now(),
            elapsed: watch::Sender::new(Duration::from_secs(86_400)),
        }
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
        Box::pin(async move {
            elapsed.wait_for(|elapsed| *elapsed >= until).await.unwrap();
        })
    }
}
