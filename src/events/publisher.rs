//! Publishes Events at a limited rate, separate from other writes. kube's recorder would send each at once, whether or
//! not this replica still leads.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::{core::v1::ObjectReference, events::v1::Event};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use leaky_bucket::RateLimiter;
use prometheus_client::metrics::counter::Counter;
use serde_json::json;
use tokio::{sync::mpsc::Receiver, time::timeout};
use uuid::Uuid;

use super::{
    EventDraft,
    recent::{Key, Recent, event, series},
};
use crate::{
    clock::Clock,
    k8s::{error::KubeApiError, leadership::Leadership},
};

/// Time between Events while many are queued.
const TURN: Duration = Duration::from_millis(100);
/// Burst of Events.
const BURST: usize = 100;
/// Timeout of one request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum length of the instance's name in the API server.
const INSTANCE: usize = 128;

pub(super) type Queue = Receiver<(ObjectReference, EventDraft)>;

/// Publishes the queued Events.
pub struct Publisher {
    queue: Queue,
    dropped: Counter,
    client: Client,
    clock: Arc<dyn Clock>,
    instance: String,
    recent: Recent,
    leadership: Leadership,
}

impl Publisher {
    /// A publisher of `queue`, which uses `client` while this replica leads.
    #[must_use]
    pub(super) fn new(
        client: Client,
        clock: Arc<dyn Clock>,
        leadership: Leadership,
        (queue, dropped): (Queue, Counter),
    ) -> Self {
        // In a pod, this is the pod's name.
        let host = hostname::get().unwrap_or_default();
        let instance: String = host.to_string_lossy().chars().take(INSTANCE).collect();
        let unnamed = || env!("CARGO_PKG_NAME").to_owned();
        Self {
            queue,
            dropped,
            client,
            clock,
            instance: Some(instance)
                .filter(|name| !name.is_empty())
                .unwrap_or_else(unnamed),
            recent: Recent::default(),
            leadership,
        }
    }

    /// Publishes until the queue is closed.
    pub async fn run(mut self) {
        let bucket = RateLimiter::builder()
            .max(BURST)
            .initial(BURST)
            .refill(1)
            .interval(TURN)
            .build();
        let mut failing = false;
        while let Some((object, draft)) = self.queue.recv().await {
            bucket.acquire_one().await;
            if !self.leadership.holds() {
                self.dropped.inc();
                continue;
            }
            let outcome = match timeout(TIMEOUT, self.publish(&object, &draft)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(KubeApiError::Unavailable(format!(
                    "no response within {TIMEOUT:?}"
                ))),
            };
            if let Err(error) = &outcome {
                self.dropped.inc();
                // Logged only once for failures in a row.
                if !failing {
                    tracing::warn!(%error, "failed to publish Events; they are dropped and counted in events_dropped_total");
                }
            }
            failing = outcome.is_err();
        }
    }

    /// Publishes an Event. A recent one with the same content is counted up, or created again if it was deleted.
    async fn publish(
        &mut self,
        of: &ObjectReference,
        draft: &EventDraft,
    ) -> Result<(), KubeApiError> {
        let namespace = of.namespace.as_deref().unwrap_or("default");
        let events: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let key = Key::of(of, draft);
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        if let Some(recent) = self.recent.get(key, elapsed) {
            let count = recent.count.saturating_add(1);
            let patch = Patch::Merge(json!({"series": series(count, now)}));
            let patched = events
                .patch(&recent.name, &PatchParams::default(), &patch)
                .await;
            match patched.map_err(KubeApiError::from) {
                Ok(_) => {
                    self.recent.record(key, recent.name, count, elapsed);
                    return Ok(());
                }
                Err(KubeApiError::NotFound) => self.recent.gone(key),
                Err(error) => return Err(error),
            }
        }
        let suffix = Uuid::new_v4().simple().to_string();
        let names = (&*self.instance, suffix.get(..16).unwrap_or_default());
        let event = event(of, draft, names, now);
        let created = events.create(&PostParams::default(), &event).await;
        created.map_err(KubeApiError::of_creation)?;
        let name = event.metadata.name.unwrap_or_default();
        self.recent.record(key, name, 1, elapsed);
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
