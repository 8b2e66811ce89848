//! Labels and owner references that the operator sets on a mirror.

use std::{collections::BTreeMap, hash::Hasher, sync::Arc};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::{Map, Value, json};
use siphasher::sip::SipHasher13;

use crate::api::GROUP;

/// Label with the cluster's id, if that is a valid label value.
pub const CLUSTER_ID: &str = "compute.together.ai/cluster-id";
/// Label with the instance's id, if that is a valid label value.
pub const INSTANCE_ID: &str = "compute.together.ai/instance-id";
/// Label with the name of the `ClusterWatch` that writes the mirror, if that is a valid label value.
pub const CLUSTER_WATCH: &str = "compute.together.ai/cluster-watch";
/// Label with the name of this program.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

const PROGRAM: &str = env!("CARGO_PKG_NAME");

/// Whether `key` is reserved for the operator and no flag may set it. The whole prefix is reserved, because a later
/// version may use more of it.
#[must_use]
pub fn is_own(key: &str) -> bool {
    let prefix = key.split_once('/').map(|(prefix, _)| prefix);
    key == MANAGED_BY || prefix == Some(GROUP)
}

/// The labels of `--mirror-label`, which every mirror gets. Clones share them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagLabels(Arc<BTreeMap<String, String>>);

impl FromIterator<(String, String)> for FlagLabels {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(labels: I) -> Self {
        Self(Arc::new(labels.into_iter().collect()))
    }
}

/// The labels of one `ClusterWatch`'s mirrors. Clones share them, so that mirrors need no strings of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// The `ClusterWatch`'s name; `None` if it is not a valid label value.
    cluster_watch: Option<Arc<str>>,
    flags: FlagLabels,
}

impl Labels {
    /// The labels for the `ClusterWatch` of this name.
    #[must_use]
    pub fn of(cluster_watch: &str, flags: FlagLabels) -> Self {
        let cluster_watch = Some(cluster_watch).filter(|name| is_valid(name));
        Self {
            cluster_watch: cluster_watch.map(Into::into),
            flags,
        }
    }

    /// Key and value of each; `None` means that a mirror of this cluster and instance must lack it.
    fn each<'a>(
        &'a self,
        cluster: &'a str,
        instance: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let valid = |value: &&str| is_valid(value);
        let own = [
            (CLUSTER_ID, Some(cluster).filter(valid)),
            (INSTANCE_ID, instance.filter(valid)),
            (CLUSTER_WATCH, self.cluster_watch.as_deref()),
            (MANAGED_BY, Some(PROGRAM)),
        ];
        let flags = self.flags.0.iter();
        own.into_iter()
            .chain(flags.map(|(key, value)| (&**key, Some(&**value))))
    }

    /// The labels of a mirror of this cluster and instance.
    #[must_use]
    pub fn of_mirror(&self, cluster: &str, instance: Option<&str>) -> BTreeMap<String, String> {
        self.each(cluster, instance)
            .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())))
            .collect()
    }

    /// A merge patch of the labels: a value, or null if the mirror must lack it. Other labels are kept.
    #[must_use]
    pub fn patch(&self, cluster: &str, instance: Option<&str>) -> Value {
        let labels = self.each(cluster, instance);
        let labels = labels.map(|(key, value)| (key.to_owned(), json!(value)));
        labels.collect::<Map<_, _>>().into()
    }

    /// The [`digest`] of a mirror of this cluster and instance with these labels and these `owners`.
    #[must_use]
    pub fn digest(&self, cluster: &str, instance: Option<&str>, owners: &[OwnerReference]) -> u64 {
        let values = self.each(cluster, instance).map(|(_, value)| value);
        digest_of(values, owners)
    }
}

/// A digest of the metadata that the operator owns: its own labels, those of its `flags`, and the owner references.
#[must_use]
pub fn digest(
    labels: Option<&BTreeMap<String, String>>,
    flags: &FlagLabels,
    owners: &[OwnerReference],
) -> u64 {
    let own = [CLUSTER_ID, INSTANCE_ID, CLUSTER_WATCH, MANAGED_BY];
    let keys = own.into_iter().chain(flags.0.keys().map(String::as_str));
    let values = keys.map(|key| labels?.get(key).map(String::as_str));
    digest_of(values, owners)
}

fn digest_of<'a>(values: impl Iterator<Item = Option<&'a str>>, owners: &[OwnerReference]) -> u64 {
    let mut hash = SipHasher13::new();
    for value in values {
        // An empty value differs from a missing label.
        hash.write_u8(u8::from(value.is_some()));
        write(&mut hash, value.unwrap_or_default());
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

/// Whether `value` is a valid label value: 1 to 63 letters, digits, `-`, `_` or `.`, with alphanumeric ends.
#[must_use]
pub fn is_valid(value: &str) -> bool {
    let bytes = value.as_bytes();
    let end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && end(bytes.first())
        && end(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::flags;

    #[test]
    fn only_valid_values_become_labels() {
        let labels = Labels::of("training", FlagLabels::default());
        let good = [
            (CLUSTER_ID, "c-1"),
            (INSTANCE_ID, "i_2.x"),
            (CLUSTER_WATCH, "training"),
            (MANAGED_BY, "together-remediation-operator"),
        ];
        let good = good.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(labels.of_mirror("c-1", Some("i_2.x")), good.into());
        for bad in ["", "-a", "a-", "a/b", "ü", &"a".repeat(64)] {
            let made = labels.of_mirror(bad, Some(bad));
            let kept: Vec<_> = made.keys().collect();
            assert_eq!(kept, [MANAGED_BY, CLUSTER_WATCH], "{bad}");
            let patch = labels.patch(bad, Some(bad));
            assert!(patch[CLUSTER_ID].is_null() && patch[INSTANCE_ID].is_null());
        }
    }

    #[test]
    fn the_name_of_a_cluster_watch_is_a_label_where_it_is_short_enough() {
        for (length, labeled) in [(1, true), (63, true), (64, false), (253, false)] {
            let labels = Labels::of(&"a".repeat(length), FlagLabels::default());
            let made = labels.of_mirror("c", None);
            assert_eq!(made.contains_key(CLUSTER_WATCH), labeled, "{length}");
            // Another's name goes.
            let patch = labels.patch("c", None);
            assert_eq!(patch[CLUSTER_WATCH].is_null(), !labeled, "{length}");
        }
    }

    #[test]
    fn the_digest_sees_what_the_operator_owns_and_nothing_else() {
        let given = flags(&[("cost-center", "a"), ("example.com/team", "")]);
        let labels = Labels::of("training", given.clone());
        let owner = OwnerReference {
            uid: "1".into(),
            ..OwnerReference::default()
        };
        let owners = [owner];
        let ours = labels.of_mirror("c", Some("i"));
        let mut theirs = ours.clone();
        theirs.insert("stage".into(), "prod".into());
        let expected = labels.digest("c", Some("i"), &owners);
        assert_eq!(digest(Some(&ours), &given, &owners), expected);
        assert_eq!(digest(Some(&theirs), &given, &owners), expected);
        assert_ne!(digest(Some(&ours), &given, &[]), expected);
        assert_ne!(digest(None, &given, &owners), expected);
        for key in ours.keys() {
            let (mut lacking, mut edited) = (ours.clone(), ours.clone());
            lacking.remove(key);
            edited.insert(key.clone(), "other".into());
            for wrong in [lacking, edited] {
                assert_ne!(digest(Some(&wrong), &given, &owners), expected, "{key}");
            }
        }
    }

    #[test]
    fn the_labels_of_the_flags_are_set_and_the_operators_own_are_not_theirs_to_set() {
        let labels = Labels::of("training", flags(&[("team", "gpu")]));
        assert_eq!(labels.of_mirror("c", None)["team"], "gpu");
        assert_eq!(labels.patch("c", None)["team"], "gpu");
        for key in [CLUSTER_ID, INSTANCE_ID, CLUSTER_WATCH, MANAGED_BY] {
            assert!(is_own(key), "{key}");
        }
        assert!(is_own("compute.together.ai/any"));
        for key in ["team", "app.kubernetes.io/name", "x.compute.together.ai/y"] {
            assert!(!is_own(key), "{key}");
        }
    }
}
