//! What there is to say of a watch, from what its status says and said before: pure.

use crate::{
    api::{Reason, cluster_watch::ClusterWatchStatus},
    events::EventDraft,
};

/// What a status shows at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Status of Ready.
    ready: String,
    /// Its reason, where that is one of this version.
    reason: Option<Reason>,
    /// Its message.
    message: String,
    suspended: bool,
}

impl Shown {
    /// By `status`.
    #[must_use]
    pub fn by(status: &ClusterWatchStatus) -> Self {
        let find = |type_: &str| status.conditions.iter().find(|told| told.type_ == type_);
        let reason = |type_: &str| find(type_).and_then(|told| told.reason.parse().ok());
        let ready = find("Ready");
        Self {
            ready: ready.map(|told| told.status.clone()).unwrap_or_default(),
            reason: reason("Ready"),
            message: ready.map(|told| told.message.clone()).unwrap_or_default(),
            suspended: reason("Reconciling") == Some(Reason::Suspended),
        }
    }

    fn is(&self, status: &str) -> bool {
        self.ready == status
    }
}

/// What a report of `after` says that was not said `before`.
#[must_use]
pub fn of_report(before: &Shown, after: &Shown) -> Option<EventDraft> {
    let note = || after.message.clone();
    if after.suspended {
        return (!before.suspended).then(|| {
            let note = "nothing is polled until spec.suspend is false again; the mirrors stay, and are marked once they are stale";
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

/// What a good poll had to be told with (reason and sentence) that neither the status `shown` nor the poll before (`told`) says.
#[must_use]
pub fn of_notes(notes: &[(Reason, String)], shown: &Shown, told: &str) -> Vec<EventDraft> {
    notes
        .iter()
        .filter(|(_, note)| !told.contains(note) && !shown.message.contains(note))
        .map(|(reason, note)| EventDraft {
            warning: *reason == Reason::ItemsLeftOut,
            ..EventDraft::normal(*reason, note.clone())
        })
        .collect()
}

/// So many open remediations were missing at once.
#[must_use]
pub fn of_vanished(how_many: usize) -> Option<EventDraft> {
    (how_many > 0).then(|| {
        let note = format!(
            "{how_many} open remediations are missing from the API's listing at once: none is marked gone until a second complete listing lacks it too"
        );
        EventDraft::warning(Reason::MassDisappearance, note)
    })
}
