//! The Events of a `ClusterWatch`, decided from its previous and its new status: pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::{
    api::{Reason, cluster_watch::ClusterWatchStatus, conditions::of_type},
    events::EventDraft,
};

/// The parts of a status that decide its Events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Status of the Ready condition.
    ready: String,
    /// Reason of Ready, if this version knows it.
    reason: Option<Reason>,
    /// Message of Ready.
    message: String,
    suspended: bool,
}

impl Shown {
    /// The parts of `status`.
    #[must_use]
    pub fn by(status: &ClusterWatchStatus) -> Self {
        let ready = of_type(&status.conditions, "Ready");
        let reconciling = of_type(&status.conditions, "Reconciling");
        let reason = |condition: &Condition| condition.reason.parse().ok();
        Self {
            ready: ready.map(|ready| ready.status.clone()).unwrap_or_default(),
            reason: ready.and_then(reason),
            message: ready.map(|ready| ready.message.clone()).unwrap_or_default(),
            suspended: reconciling.and_then(reason) == Some(Reason::Suspended),
        }
    }

    fn is(&self, status: &str) -> bool {
        self.ready == status
    }
}

/// The Event for a report that changes the status from `before` to `after`, if one is due.
#[must_use]
pub fn of_report(before: &Shown, after: &Shown) -> Option<EventDraft> {
    let note = || after.message.clone();
    if after.suspended {
        return (!before.suspended).then(|| {
            let note = "Syncs are suspended until spec.suspend is false. Mirrors are kept; open ones become stale";
            EventDraft::normal(Reason::Suspended, note.to_owned())
        });
    }
    let fails_anew = after.is("False") && !(before.is("False") && before.reason == after.reason);
    if fails_anew {
        return after
            .reason
            .map(|reason| EventDraft::warning(reason, note()));
    }
    let reason = if before.is("False") {
        Reason::Recovered
    } else {
        Reason::Synced
    };
    (after.is("True") && !before.is("True")).then(|| EventDraft::normal(reason, note()))
}

/// The Events for the notes (reason and sentence) of a good sync that are neither in the status `shown` nor among the
/// notes of the previous sync, `reported`.
#[must_use]
pub fn of_notes(notes: &[(Reason, String)], shown: &Shown, reported: &str) -> Vec<EventDraft> {
    notes
        .iter()
        .filter(|(_, note)| !reported.contains(note) && !shown.message.contains(note))
        .map(|(reason, note)| EventDraft {
            warning: *reason == Reason::ItemsLeftOut,
            ..EventDraft::normal(*reason, note.clone())
        })
        .collect()
}

/// The Event for many open remediations that are missing at once.
#[must_use]
pub fn of_vanished(how_many: usize) -> Option<EventDraft> {
    (how_many > 0).then(|| {
        let note = format!(
            "{how_many} open remediations are missing from one list of the Together API. They are reported gone only if a second full sync confirms it"
        );
        EventDraft::warning(Reason::MassDisappearance, note)
    })
}
