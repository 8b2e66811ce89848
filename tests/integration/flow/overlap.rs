//! Two watches of the same instances in one namespace: the older one writes, the newer one waits and reports it.

use kube::ResourceExt;
use testbed::simulator::Remediation as Truth;

use crate::{
    conditions::{assert_contains, condition, condition_status},
    fixture::{CLUSTER, Fixture},
    truth::assert_mirrors,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_newer_one_is_stalled_until_the_older_one_is_gone() {
    let fixture = Fixture::new("overlap").await;
    fixture.put(0..5);
    // Of two that are created within one second the first by name counts as the older.
    fixture.watch("a-older", |_| {}).await;
    fixture.ready("a-older", "Synced").await;
    let before = fixture.versions().await;
    let calls = fixture.calls();
    fixture.watch("b-newer", |_| {}).await;
    let newer = fixture.ready("b-newer", "OverlappingClusterWatch").await;
    assert_eq!(condition_status(&newer, "Ready"), "False");
    assert_eq!(condition_status(&newer, "Stalled"), "True");
    let message = condition(&newer, "Stalled").message;
    assert_contains(&message, &["a-older", "Delete one of the two"]);
    fixture.wait_until_idle().await;
    assert_eq!(fixture.calls(), calls, "it never asked");
    assert_eq!(fixture.versions().await, before);

    fixture.delete_watch("a-older").await;
    let uid = newer.uid().unwrap();
    let mirrors = fixture
        .sync_until("b-newer", "the newer one owns all", |mirrors| {
            mirrors.len() == 5
                && mirrors.iter().all(|mirror| {
                    let owners = mirror.owner_references();
                    owners.len() == 1 && owners[0].uid == uid
                })
        })
        .await;
    // A write that met the garbage collector counts as not made until the next poll.
    fixture.sync("b-newer").await;
    fixture.ready("b-newer", "Synced").await;
    assert_mirrors(&mirrors, &fixture.truth());
    fixture.sync("b-newer").await;
    fixture.ready("b-newer", "Synced").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_one_instance_overlaps_one_of_all_but_not_one_of_another() {
    let fixture = Fixture::new("instances").await;
    let (one, other) = (Truth::numbered(CLUSTER, 1), Truth::numbered(CLUSTER, 2));
    for truth in [&one, &other] {
        fixture.simulator.put(truth.clone());
    }
    fixture
        .watch("a", |spec| spec.instance_id = Some(one.instance_id.clone()))
        .await;
    fixture.ready("a", "Synced").await;
    fixture
        .watch("b", |spec| spec.instance_id = Some("-".to_owned()))
        .await;
    fixture.ready("b", "OverlappingClusterWatch").await;
    fixture
        .watch("c", |spec| {
            spec.instance_id = Some(other.instance_id.clone());
        })
        .await;
    fixture.ready("c", "Synced").await;
    fixture.agrees().await;
}
