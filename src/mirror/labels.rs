//! Labels and owner references that the operator sets on a mirror.

use std::{collections::BTreeMap, hash::Hasher};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use siphasher::sip::SipHasher13;

/// Label with the cluster's id, where that is valid as a label's value.
pub const CLUSTER_ID: &str = "compute.together.ai/cluster-id";
/// Label with the instance's id, where that is valid as a label's value.
pub const INSTANCE_ID: &str = "compute.together.ai/instance-id";

/// The labels of a mirror.
#[must_use]
pub fn labels(cluster: &str, instance: Option<&str>) -> BTreeMap<String, String> {
    [(CLUSTER_ID, Some(cluster)), (INSTANCE_ID, instance)]
        .into_iter()
        .filter_map(|(label, value)| {
            Some((
                label.to_owned(),
                value.filter(|value| is_valid(value))?.to_owned(),
            ))
        })
        .collect()
}

/// Whether `value` may stand as a label's value: 1 to 63 letters, digits, `-`, `_`, `.`, the ends alphanumeric.
fn is_valid(value: &str) -> bool {
    let bytes = value.as_bytes();
    let end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && end(bytes.first())
        && end(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// A digest of what the operator owns in a mirror's metadata: its two labels and the owner references.
#[must_use]
pub fn digest(labels: Option<&BTreeMap<String, String>>, owners: &[OwnerReference]) -> u64 {
    let mut hash = SipHasher13::new();
    for label in [CLUSTER_ID, INSTANCE_ID] {
        write(
            &mut hash,
            labels
                .and_then(|labels| labels.get(label))
                .map_or("", String::as_str),
        );
    }
    for owner in owners {
        write(&mut hash, &owner.api_version);
        write(&mut hash, &owner.kind);
        write(&mut hash, &owner.name);
        write(&mut hash, &owner.uid);
        hash.write_u8(u8::from(owner.controller == Some(true)));
    }
    hash.finish()
}

fn write(hash: &mut SipHasher13, value: &str) {
    hash.write(value.as_bytes());
    hash.write_u8(0xff);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_values_become_labels() {
        assert_eq!(labels("c-1", Some("i_2.x")).len(), 2);
        for bad in ["", "-a", "a-", "a/b", "ü", &"a".repeat(64)] {
            assert!(!labels("c", Some(bad)).contains_key(INSTANCE_ID), "{bad}");
        }
    }

    #[test]
    fn the_digest_sees_what_the_operator_owns_and_nothing_else() {
        let ours = labels("c", Some("i"));
        let mut theirs = ours.clone();
        theirs.insert("team".into(), "gpu".into());
        assert_eq!(digest(Some(&ours), &[]), digest(Some(&theirs), &[]));
        assert_ne!(
            digest(Some(&ours), &[]),
            digest(Some(&labels("c", None)), &[])
        );
        let owner = OwnerReference {
            uid: "1".into(),
            ..OwnerReference::default()
        };
        assert_ne!(digest(Some(&ours), &[]), digest(Some(&ours), &[owner]));
    }
}
