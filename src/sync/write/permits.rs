//! Permits for the writes of all `ClusterWatches` together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::sync::write::in_flight::Sent;

/// Maximum number of writes to mirrors in flight. More would not be faster, would delay the renewal of the Lease, and
/// would hold more objects in memory.
pub(crate) const WRITES: usize = 64;

/// Permits for this many writes, first come, first served. Clones share them.
#[derive(Clone, Debug)]
pub struct WritePermits {
    places: Arc<Semaphore>,
    /// Requests that may still take effect.
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
    /// Waits for a permit, which is returned when dropped.
    pub async fn acquire(self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        self.places.acquire_owned().await.ok()
    }
}
