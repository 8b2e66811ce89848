//! The whole mirror against the whole truth.

use std::collections::BTreeMap;

use crate::simulator::Remediation;
use serde_json::Value;

use super::fields::{condition, differences, gone};

/// What the comparison came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Mirrors that agree with a remediation of the API.
    pub agree: usize,
    /// Mirrors that are rightly marked as gone from the API.
    pub left: usize,
    /// Everything that is wrong, each in one line.
    pub differences: Vec<String>,
}

/// Compares every remediation with its mirror, every mirror with its remediation, and the watch's
/// own sums with both.
#[must_use]
pub fn judge(truth: &[Remediation], mirrors: &[Value], watch: &Value) -> Verdict {
    let mut verdict = Verdict {
        agree: 0,
        left: 0,
        differences: Vec::new(),
    };
    let mut rest: BTreeMap<&str, &Value> = mirrors
        .iter()
        .map(|mirror| (mirror["spec"]["id"].as_str().unwrap_or_default(), mirror))
        .collect();
    for remediation in truth {
        let wrong = match rest.remove(remediation.id.as_str()) {
            Some(mirror) => differences(remediation, mirror, watch),
            None => vec!["it has no mirror".to_owned()],
        };
        verdict.agree += usize::from(wrong.is_empty());
        verdict.add(&remediation.id, wrong);
    }
    for (id, mirror) in rest {
        let wrong = gone(mirror);
        verdict.left += usize::from(wrong.is_empty());
        verdict.add(id, wrong);
    }
    let open = truth.iter().filter(|one| !one.is_final()).count();
    let sums = &watch["status"]["remediations"];
    let mut wrong = Vec::new();
    if sums["total"] != mirrors.len() || sums["open"] != open {
        wrong.push(format!(
            "it counts {sums}, there are {} with {open} open",
            mirrors.len()
        ));
    }
    let ready = condition(watch, "Ready", "status");
    if ready != "True" {
        wrong.push(format!(
            "Ready is {ready}: {}",
            condition(watch, "Ready", "message")
        ));
    }
    verdict.add("ClusterWatch", wrong);
    verdict
}

impl Verdict {
    fn add(&mut self, whose: &str, wrong: Vec<String>) {
        let lines = wrong.into_iter().map(|what| format!("{whose}: {what}"));
        self.differences.extend(lines);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn watch(total: usize) -> Value {
        json!({"status": {
            "remediations": {"total": total, "open": 0},
            "conditions": [{"type": "Ready", "status": "True"}],
        }})
    }

    #[test]
    fn nothing_agrees_with_nothing() {
        let verdict = judge(&[], &[], &watch(0));
        assert_eq!(
            (verdict.agree, verdict.left, verdict.differences.len()),
            (0, 0, 0)
        );
    }

    #[test]
    fn a_missing_mirror_a_stray_one_and_wrong_sums_are_reported() {
        let truth = [Remediation {
            state: "SUCCEEDED".into(),
            ..Remediation::new("c", "i", "a")
        }];
        let left = json!({"spec": {"id": "b"}, "status": {"open": false, "conditions": [
            {"type": "Synced", "status": "False", "reason": "NotFound"}]}});
        let stray = json!({"spec": {"id": "x"}, "status": {"open": false}});
        let verdict = judge(&truth, &[left, stray], &watch(1));
        assert_eq!((verdict.agree, verdict.left), (0, 1));
        let differences = verdict.differences.join("\n");
        assert_eq!(verdict.differences.len(), 3, "{differences}");
        assert!(differences.contains("a: it has no mirror"), "{differences}");
        assert!(differences.contains("x: it left the API"), "{differences}");
        assert!(
            differences.contains("ClusterWatch: it counts"),
            "{differences}"
        );
    }

    #[test]
    fn a_watch_that_is_not_ready_is_reported() {
        let verdict = judge(
            &[],
            &[],
            &json!({"status": {"remediations": {"total": 0, "open": 0}}}),
        );
        assert_eq!(verdict.differences.len(), 1);
    }
}
