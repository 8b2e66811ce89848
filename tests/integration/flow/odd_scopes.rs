//! Ids of clusters and instances that are no UUIDs: each is asked for under its own path, and what they show never meets on
//! one object.

use std::collections::HashSet;

use kube::ResourceExt;
use testbed::simulator::Remediation as Truth;

use crate::{
    conditions::{IN_SYNC, assert_contains, condition},
    fixture::{CLUSTER, Fixture},
    truth::assert_mirrors,
};

fn odd_ids() -> Vec<String> {
    let written = [
        "a/b",
        "a.b",
        "A.B",
        "a%2Fb",
        "../b",
        "%2e%2e",
        "...",
        "-/-",
        "?state=RUNNING",
        "b#c",
        "b c",
        "übung",
        "e\u{301}",
        "é",
        "🔥",
        "b\nc",
    ];
    let long = ["x".repeat(1023) + "y", "x".repeat(1023) + "z"];
    written.into_iter().map(str::to_owned).chain(long).collect()
}

/// Fails unless every call was for remediations of a cluster's instances.
fn only_listings(fixture: &Fixture) {
    let counters = fixture.simulator.counters();
    assert_eq!(counters.unknown + counters.mutations, 0);
    assert!(!counters.recent.is_empty());
    for call in &counters.recent {
        let segments: Vec<&str> = call.path.split('/').collect();
        let ["", "compute", "clusters", _, "instances", _, "remediations"] = segments[..] else {
            panic!("{call:?}");
        };
        let odd = |byte: u8| !byte.is_ascii_alphanumeric() && !b"/-._~%".contains(&byte);
        assert!(!call.path.bytes().any(odd), "{call:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_clusters_are_asked_for_by_their_own_ids() {
    let fixture = Fixture::new("odd-clusters").await;
    let ids = odd_ids();
    for (number, cluster) in (0..).zip(&ids) {
        // The same id in each: one that is no UUID is another remediation in another cluster.
        fixture.simulator.put(Truth {
            id: "repair/7".to_owned(),
            ..Truth::numbered(cluster, number)
        });
        let name = format!("watch-{number}");
        fixture
            .watch(&name, |spec| spec.cluster_id.clone_from(cluster))
            .await;
    }
    for number in 0..ids.len() {
        let watch = fixture.ready(&format!("watch-{number}"), "Synced").await;
        assert_eq!(
            condition(&watch, "Ready").message,
            IN_SYNC,
            "{}",
            watch.spec.cluster_id
        );
    }
    let mirrors = fixture.all().await;
    let names: HashSet<_> = mirrors.iter().map(ResourceExt::name_any).collect();
    assert_eq!((names.len(), mirrors.len()), (ids.len(), ids.len()));
    for cluster in &ids {
        let of_it = mirrors
            .iter()
            .filter(|mirror| mirror.spec.cluster_id == *cluster);
        let of_it: Vec<_> = of_it.cloned().collect();
        assert_mirrors(&of_it, &fixture.simulator.truth(cluster));
    }
    only_listings(&fixture);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_instances_are_asked_for_by_their_own_ids() {
    let fixture = Fixture::new("odd-instances").await;
    let ids = odd_ids();
    for (number, instance) in (0..).zip(&ids) {
        fixture.simulator.put(Truth {
            instance_id: instance.clone(),
            ..Truth::numbered(CLUSTER, number)
        });
        let name = format!("watch-{number}");
        fixture
            .watch(&name, |spec| spec.instance_id = Some(instance.clone()))
            .await;
    }
    for number in 0..ids.len() {
        let watch = fixture.ready(&format!("watch-{number}"), "Synced").await;
        let remediations = watch.status.unwrap().remediations.unwrap();
        assert_eq!(remediations.total, 1, "{:?}", watch.spec.instance_id);
    }
    fixture.agrees().await;
    only_listings(&fixture);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_no_url_can_carry_is_reported_and_never_sent() {
    let fixture = Fixture::new("no-path").await;
    for (name, cluster, instance) in [
        ("cluster-dot", ".", None),
        ("cluster-dots", "..", None),
        ("instance-dot", CLUSTER, Some(".")),
        ("instance-dots", CLUSTER, Some("..")),
    ] {
        fixture
            .watch(name, |spec| {
                cluster.clone_into(&mut spec.cluster_id);
                spec.instance_id = instance.map(str::to_owned);
            })
            .await;
        let watch = fixture.ready(name, "BadRequest").await;
        let message = condition(&watch, "Stalled").message;
        assert!(message.contains("not a valid id"), "{message}");
        assert!(
            message.contains(&name[..name.find('-').unwrap()]),
            "{message}"
        );
    }
    assert_eq!(fixture.calls(), 0);
}

/// A UUID is its mirror's name whatever the cluster, so two clusters can claim one name: the first keeps it.
#[tokio::test(flavor = "multi_thread")]
async fn one_uuid_in_two_clusters_is_mirrored_once_and_reported() {
    let fixture = Fixture::new("twins").await;
    for cluster in [CLUSTER, "other"] {
        fixture.simulator.put(Truth::numbered(cluster, 1));
    }
    fixture.synced_watch(|_| {}).await;
    let before = fixture.versions().await;
    fixture
        .watch("twin", |spec| "other".clone_into(&mut spec.cluster_id))
        .await;
    let watch = fixture.ready("twin", "Synced").await;
    let message = condition(&watch, "Ready").message;
    assert!(message.contains("Left out 1"), "{message}");
    assert_contains(&message, &["another object has the mirror's name"]);
    assert_eq!(fixture.versions().await, before);
    fixture.agrees().await;
}
