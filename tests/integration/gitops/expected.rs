//! What each tool must see according to the contract. Pure, and written from the contract alone.

use super::situation::Kind::{self, Mirror, Watch};
use crate::kstatus::Kstatus::{self, Current, Failed, InProgress, Terminating};

/// One situation, and what is seen in it.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    /// For people.
    pub(super) what: &'static str,
    pub(super) kstatus: Kstatus,
    /// With the `healthCheckExprs` of docs/gitops/flux.
    pub(super) flux: Kstatus,
    /// Whether `kubectl wait` for the kind's main condition ends at once.
    pub(super) waited: bool,
    /// Argo CD's word.
    pub(super) argo: &'static str,
    /// The same from the stricter script.
    pub(super) strict: &'static str,
    /// Part of Argo CD's message.
    pub(super) message: &'static str,
}

const fn row(kind: Kind, name: &'static str, what: &'static str, seen: Kstatus) -> Row {
    Row {
        kind,
        name,
        what,
        kstatus: seen,
        flux: seen,
        waited: matches!(seen, Current),
        argo: match seen {
            Current => "Healthy",
            Failed => "Degraded",
            InProgress | Terminating => "Progressing",
        },
        strict: "",
        message: "",
    }
}

impl Row {
    const fn argo(self, argo: &'static str) -> Self {
        Self { argo, ..self }
    }

    const fn message(self, message: &'static str) -> Self {
        Self { message, ..self }
    }

    const fn waited(self, waited: bool) -> Self {
        Self { waited, ..self }
    }

    const fn flux(self, flux: Kstatus) -> Self {
        Self { flux, ..self }
    }

    pub(super) fn strict(&self) -> &'static str {
        if self.strict.is_empty() {
            self.argo
        } else {
            self.strict
        }
    }
}

/// What stalls a `ClusterWatch` until somebody acts.
const STALLED: [(&str, &str, &str); 8] = [
    (
        "secret-not-found",
        "its Secret is missing for two minutes",
        "SecretNotFound: ",
    ),
    (
        "secret-invalid",
        "its Secret is unusable for two minutes",
        "SecretInvalid: ",
    ),
    ("unauthorized", "the key is refused", "Unauthorized: "),
    (
        "forbidden",
        "the key may not see the cluster",
        "Forbidden: ",
    ),
    ("cluster-not-found", "no such cluster", "ClusterNotFound: "),
    (
        "instance-not-found",
        "no such instance",
        "InstanceNotFound: ",
    ),
    ("bad-request", "the API rejects the query", "BadRequest: "),
    (
        "overlaps",
        "an older ClusterWatch covers the same instances",
        "OverlappingClusterWatch: ",
    ),
];

/// What is tried again, once the mirror is stale.
const FAILING: [(&str, &str, &str); 5] = [
    ("rate-limited", "429 for long", "RateLimited: "),
    ("unavailable", "no usable answer for long", "Unavailable: "),
    (
        "invalid-response",
        "answers of another service, until stale",
        "InvalidResponse: ",
    ),
    (
        "incomplete-listing",
        "lists that do not end, until stale",
        "IncompleteListing: ",
    ),
    (
        "write-failed",
        "the API server rejects writes, until stale",
        "WriteFailed: ",
    ),
];

pub(super) fn all() -> Vec<Row> {
    [watches(), mirrors()].concat()
}

fn watches() -> Vec<Row> {
    let at = |name, what, seen| row(Watch, name, what, seen);
    let mut rows = vec![
        at("created", "created, no operator has looked", InProgress)
            .message("has not processed this generation"),
        at("first-sync", "not synced yet, the API fails", InProgress).message("Progressing: "),
        at("secret-late", "its Secret is not there yet", InProgress).message("SecretNotFound: "),
        at("synced", "synced, nothing to do", Current)
            .message("Synced (open: 0): In sync with Together"),
        at(
            "remediation-open",
            "synced, a remediation is under way",
            Current,
        )
        .message("Synced (open: 1): In sync with Together"),
        Row {
            strict: "Degraded",
            ..at("attention", "synced, something waits for a person", Current)
                .message("tg clusters remediations approve")
        },
    ];
    rows.extend(STALLED.map(|(name, what, message)| at(name, what, Failed).message(message)));
    rows.extend(FAILING.map(|(name, what, message)| at(name, what, InProgress).message(message)));
    rows.extend([
        at(
            "edited",
            "its spec was changed, no operator has processed it",
            InProgress,
        )
        .message("has not processed this generation"),
        at("suspended", "suspended after a sync", Current)
            .argo("Suspended")
            .message("Suspended: syncs are suspended"),
        at(
            "suspended-from-birth",
            "suspended before any sync",
            InProgress,
        )
        .argo("Suspended")
        .flux(Current)
        .message("Suspended: syncs are suspended"),
        at(
            "suspended-unauthorized",
            "suspended while the key was refused",
            InProgress,
        )
        .argo("Suspended")
        .flux(Current)
        .message("Suspended: syncs are suspended"),
        at(
            "silent",
            "the operator is down: `staleAfter` has passed",
            Current,
        )
        .argo("Degraded")
        .message("Stale: the operator has not updated the status since"),
        at("deleted", "being deleted", Terminating)
            .flux(InProgress)
            .message("Pending deletion"),
    ]);
    rows
}

fn mirrors() -> Vec<Row> {
    let at = |name, what, seen| row(Mirror, name, what, seen);
    let open = |name, what| at(name, what, InProgress);
    vec![
        open("created", "created, not filled yet").message("Waiting for the operator"),
        open("pending-approval", "PENDING_APPROVAL")
            .argo("Suspended")
            .message("awaits approval"),
        open("pending", "PENDING").message("is approved and queued"),
        open("running", "RUNNING").message("is running"),
        open("quarantining", "QUARANTINING").message("is being cordoned"),
        open("quarantined", "QUARANTINED").message("is cordoned"),
        open("unknown-state", "an unknown state").message("is in state DEFROSTING"),
        at("succeeded", "SUCCEEDED", Current).message("succeeded"),
        at("auto-resolved", "AUTO_RESOLVED", Current).message("resolved without"),
        at("cancelled", "CANCELLED", Current)
            .waited(false)
            .message("rejected or cancelled"),
        at("failed", "FAILED", Failed).message("failed"),
        open("stale", "open, not confirmed for long (`Stale`)")
            .argo("Unknown")
            .message("not confirmed by a recent sync"),
        open(
            "stale-approval",
            "awaiting approval, not confirmed for long (`Stale`)",
        )
        .argo("Unknown")
        .message("not confirmed by a recent sync"),
        at("not-found", "was open, 404 by its id (`NotFound`)", Current)
            .waited(false)
            .message("gpu-dp-1: not found (404)"),
        at(
            "not-listed",
            "was open, left the lists (`NotListed`)",
            Current,
        )
        .waited(false)
        .message("gpu-dp-1: missing from two full syncs"),
        at("forbidden", "403 by its id (`Forbidden`)", Failed)
            .message("may not read this remediation"),
        at("deleted", "being deleted", Terminating).message("Pending deletion"),
    ]
}
