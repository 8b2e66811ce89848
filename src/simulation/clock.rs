//! The clocks of one process, in tokio's virtual time.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::life::Life;
use crate::clock::Clock;

pub(super) struct VirtualClock {
    /// The start of the sequence.
    pub(super) start: Instant,
    pub(super) life: Arc<Life>,
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        crate::testing::now() + self.elapsed() + self.life.ahead.get()
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep_until(&self, until: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            sleep_until(self.start + until).await;
            self.life.runs().await;
        })
    }
}
