//! What may still be carried out, by how its request ended.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use tokio::time::advance;

use super::*;
use crate::{
    api::remediation::RemediationSpec,
    mirror::labels::{FlagLabels, Labels},
    store::Index,
    testing::{CLUSTER, id, item, mirror, target},
};

/// The scope of a `ClusterWatch` with this owner (`None`: `Retain`) and instance.
fn of(owner: Option<&str>, instance: Option<&str>) -> MirrorTarget {
    let owner = owner.map(|uid| OwnerReference {
        uid: uid.into(),
        ..OwnerReference::default()
    });
    MirrorTarget {
        owners: owner.into_iter().collect(),
        instance: instance.map(Into::into),
        ..target()
    }
}

fn create() -> MirrorChange {
    let spec = RemediationSpec {
        cluster_id: "c".into(),
        id: "i".into(),
    };
    MirrorChange::Create(Box::default(), spec)
}

#[tokio::test(start_paused = true)]
async fn what_may_still_be_carried_out_is_known_by_how_its_request_ended() {
    let (delete, retain) = (of(Some("w"), None), of(None, None));
    let unavailable = KubeApiError::Unavailable("no answer".into());
    let refused = KubeApiError::Refused("policy".into());
    for (outcome, lands) in [
        (Some(Ok(())), false),
        (Some(Err(KubeApiError::Conflict)), false),
        (Some(Err(refused)), false),
        (Some(Err(unavailable)), true),
        // Its worker has ended.
        (None, true),
    ] {
        let sent = Sent::default();
        let sending = sent.begin(&delete, &create());
        assert!(sent.contradicts(&retain), "somebody waits for it");
        match &outcome {
            Some(outcome) => sending.ended(outcome),
            None => drop(sending),
        }
        assert_eq!(sent.contradicts(&retain), lands, "{outcome:?}");
        advance(UNDER_WAY).await;
        assert!(!sent.contradicts(&retain), "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_wants_the_same_owners_or_other_mirrors_contradicts_nothing() {
    let sent = Sent::default();
    drop(sent.begin(&of(Some("w"), Some("one")), &create()));
    for (owner, instance, contradicts) in [
        (Some("w"), Some("one"), false),
        (None, Some("one"), true),
        (None, None, true),
        (None, Some("another"), false),
    ] {
        let target = of(owner, instance);
        assert_eq!(sent.contradicts(&target), contradicts, "{target:?}");
    }
    let other = MirrorTarget {
        cluster: "other".into(),
        ..of(None, None)
    };
    assert!(!sent.contradicts(&other));
}

#[tokio::test(start_paused = true)]
async fn what_gives_the_same_mirrors_another_writers_name_contradicts() {
    let of = |cluster_watch| MirrorTarget {
        labels: Labels::of(cluster_watch, FlagLabels::default()),
        ..target()
    };
    let sent = Sent::default();
    drop(sent.begin(&of("before"), &create()));
    assert!(!sent.contradicts(&of("before")));
    assert!(sent.contradicts(&of("after")));
}

#[tokio::test(start_paused = true)]
async fn what_sets_no_owners_contradicts_nothing_and_what_is_over_is_forgotten() {
    let sent = Sent::default();
    let (index, cluster) = (Index::new(0), target());
    index.apply(mirror(&item(1, "RUNNING")));
    let mirror = index.mirror(&cluster.namespace, CLUSTER, &id(1)).unwrap();
    let metadata = |metadata| MirrorChange::Update {
        mirror: mirror.clone(),
        status: None,
        metadata,
    };
    drop(sent.begin(&of(Some("w"), None), &metadata(false)));
    assert!(!sent.contradicts(&of(None, None)));
    drop(sent.begin(&of(Some("w"), None), &metadata(true)));
    assert!(sent.contradicts(&of(None, None)));
    for owner in ["a", "b", "c"] {
        drop(sent.begin(&of(Some(owner), None), &create()));
        advance(UNDER_WAY).await;
    }
    let _sending = sent.begin(&of(Some("d"), None), &create());
    assert_eq!(sent.lock().len(), 1);
}
