//! Listings of many pages: what they ask, what they cost, and that nothing is lost.

use std::{collections::HashSet, time::Duration};

use testbed::simulator::{Call, PAGE_STATES, Remediation as Truth};
use together_remediation_operator::api::cluster_watch::Query;

use crate::{
    fixture::{CLUSTER, Fixture},
    truth::assert_mirrors,
};

fn pages_of(size: u32) -> Query {
    Query {
        page_size: Some(size),
        order_by: Some("create_time desc".to_owned()),
    }
}

/// Names of the query's parameters, each once.
fn names(call: &Call) -> HashSet<&str> {
    let pairs = call.query.split('&');
    pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, _)| name)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_costs_as_many_calls_as_it_has_pages_in_the_reference_pages_words() {
    let fixture = Fixture::new("pages").await;
    for number in 0..40 {
        fixture.simulator.put(Truth::numbered(CLUSTER, number));
    }
    fixture
        .synced_watch(|spec| spec.query = Some(pages_of(7)))
        .await;
    let first = fixture.simulator.counters();
    assert_eq!((first.calls(), first.pages, first.listings), (6, 6, 1));
    let path = format!("/compute/clusters/{CLUSTER}/instances/-/remediations");
    for (at, call) in first.recent.iter().enumerate() {
        assert_eq!((call.method.as_str(), &call.path), ("GET", &path));
        let token = (at > 0).then_some("pageToken");
        let wanted = ["pageSize", "orderBy"].into_iter().chain(token).collect();
        assert_eq!(names(call), wanted);
        assert!(call.query.contains("pageSize=7&"), "{}", call.query);
        assert!(
            call.user_agent
                .starts_with("together-remediation-operator/")
        );
    }
    fixture.sync("training").await;
    assert_eq!(fixture.simulator.counters().calls(), 12);

    fixture.turn(Duration::from_secs(20)).await;
    let short = fixture.simulator.counters();
    assert_eq!(short.calls(), 18, "all are open");
    let query = &short.recent.back().unwrap().query;
    let states = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("state="));
    let open = [
        "PENDING_APPROVAL",
        "PENDING",
        "RUNNING",
        "QUARANTINING",
        "QUARANTINED",
    ];
    assert_eq!(
        states.collect::<HashSet<_>>(),
        open.into(),
        "repeated, as the reference page has it"
    );
    assert_mirrors(&fixture.all().await, &fixture.simulator.truth(CLUSTER));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_poll_costs_only_the_pages_of_open_ones() {
    let fixture = Fixture::new("short").await;
    for number in 0..40 {
        let truth = Truth::numbered(CLUSTER, number);
        fixture.simulator.put(truth.clone());
        if number > 2 {
            fixture.simulator.enter(CLUSTER, &truth.id, "SUCCEEDED");
        }
    }
    fixture
        .synced_watch(|spec| spec.query = Some(pages_of(7)))
        .await;
    assert_eq!(fixture.simulator.counters().calls(), 6);
    for poll in 1..=5 {
        fixture.turn(Duration::from_secs(20)).await;
        assert_eq!(fixture.simulator.counters().calls(), 6 + poll);
    }
    assert_mirrors(&fixture.all().await, &fixture.simulator.truth(CLUSTER));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_remediations_are_mirrored_and_followed() {
    let fixture = Fixture::new("thousand").await;
    for number in 0..1000 {
        let truth = Truth::numbered(CLUSTER, number);
        fixture.simulator.put(truth.clone());
        let state = PAGE_STATES[number as usize % PAGE_STATES.len()];
        fixture.simulator.enter(CLUSTER, &truth.id, state);
    }
    fixture.synced_watch(|_| {}).await;
    assert_eq!(fixture.simulator.counters().calls(), 10);
    let mirrors = fixture.all().await;
    assert_mirrors(&mirrors, &fixture.simulator.truth(CLUSTER));
    assert!(
        mirrors
            .iter()
            .all(|mirror| mirror.metadata.name.as_ref() == Some(&mirror.spec.id))
    );

    let before = fixture.versions().await;
    let mut changed = HashSet::new();
    for truth in fixture.simulator.truth(CLUSTER) {
        if truth.state == "RUNNING" {
            fixture.simulator.enter(CLUSTER, &truth.id, "FAILED");
            changed.insert(truth.id);
        }
    }
    fixture.sync("training").await;
    assert_mirrors(&fixture.all().await, &fixture.simulator.truth(CLUSTER));
    let after = fixture.versions().await;
    for (name, version) in &before {
        assert_eq!(
            after[name] != *version,
            changed.contains(name),
            "{name}: written only if it changed"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_one_instance_lists_only_that_instance() {
    let fixture = Fixture::new("instance").await;
    for number in 0..130 {
        fixture.simulator.put(Truth::numbered(CLUSTER, number));
    }
    let instance = Truth::numbered(CLUSTER, 1).instance_id;
    fixture
        .synced_watch(|spec| spec.instance_id = Some(instance.clone()))
        .await;
    let mut truth = fixture.simulator.truth(CLUSTER);
    truth.retain(|truth| truth.instance_id == instance);
    assert_eq!(truth.len(), 3);
    assert_mirrors(&fixture.all().await, &truth);

    fixture.simulator.enter(CLUSTER, &truth[0].id, "SUCCEEDED");
    fixture.turn(Duration::from_secs(20)).await;
    let mut truth = fixture.simulator.truth(CLUSTER);
    truth.retain(|truth| truth.instance_id == instance);
    assert_mirrors(&fixture.all().await, &truth);
    let path = format!("/compute/clusters/{CLUSTER}/instances/{instance}/remediations");
    for call in fixture.simulator.counters().recent {
        assert!(call.path.starts_with(&path), "{}", call.path);
    }
}
