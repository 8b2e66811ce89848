//! The alerts that led to a remediation, as mirrored.

use crate::{
    api::{
        cluster_watch::OmitField,
        limits::{self, bounded},
        remediation::{LinkedAlert, Xid},
        timestamp,
    },
    together,
};

/// The earliest ones, as many as the schema allows. The order does not depend on the API's, so that another order there
/// changes nothing here.
pub(super) fn mirrored(item: &together::Remediation, omit: &[OmitField]) -> Vec<LinkedAlert> {
    if omit.contains(&OmitField::LinkedAlerts) {
        return Vec::new();
    }
    let mut alerts: Vec<_> = item.linked_alerts.iter().collect();
    alerts.sort_by_cached_key(|alert| order(alert));
    let kept = alerts.into_iter().take(limits::LINKED_ALERTS as usize);
    kept.map(alert).collect()
}

/// By start time, those without a valid one last; equal ones by everything else that is kept.
fn order(alert: &together::LinkedAlert) -> impl Ord {
    let started = timestamp::read(alert.started_at.as_deref());
    let together::LinkedAlert {
        name,
        severity,
        title,
        summary,
        description,
        started_at,
        resolved_at,
        xids,
        slurm_reason,
    } = alert;
    let texts = (severity, title, summary, description, slurm_reason);
    let rest = (texts, started_at, resolved_at, in_order(xids));
    (started.is_none(), started, name, rest)
}

fn alert(alert: &together::LinkedAlert) -> LinkedAlert {
    LinkedAlert {
        name: bounded(alert.name.as_deref(), limits::NAME),
        severity: bounded(alert.severity.as_deref(), limits::ENUM),
        title: bounded(alert.title.as_deref(), limits::TITLE),
        summary: bounded(alert.summary.as_deref(), limits::TITLE),
        description: bounded(alert.description.as_deref(), limits::DESCRIPTION),
        started_at: bounded(alert.started_at.as_deref(), limits::TIME),
        resolved_at: bounded(alert.resolved_at.as_deref(), limits::TIME),
        xids: xids(&alert.xids),
        slurm_reason: bounded(alert.slurm_reason.as_deref(), limits::TITLE),
    }
}

/// The lowest codes first, as many as the schema allows.
fn xids(xids: &[together::Xid]) -> Vec<Xid> {
    let kept = in_order(xids).into_iter().take(limits::XIDS as usize);
    kept.map(|xid| Xid {
        code: xid.code,
        mnemonic: bounded(xid.mnemonic.as_deref(), limits::ENUM),
        count: xid.count,
    })
    .collect()
}

/// By their codes, those without one last.
fn in_order(xids: &[together::Xid]) -> Vec<&together::Xid> {
    let mut sorted: Vec<_> = xids.iter().collect();
    sorted.sort_unstable_by_key(|xid| (xid.code.is_none(), *xid));
    sorted
}

/// The codes, each once.
pub(super) fn xids_in_words(xids: &[Xid]) -> Option<String> {
    let mut codes: Vec<i64> = xids.iter().filter_map(|xid| xid.code).collect();
    codes.dedup();
    let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
    (!codes.is_empty()).then(|| format!("Xid {}", codes.join(", ")))
}
