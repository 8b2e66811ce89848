//! The Events of a mirror, decided from what was written: pure.

use k8s_openapi::jiff::Timestamp;

use crate::{
    api::{Reason, remediation::RemediationStatus, timestamp},
    events::EventDraft,
    mirror::status::{Synced, UNNAMED, condition_message, mode_in_words, reason_of},
    store::Mirror,
    sync::change::MirrorChange,
};

/// The Events after `change` was written. A new mirror causes one only if its remediation was created after
/// `event_cutoff` (by the API's clock; `None`: never), so that a first sync does not report the whole history.
#[must_use]
pub fn events_for(change: &MirrorChange, event_cutoff: Option<Timestamp>) -> Vec<EventDraft> {
    match change {
        MirrorChange::Create(status, spec) => created(status, &spec.id, event_cutoff),
        MirrorChange::Update {
            mirror,
            status: Some(status),
            ..
        } if mirror.state.is_empty() => created(status, &mirror.subject.id, event_cutoff),
        MirrorChange::Update {
            mirror,
            status: Some(status),
            ..
        } => updated(mirror, status),
        MirrorChange::Update { status: None, .. } | MirrorChange::Prune(_) => Vec::new(),
        MirrorChange::Mark(mirror, synced) => marked(mirror, *synced).into_iter().collect(),
    }
}

fn created(
    status: &RemediationStatus,
    id: &str,
    event_cutoff: Option<Timestamp>,
) -> Vec<EventDraft> {
    let is_new = timestamp::is_since(status.create_time.as_deref(), event_cutoff);
    is_new.then(|| entered(status, id)).into_iter().collect()
}

fn updated(mirror: &Mirror, status: &RemediationStatus) -> Vec<EventDraft> {
    let mut drafts = Vec::new();
    let entered_another = status.state.as_deref() != Some(&*mirror.state);
    if !entered_another && mirror.lifecycle.synced != Synced::Listed && status.open == Some(true) {
        drafts.extend(marked(mirror, Synced::Listed));
    }
    let mode = status.mode.as_deref().unwrap_or_default();
    if !mirror.mode.is_empty() && *mirror.mode != *mode {
        let (node, before) = (node(status.node.as_deref()), mode_in_words(&mirror.mode));
        let now = if mode.is_empty() {
            "none"
        } else {
            mode_in_words(mode)
        };
        drafts.push(EventDraft::normal(
            Reason::ModeChanged,
            format!("{node}: the mode changed from {before} to {now}"),
        ));
    }
    if entered_another {
        drafts.push(entered(status, &mirror.subject.id));
    }
    drafts
}

/// The remediation entered its state.
fn entered(status: &RemediationStatus, id: &str) -> EventDraft {
    // Without free text that people may have written.
    let without_text = RemediationStatus {
        node: status.node.clone(),
        state: status.state.clone(),
        mode: status.mode.clone(),
        create_time: status.create_time.clone(),
        review_time: status.review_time.clone(),
        start_time: status.start_time.clone(),
        ..RemediationStatus::default()
    };
    let state = status.state.as_deref().unwrap_or_default();
    EventDraft {
        warning: matches!(state, "FAILED" | "PENDING_APPROVAL"),
        ..EventDraft::normal(reason_of(state), condition_message(&without_text, id))
    }
}

fn marked(mirror: &Mirror, synced: Synced) -> Option<EventDraft> {
    let node = node(mirror.subject.known_node());
    let note = |text: &str| format!("{node}: {text}");
    match synced {
        Synced::Listed if mirror.lifecycle.synced == Synced::Pending => None,
        Synced::Listed => Some(EventDraft::normal(
            synced.reason(),
            note("listed again; the mirror matches the API"),
        )),
        Synced::Stale | Synced::NotFound | Synced::NotListed | Synced::Forbidden => {
            Some(EventDraft::warning(synced.reason(), note(synced.message())))
        }
        Synced::Pending | Synced::Final => None,
    }
}

fn node(name: Option<&str>) -> &str {
    name.unwrap_or(UNNAMED)
}
