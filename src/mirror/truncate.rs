//! What fits into a mirror: texts of the API may be longer than the CRD allows. Pure.

use crate::{
    api::{
        cluster_watch::OmitField,
        limits::{self, fits},
    },
    together::{LinkedAlert, Remediation},
};

/// The prefix of every mode in the API.
pub const MODE: &str = "REMEDIATION_MODE_";
/// The prefix of every trigger in the API.
pub const TRIGGER: &str = "REMEDIATION_TRIGGER_";

/// `value` without `prefix`.
#[must_use]
pub fn suffix<'a>(value: Option<&'a str>, prefix: &str) -> Option<&'a str> {
    value.map(|value| value.strip_prefix(prefix).unwrap_or(value))
}

/// Maximum number of characters of an API id in messages.
pub(crate) const ID_SHOWN: usize = 64;

/// An API id as messages show it: at most [`ID_SHOWN`] characters.
pub(crate) fn shown_id(id: &str) -> String {
    id.chars().take(ID_SHOWN).collect()
}

/// Name, value and limit of a field.
type Text<'a> = (&'static str, Option<&'a str>, u32);

/// The first field of a mirror of `item` that is truncated.
#[must_use]
pub fn cut_short(item: &Remediation, omit: &[OmitField]) -> Option<&'static str> {
    let omittable = optional(item)
        .into_iter()
        .filter(|(field, _)| !omit.contains(field))
        .map(|(_, text)| text);
    let long = |(name, value, limit): Text| {
        value
            .is_some_and(|value| !fits(value, limit))
            .then_some(name)
    };
    let alerts = !omit.contains(&OmitField::LinkedAlerts)
        && (item.linked_alerts.len() > limits::LINKED_ALERTS as usize
            || item.linked_alerts.iter().any(|alert| !fits_whole(alert)));
    let mut texts = always(item).into_iter().chain(omittable);
    texts.find_map(long).or(alerts.then_some("linkedAlerts"))
}

/// The fields that every mirror has.
fn always(item: &Remediation) -> [Text<'_>; 10] {
    let mode = suffix(item.mode.as_deref(), MODE);
    let trigger = suffix(item.trigger.as_deref(), TRIGGER);
    [
        ("instanceId", item.instance_id.as_deref(), limits::ID),
        ("instanceName", item.instance_name.as_deref(), limits::NAME),
        ("state", Some(&*item.state), limits::ENUM),
        ("mode", mode, limits::ENUM),
        ("trigger", trigger, limits::ENUM),
        ("createTime", item.create_time.as_deref(), limits::TIME),
        ("reviewTime", item.review_time.as_deref(), limits::TIME),
        ("startTime", item.start_time.as_deref(), limits::TIME),
        ("endTime", item.end_time.as_deref(), limits::TIME),
        ("updateTime", item.update_time.as_deref(), limits::TIME),
    ]
}

/// The fields that `spec.omit` may leave out.
fn optional(item: &Remediation) -> [(OmitField, Text<'_>); 7] {
    use OmitField as O;
    let health_check = item.active_health_check_run_id.as_deref();
    let event = item.passive_health_check_event_id.as_deref();
    let comment = item.review_comment.as_deref();
    let error = item.error_message.as_deref();
    [
        (O::Reason, ("reason", item.reason.as_deref(), limits::TEXT)),
        (
            O::ActiveHealthCheckRunId,
            ("activeHealthCheckRunId", health_check, limits::ID),
        ),
        (
            O::PassiveHealthCheckEventId,
            ("passiveHealthCheckEventId", event, limits::ID),
        ),
        (
            O::RequestedBy,
            ("requestedBy", item.requested_by.as_deref(), limits::NAME),
        ),
        (
            O::ReviewedBy,
            ("reviewedBy", item.reviewed_by.as_deref(), limits::NAME),
        ),
        (O::ReviewComment, ("reviewComment", comment, limits::TEXT)),
        (O::ErrorMessage, ("errorMessage", error, limits::TEXT)),
    ]
}

fn fits_whole(alert: &LinkedAlert) -> bool {
    let texts = [
        (&alert.name, limits::NAME),
        (&alert.severity, limits::ENUM),
        (&alert.title, limits::TITLE),
        (&alert.summary, limits::TITLE),
        (&alert.description, limits::DESCRIPTION),
        (&alert.slurm_reason, limits::TITLE),
        (&alert.started_at, limits::TIME),
        (&alert.resolved_at, limits::TIME),
    ];
    let mnemonics = alert.xids.iter().map(|xid| (&xid.mnemonic, limits::ENUM));
    let mut texts = texts.into_iter().chain(mnemonics);
    alert.xids.len() <= limits::XIDS as usize
        && texts.all(|(value, limit)| value.as_deref().is_none_or(|value| fits(value, limit)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{mirror::status::from_api, testing::random};

    proptest! {
        /// [`cut_short`] reports a cut exactly if [`from_api`] cuts something.
        #[test]
        fn every_cut_is_reported(item in random::remediation(4), leave_out in any::<bool>()) {
            let omit = if leave_out { &[OmitField::Reason, OmitField::LinkedAlerts][..] } else { &[] };
            let status = from_api(&item, omit, 1);
            let status = serde_json::to_value((&status, &status.linked_alerts)).unwrap_or_default();
            let reported = cut_short(&item, omit);
            // Fields that are derived from others end with an ellipsis too.
            let mut fields = status[0].clone();
            for derived in ["node", "stateSince", "conditions", "linkedAlerts"] {
                fields[derived] = serde_json::Value::Null;
            }
            let ends = fields.to_string().contains("…\"") || status[1].to_string().contains("…\"");
            let mut xids = item.linked_alerts.iter().map(|alert| alert.xids.len());
            let fewer = !leave_out
                && (item.linked_alerts.len() > limits::LINKED_ALERTS as usize
                    || xids.any(|xids| xids > limits::XIDS as usize));
            prop_assert_eq!(reported.is_some(), ends || fewer, "{:?}", reported);
        }
    }
}
