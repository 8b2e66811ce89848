//! What changes while nothing happens, and what is shown before anything was synced.

use std::{pin::pin, time::Duration};

use futures::{TryStreamExt, future::join};
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, ListParams, WatchEvent, WatchParams},
    core::ApiResource,
};
use serde_json::Value;
use testbed::simulator::Remediation as Truth;
use together_remediation_operator::api::{cluster_watch::ClusterWatch, remediation::Remediation};
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    fixture::{CLUSTER, Fixture, TIMEOUT},
    kstatus::{Kstatus, kstatus},
};

/// Every version of every object that comes to be, from now until `last` returns true for the last one.
async fn versions(
    api: Api<DynamicObject>,
    last: impl Fn(&[Value]) -> bool + Send + 'static,
) -> JoinHandle<Vec<Value>> {
    let now = api.list(&ListParams::default()).await.unwrap();
    let now = now.metadata.resource_version.unwrap();
    tokio::spawn(async move {
        let mut seen = Vec::new();
        let events = api.watch(&WatchParams::default(), &now).await.unwrap();
        let mut events = pin!(events);
        while !last(&seen) {
            match events.try_next().await.unwrap() {
                Some(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                    seen.push(serde_json::to_value(object).unwrap());
                }
                Some(WatchEvent::Bookmark(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        seen
    })
}

fn condition(object: &Value, type_: &str) -> String {
    let conditions = object["status"]["conditions"].as_array();
    let found = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == type_);
    let found = found.map(|found| found["status"].as_str().unwrap().to_owned());
    found.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_green_before_it_was_synced() {
    const MIRRORS: usize = 20;
    let fixture = Fixture::new("green").await;
    for number in 0..MIRRORS {
        let truth = Truth::numbered(CLUSTER, u32::try_from(number).unwrap());
        fixture.simulator.put(truth.clone());
        fixture.enter(&truth.id, "SUCCEEDED");
    }
    let api =
        |resource| Api::namespaced_with(fixture.client.clone(), &fixture.namespace, &resource);
    let green = |object: &Value| kstatus(object) == Kstatus::Current;
    let watches = versions(api(ApiResource::erase::<ClusterWatch>(&())), move |seen| {
        seen.last().is_some_and(green)
    })
    .await;
    let mirrors = versions(api(ApiResource::erase::<Remediation>(&())), move |seen| {
        seen.iter().filter(|one| green(one)).count() >= MIRRORS
    })
    .await;
    fixture.synced_watch(|_| {}).await;
    let both = timeout(TIMEOUT, join(watches, mirrors)).await;
    let (watches, mirrors) = both.expect("both come to be green");
    let (watches, mirrors) = (watches.unwrap(), mirrors.unwrap());

    assert!(watches.len() >= 2, "created and synced: {watches:#?}");
    for watch in &watches {
        assert_eq!(
            green(watch),
            condition(watch, "Ready") == "True",
            "{watch:#}"
        );
    }
    let created = mirrors
        .iter()
        .filter(|mirror| condition(mirror, "Synced") == "Unknown");
    assert_eq!(created.count(), MIRRORS, "each is created without a status");
    for mirror in &mirrors {
        assert_eq!(
            green(mirror),
            condition(mirror, "Synced") == "True",
            "{mirror:#}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_hour_writes_each_watch_twelve_times_at_most_and_no_mirror() {
    let fixture = Fixture::new("idle").await;
    fixture.put_in(1, "SUCCEEDED");
    let watch = fixture.synced_watch(|_| {}).await;
    fixture.wait_until_idle().await;
    let mirrors = fixture.versions().await;
    let (mut version, mut writes) = (watch.resource_version(), 0);
    for _ in 0..120 {
        fixture.simulator.advance(Duration::from_secs(30));
        fixture.turn(Duration::from_secs(30)).await;
        let now = fixture.watches().get("training").await.unwrap();
        let now = now.resource_version();
        writes += usize::from(now != version);
        version = now;
    }
    assert!((10..=12).contains(&writes), "{writes}");
    assert_eq!(fixture.versions().await, mirrors);
}
