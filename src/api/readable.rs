//! Fields of a status that count as absent if they are unreadable, so that they are written again.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// The field, or its default if it is unreadable.
///
/// # Errors
/// If the stream is no JSON.
pub(super) fn or_absent<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// The readable conditions of the list.
///
/// # Errors
/// If the stream is no JSON.
pub(super) fn conditions<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Condition>, D::Error> {
    let each: Vec<Value> = or_absent(deserializer)?;
    Ok(each
        .into_iter()
        .filter_map(super::conditions::one)
        .collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use crate::api::cluster_watch::ClusterWatchStatus;

    #[test]
    fn an_unreadable_field_of_the_status_of_a_clusterwatch_is_absent_and_costs_no_other() {
        for (field, odd) in [
            ("observedGeneration", json!("one")),
            ("conditions", json!({"Ready": "True"})),
            ("lastSyncTime", json!(7)),
            ("lastFullSyncTime", json!(["2026-11-23T10:00:00Z"])),
            ("staleAfter", json!(7)),
            ("mirrorsGeneration", json!("1")),
            ("lastHandledReconcileAt", json!(1)),
            // As an earlier version wrote it.
            (
                "remediations",
                json!({"total": 1, "open": 1, "awaitingApproval": 0}),
            ),
            ("attention", json!([{"name": "a"}])),
        ] {
            let mut status = json!({"observedGeneration": 3, "staleAfter": "2026-11-23T10:00:00Z"});
            status[field] = odd;
            let read: ClusterWatchStatus = serde_json::from_value(status).unwrap();
            let read = serde_json::to_value(read).unwrap();
            assert_eq!(read.get(field), None, "{field}");
            let kept = if field == "staleAfter" {
                "observedGeneration"
            } else {
                "staleAfter"
            };
            assert_ne!(read.get(kept), None, "{field}");
        }
    }
}
