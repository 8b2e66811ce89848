//! The clocks of one process, in tokio's virtual time.

use std::{future::Future, pin::Pin, sync::Arc};

use k8s_openapi::jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::life::Life;
use crate::{
    clock::{Clock, MonoTime},
    testing::clock::wall_time,
};

pub(super) struct VirtualClock {
    /// The start of the sequence.
    pub(super) start: Instant,
    pub(super) life: Arc<Life>,
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        wall_time(self.elapsed()) + self.life.ahead.get()
    }

    fn elapsed(&self) -> MonoTime {
        MonoTime::at(self.start.elapsed())
    }

    fn sleep_until(&self, until: MonoTime) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            sleep_until(self.start + until.since_zero()).await;
            self.life.runs().await;
        })
    }
}
