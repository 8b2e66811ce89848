//! Kubernetes Events: one per change. They are best effort: nothing waits for them, and those that cannot be published
//! in time are dropped and counted.

mod publisher;
mod recent;

use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Client, Resource};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::mpsc::{Sender, channel};

pub use self::publisher::Publisher;
use crate::{
    api::{Reason, remediation::Remediation},
    clock::Clock,
    k8s::leadership::Leadership,
};

/// Maximum number of queued Events.
const QUEUE: usize = 1000;
/// Of these, reserved for `ClusterWatches`, because their Events explain many Events of mirrors.
const RESERVED: usize = 50;

/// An Event, before it refers to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventDraft {
    /// Whether it needs attention: type `Warning`, otherwise `Normal`.
    pub warning: bool,
    /// The reason, as in conditions.
    pub reason: Reason,
    /// A sentence, without personal names or free text from people.
    pub note: String,
}

impl EventDraft {
    pub(crate) const fn normal(reason: Reason, note: String) -> Self {
        Self {
            warning: false,
            reason,
            note,
        }
    }

    pub(crate) fn warning(reason: Reason, note: String) -> Self {
        Self {
            warning: true,
            ..Self::normal(reason, note)
        }
    }
}

/// The queue of Events. Clones share it; the default one drops everything.
#[derive(Clone, Debug, Default)]
pub struct Events {
    queue: Option<Sender<(ObjectReference, EventDraft)>>,
    dropped: Counter,
}

impl Events {
    /// A queue, and its publisher, which uses `client` while this replica leads.
    #[must_use]
    pub fn new(client: Client, clock: Arc<dyn Clock>, leadership: Leadership) -> (Self, Publisher) {
        let (queue, queued) = channel(QUEUE);
        let dropped = Counter::default();
        let publisher = Publisher::new(client, clock, leadership, (queued, dropped.clone()));
        let queue = Some(queue);
        (Self { queue, dropped }, publisher)
    }

    /// The number of dropped Events.
    #[must_use]
    pub fn dropped(&self) -> Counter {
        self.dropped.clone()
    }

    /// Queues an Event about a `ClusterWatch`.
    pub fn of_watch(
        &self,
        watch: &impl Resource<DynamicType = ()>,
        drafts: impl IntoIterator<Item = EventDraft>,
    ) {
        for draft in drafts {
            self.enqueue(0, || watch.object_ref(&()), draft);
        }
    }

    /// Queues an Event about a mirror.
    pub fn of_mirror(
        &self,
        (namespace, name, uid): (&str, &str, &str),
        drafts: impl IntoIterator<Item = EventDraft>,
    ) {
        let mirror = || ObjectReference {
            api_version: Some(Remediation::api_version(&()).into_owned()),
            kind: Some(Remediation::kind(&()).into_owned()),
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        };
        for draft in drafts {
            self.enqueue(RESERVED, mirror, draft);
        }
    }

    fn enqueue(&self, room: usize, of: impl Fn() -> ObjectReference, draft: EventDraft) {
        let Some(queue) = &self.queue else {
            return;
        };
        if queue.capacity() <= room || queue.try_send((of(), draft)).is_err() {
            self.dropped.inc();
        }
    }
}

/// The queued Events of a test.
#[cfg(test)]
pub(crate) type Kept = tokio::sync::mpsc::Receiver<(ObjectReference, EventDraft)>;

#[cfg(test)]
impl Events {
    /// A queue from which nothing is published.
    pub(crate) fn kept() -> (Self, Kept) {
        let (queue, kept) = channel(QUEUE);
        let queue = Some(queue);
        (
            Self {
                queue,
                ..Self::default()
            },
            kept,
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
