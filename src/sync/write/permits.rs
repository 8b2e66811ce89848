//! Room for the writes of all watches together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::sync::write::in_flight::Sent;

/// Writes to mirrors under way at a time: beyond it a server is no faster, the renewal of the Lease would wait behind them,
/// and each holds its whole object meanwhile.
pub(crate) const WRITES: usize = 64;

/// Room for so many writes; whoever waits longest is next. Clones share it.
#[derive(Clone, Debug)]
pub struct WritePermits {
    places: Arc<Semaphore>,
    /// What had a place and may still be carried out.
    pub sent: Sent,
}

impl Default for WritePermits {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(WRITES)),
            sent: Sent::default(),
        }
    }
}

impl WritePermits {
    /// Waits for a place, which is free again once it is dropped.
    pub async fn enter(self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes it.
        self.places.acquire_owned().await.ok()
    }
}
