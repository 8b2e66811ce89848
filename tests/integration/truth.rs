//! Compares a mirror with the simulator's truth, by a mapping of its own.

use serde_json::{Map, Value};
use testbed::simulator::Remediation as Truth;
use together_remediation_operator::api::remediation::Remediation;

/// The fields whose mirror is another than their own text.
const RENAMED: [(&str, &str); 2] = [
    ("mode", "REMEDIATION_MODE_"),
    ("trigger", "REMEDIATION_TRIGGER_"),
];

/// What the status of the mirror should hold of the API's fields.
fn expected(truth: &Truth) -> Map<String, Value> {
    let Value::Object(fields) = serde_json::to_value(truth).unwrap() else {
        unreachable!()
    };
    let mut expected = Map::new();
    for (name, value) in fields {
        let Value::String(text) = value else { continue };
        if ["id", "cluster_id"].contains(&name.as_str()) || text.is_empty() {
            continue;
        }
        let prefix = RENAMED
            .iter()
            .find(|(field, _)| *field == name)
            .map_or("", |(_, prefix)| prefix);
        expected.insert(camel_case(&name), text.trim_start_matches(prefix).into());
    }
    let node = truth
        .instance_name
        .clone()
        .unwrap_or_else(|| truth.instance_id.clone());
    expected.insert("node".into(), node.into());
    if let Some(since) = truth.state_since() {
        expected.insert("stateSince".into(), since.into());
    }
    expected.insert("open".into(), (!truth.is_final()).into());
    expected
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(1);
        name + &head.to_uppercase() + tail
    })
}

/// Fails unless `mirrors` are exactly the mirrors of `truth`.
pub(crate) fn assert_mirrors(mirrors: &[Remediation], truth: &[Truth]) {
    assert_eq!(
        mirrors.len(),
        truth.len(),
        "as many mirrors as remediations"
    );
    for truth in truth {
        let mirror = mirrors.iter().find(|mirror| mirror.spec.id == truth.id);
        let mirror = mirror.unwrap_or_else(|| panic!("{} has no mirror", truth.id));
        assert_eq!(mirror.spec.cluster_id, truth.cluster_id);
        let Value::Object(mut status) = serde_json::to_value(&mirror.status).unwrap() else {
            panic!("no status")
        };
        for ours in [
            "conditions",
            "transitions",
            "linkedAlerts",
            "observedGeneration",
        ] {
            status.remove(ours);
        }
        assert_eq!(status, expected(truth), "{}", truth.id);
    }
}
