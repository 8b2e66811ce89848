//! The state change behind a write, for metrics: pure.

use k8s_openapi::jiff::Timestamp;

use crate::{
    api::{remediation::RemediationStatus, timestamp},
    sync::change::MirrorChange,
    together::wire::state,
};

/// The label of states and modes that this version does not know, which bounds the number of series.
pub(crate) const OTHER: &str = "other";

const MODES: [&str; 5] = [
    "VM_ONLY",
    "HOST_AWARE",
    "EVICT_WITHOUT_REPLACEMENT",
    "REBOOT_VM",
    "HOST_POWER_CYCLE",
];

/// The label of a state.
pub(crate) fn state_label(state: &str) -> &'static str {
    let known = state::OPEN_REFERENCE
        .into_iter()
        .chain(state::OPEN_NEWER)
        .chain(state::FINAL);
    one_of(known, state)
}

/// The label of a mode.
pub(crate) fn mode_label(mode: &str) -> &'static str {
    one_of(MODES.into_iter(), mode)
}

fn one_of(mut known: impl Iterator<Item = &'static str>, value: &str) -> &'static str {
    known.find(|known| *known == value).unwrap_or(OTHER)
}

/// A remediation entered another state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) to: &'static str,
    pub(crate) mode: &'static str,
    /// Seconds to approve, to start and to finish. Only for a remediation that ends, so that each is counted once.
    pub(crate) took: [Option<f64>; 3],
}

impl Change {
    /// The state change that `change` writes. The first status of a mirror is one only if its remediation was created
    /// after `event_cutoff` (by the API's clock; `None`: never). Older remediations are history.
    #[must_use]
    pub(crate) fn of(change: &MirrorChange, event_cutoff: Option<Timestamp>) -> Option<Self> {
        let is_new = |status: &RemediationStatus| {
            timestamp::is_since(status.create_time.as_deref(), event_cutoff)
        };
        let (status, counts) = match change {
            MirrorChange::Create(status, _) => (status, is_new(status)),
            // An interrupted creation left it without a status.
            MirrorChange::Update {
                mirror,
                status: Some(status),
                ..
            } if mirror.state.is_empty() => (status, is_new(status)),
            MirrorChange::Update {
                mirror,
                status: Some(status),
                ..
            } if status.state.as_deref() != Some(&*mirror.state) => (status, mirror.lifecycle.open),
            _ => return None,
        };
        counts.then(|| Self::to(status))
    }

    fn to(status: &RemediationStatus) -> Self {
        let read = |text: &Option<String>| timestamp::read(text.as_deref());
        let (reviewed, started) = (read(&status.review_time), read(&status.start_time));
        let created = read(&status.create_time);
        let took = [
            (created, reviewed),
            (reviewed.or(created), started),
            (started, read(&status.end_time)),
        ];
        let ended = status.open == Some(false);
        Self {
            to: state_label(status.state.as_deref().unwrap_or_default()),
            mode: mode_label(status.mode.as_deref().unwrap_or_default()),
            took: took.map(|(from, to)| seconds(from?, to?).filter(|_| ended)),
        }
    }
}

/// `None` if negative.
fn seconds(from: Timestamp, to: Timestamp) -> Option<f64> {
    let took = to.duration_since(from).as_secs_f64();
    (took >= 0.0).then_some(took)
}
