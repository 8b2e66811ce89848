//! What the simulator was asked, counted.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// Calls that are remembered word by word.
const REMEMBERED: usize = 1000;

/// Sums since the start. Keys of `by_key` are the API keys themselves: use none but made-up ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// List calls without a page token: listings that began.
    pub listings: u64,
    /// All list calls: pages asked for.
    pub pages: u64,
    /// Questions by id.
    pub by_id: u64,
    /// Calls that would change something: approve, reject, cancel.
    pub mutations: u64,
    /// Calls that are none of these, below `/v1` or outside it.
    pub unknown: u64,
    /// Calls by API key; the empty one: calls without a key.
    pub by_key: BTreeMap<String, u64>,
    /// Answers by HTTP status; a hang has none.
    pub by_status: BTreeMap<u16, u64>,
    /// Faults that rose, by name.
    pub by_fault: BTreeMap<String, u64>,
    /// The last 1,000 calls, oldest first.
    pub recent: VecDeque<Call>,
}

/// One call, as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// The HTTP method.
    pub method: String,
    /// The path, still percent-encoded.
    pub path: String,
    /// The query, still percent-encoded; empty where there is none.
    pub query: String,
    /// The `User-Agent`; empty where there is none.
    pub user_agent: String,
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallKind {
    List { first: bool },
    ById,
    Mutation,
    Unknown,
}

impl Counters {
    /// All calls below `/v1`.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.pages + self.by_id + self.mutations + self.unknown
    }

    /// How often a fault of this name rose.
    #[must_use]
    pub fn risen(&self, fault: &super::Fault) -> u64 {
        self.by_fault.get(&fault.name()).copied().unwrap_or(0)
    }

    pub(super) fn asked(&mut self, kind: CallKind, key: &str, call: Call) {
        match kind {
            CallKind::List { first } => {
                self.pages += 1;
                self.listings += u64::from(first);
            }
            CallKind::ById => self.by_id += 1,
            CallKind::Mutation => self.mutations += 1,
            CallKind::Unknown => self.unknown += 1,
        }
        *self.by_key.entry(key.to_owned()).or_default() += 1;
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(call);
    }

    pub(super) fn answered(&mut self, status: u16) {
        *self.by_status.entry(status).or_default() += 1;
    }

    pub(super) fn rose(&mut self, fault: &super::Fault) {
        *self.by_fault.entry(fault.name()).or_default() += 1;
    }
}
