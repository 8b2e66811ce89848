//! What there is to say of a watch, from what its status says and said before: pure.

use super::Said;
use crate::api::cluster_watch::ClusterWatchStatus;

/// The reason of what is said of items that cannot be mirrored.
pub const ITEMS_LEFT_OUT: &str = "ItemsLeftOut";
/// The reason of what is said of an API that does not do as its reference page says.
pub const DIALECT: &str = "DialectFallback";

/// What a status shows at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Status, reason and message of Ready.
    ready: [String; 3],
    suspended: bool,
}

impl Shown {
    /// By `status`.
    #[must_use]
    pub fn by(status: &ClusterWatchStatus) -> Self {
        let find = |type_: &str| status.conditions.iter().find(|told| told.type_ == type_);
        let ready = find("Ready")
            .map(|ready| [&ready.status, &ready.reason, &ready.message].map(Clone::clone));
        Self {
            ready: ready.unwrap_or_default(),
            suspended: find("Reconciling").is_some_and(|told| told.reason == "Suspended"),
        }
    }

    fn is(&self, status: &str) -> bool {
        self.ready[0] == status
    }
}

/// What a report of `after` says that was not said `before`.
#[must_use]
pub fn of_report(before: &Shown, after: &Shown) -> Option<Said> {
    let [_, reason, message] = &after.ready;
    if after.suspended {
        return (!before.suspended).then(|| {
            let note = "nothing is polled until spec.suspend is false again; the mirrors stay, and are marked once they are stale";
            Said::normal("Suspended", note.to_owned())
        });
    }
    let fails_anew = after.is("False") && !(before.is("False") && before.ready[1] == *reason);
    if fails_anew {
        return Some(Said::warning(reason, message.clone()));
    }
    let reason = if before.is("False") {
        "Recovered"
    } else {
        "Synced"
    };
    (after.is("True") && !before.is("True")).then(|| Said::normal(reason, message.clone()))
}

/// What a good poll had to be told with (reason and sentence) that neither the status `shown` nor the poll before (`told`) says.
#[must_use]
pub fn of_notes(notes: &[(&'static str, String)], shown: &Shown, told: &str) -> Vec<Said> {
    notes
        .iter()
        .filter(|(_, note)| !told.contains(note) && !shown.ready[2].contains(note))
        .map(|(reason, note)| Said {
            warning: *reason == ITEMS_LEFT_OUT,
            ..Said::normal(reason, note.clone())
        })
        .collect()
}

/// So many open remediations were missing at once.
#[must_use]
pub fn of_vanished(how_many: usize) -> Option<Said> {
    (how_many > 0).then(|| {
        let note = format!(
            "{how_many} open remediations are missing from the API's listing at once: none is marked gone until a second complete listing lacks it too"
        );
        Said::warning("MassDisappearance", note)
    })
}
