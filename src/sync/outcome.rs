//! The result of a complete sync.

use std::time::Duration;

use crate::{api::Reason, clock::MonoTime, sync::write::queue::WriteSummary};

/// When a complete list ended, and how long it took.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListTime {
    /// When it ended.
    pub ended: MonoTime,
    /// From its first request to its last page, including concurrent writes.
    pub lasted: Duration,
    /// The part of it that the API needed.
    pub taken: Duration,
}

impl ListTime {
    /// That of a list from `began` to `ended`, for which the API needed the time `taken`.
    pub(crate) fn of(began: MonoTime, ended: MonoTime, taken: Duration) -> Self {
        Self {
            ended,
            lasted: ended.duration_since(began),
            taken,
        }
    }
}

/// The result of a complete sync.
#[derive(Debug)]
pub struct SyncOutcome {
    /// Whether it was a full sync.
    pub full: bool,
    /// Its list. Requests by id and writes may go on for long after that.
    pub list: ListTime,
    /// Number of requests for the list itself.
    pub pages: usize,
    /// Number of listed remediations.
    pub items: usize,
    /// The results of its writes.
    pub summary: WriteSummary,
    /// How many open remediations were missing at once, if those are many.
    pub vanished: usize,
    /// What was left out, and which other query format is in use: reasons and sentences.
    pub notes: Vec<(Reason, String)>,
}

impl SyncOutcome {
    /// All notes in one text; empty if there are none.
    #[must_use]
    pub fn note(&self) -> String {
        let notes: Vec<&str> = self.notes.iter().map(|(_, note)| &**note).collect();
        notes.join(". ")
    }

    /// Writes one line to the log, at `info` if there were writes or failed writes.
    pub(crate) fn trace(&self) {
        let summary = &self.summary;
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    full = self.full,
                    items = self.items,
                    calls = self.pages,
                    seconds = self.list.lasted.as_secs_f64(),
                    created = summary.created,
                    updated = summary.updated,
                    pruned = summary.pruned,
                    conflicts = summary.conflicts,
                    failed = summary.failed,
                    "synced"
                )
            };
        }
        if *summary == WriteSummary::default() {
            line!(debug);
        } else {
            line!(info);
        }
    }
}
