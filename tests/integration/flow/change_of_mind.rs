//! A change of mind in the middle of a long poll: nothing is written a second later.

use std::time::Duration;

use kube::api::{DeleteParams, PropagationPolicy};
use serde_json::json;
use testbed::simulator::Remediation as Truth;

use crate::{
    fixture::{CLUSTER, Fixture, until},
    look::told,
    truth::assert_mirrors,
};

/// Far more than are written before the change.
const REMEDIATIONS: u32 = 400;

/// A fixture in the middle of a first mirror that takes 20 s.
async fn in_the_middle(name: &str) -> Fixture {
    let mut fixture = Fixture::new(name).await;
    fixture.stop().await;
    let slowly = ["--kube-qps", "40", "--kube-burst", "1"];
    fixture.start_with(&[], &slowly).await;
    for number in 0..REMEDIATIONS {
        fixture.simulator.put(Truth::numbered(CLUSTER, number));
    }
    fixture.watch("training", |_| {}).await;
    until("the first mirrors", || async {
        let mirrors = fixture.all().await.len();
        if mirrors > 5 {
            Ok(())
        } else {
            Err(format!("{mirrors}"))
        }
    })
    .await;
    fixture
}

/// Fails if anything is written from a second after now on.
async fn nothing_more_is_written(fixture: &Fixture) {
    let second = Duration::from_secs(1);
    tokio::time::sleep(second).await;
    let before = fixture.versions().await;
    assert!(before.len() < REMEDIATIONS as usize / 2, "the poll went on");
    // That nothing happens has no end to await.
    tokio::time::sleep(second * 2).await;
    assert_eq!(fixture.versions().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_suspended_stops_its_writes_and_goes_on_where_it_was() {
    let fixture = in_the_middle("suspend-mid").await;
    let suspend = |suspend: bool| json!({"spec": {"suspend": suspend}});
    fixture.patch_watch("training", suspend(true)).await;
    nothing_more_is_written(&fixture).await;
    let watch = fixture.watches().get("training").await.unwrap();
    assert_eq!(told(&watch, "Ready").message, "suspended");
    fixture.patch_watch("training", suspend(false)).await;
    fixture.ready("training", "Synced").await;
    assert_mirrors(&fixture.all().await, &fixture.simulator.truth(CLUSTER));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_deleted_stops_its_writes() {
    let fixture = in_the_middle("delete-mid").await;
    let orphan = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Orphan),
        ..DeleteParams::default()
    };
    fixture.watches().delete("training", &orphan).await.unwrap();
    until("the watch is gone", || async {
        match fixture.watches().get_opt("training").await.unwrap() {
            None => Ok(()),
            Some(_) => Err("still there".to_owned()),
        }
    })
    .await;
    nothing_more_is_written(&fixture).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_told_to_stop_stops_its_writes() {
    let mut fixture = in_the_middle("stop-mid").await;
    fixture.stop().await;
    nothing_more_is_written(&fixture).await;
}
