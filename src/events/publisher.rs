//! Hands Events to the cluster, in a bucket of their own.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube_runtime::events::{Event, EventType, Recorder};
use leaky_bucket::RateLimiter;
use prometheus_client::metrics::counter::Counter;
use tokio::{sync::mpsc::Receiver, time::timeout};

use super::Said;
use crate::k8s::{api::ClusterError, leadership::Leadership};

/// Between Events when many wait.
const TURN: Duration = Duration::from_millis(100);
/// Events that need no turn.
const BURST: usize = 100;
/// How long the cluster may take for one.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a note; the API server refuses more than 1,024.
const NOTE: usize = 1000;
/// What an Event says was done; the API server demands a word.
const ACTION: &str = "Mirror";

pub(super) type Queue = Receiver<(ObjectReference, Said)>;

/// Tells the cluster what was said.
pub struct Publisher {
    queue: Queue,
    dropped: Counter,
    recorder: Recorder,
    leadership: Leadership,
}

impl Publisher {
    /// A publisher of what comes from `queue`, by way of `client`, while this replica leads.
    #[must_use]
    pub fn new(client: Client, leadership: Leadership, queue: Queue, dropped: Counter) -> Self {
        Self {
            queue,
            dropped,
            recorder: Recorder::new(client, env!("CARGO_PKG_NAME").into()),
            leadership,
        }
    }

    /// Publishes until nobody can say anything any more.
    pub async fn run(mut self) {
        let bucket = RateLimiter::builder()
            .max(BURST)
            .initial(BURST)
            .refill(1)
            .interval(TURN)
            .build();
        let mut failing = false;
        while let Some((of, said)) = self.queue.recv().await {
            bucket.acquire_one().await;
            if !self.leadership.holds() {
                self.dropped.inc();
                continue;
            }
            let told = self.publish(&of, said).await;
            if let Err(error) = &told {
                self.dropped.inc();
                // Once for all that follow each other.
                if !failing {
                    tracing::warn!(%error, "Events cannot be told; they are dropped and counted in events_dropped_total");
                }
            }
            failing = told.is_err();
        }
    }

    async fn publish(&self, of: &ObjectReference, said: Said) -> Result<(), ClusterError> {
        let type_ = if said.warning {
            EventType::Warning
        } else {
            EventType::Normal
        };
        let event = Event {
            type_,
            reason: said.reason.to_string(),
            note: Some(cut(said.note)),
            action: ACTION.to_owned(),
            secondary: None,
        };
        match timeout(TIMEOUT, self.recorder.publish(&event, of)).await {
            Ok(told) => Ok(told?),
            Err(_) => Err(ClusterError::Unavailable(format!(
                "no answer within {TIMEOUT:?}"
            ))),
        }
    }
}

/// The note in as many bytes as the API server takes. The `…` keeps a command that is cut short from being one.
fn cut(mut note: String) -> String {
    if note.len() <= NOTE {
        return note;
    }
    let kept = NOTE - '…'.len_utf8();
    let end = (0..=kept).rev().find(|end| note.is_char_boundary(*end));
    note.truncate(end.unwrap_or_default());
    note.push('…');
    note
}

#[cfg(test)]
mod tests {
    use super::{NOTE, cut};

    #[test]
    fn a_note_is_cut_at_a_character() {
        assert_eq!(cut("short".to_owned()), "short");
        let long = format!("a{}", "é".repeat(NOTE));
        let cut = cut(long.clone());
        assert_eq!(cut.len(), NOTE);
        assert!(long.starts_with(cut.strip_suffix('…').unwrap_or_default()));
        assert_eq!(super::cut("n".repeat(NOTE)), "n".repeat(NOTE));
    }
}
