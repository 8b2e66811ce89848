//! Listings of many pages: what they ask, what they cost, and that nothing is lost.

use std::{collections::HashSet, time::Duration};

use futures::{StreamExt, stream};
use testbed::simulator::{Call, Fault, PAGE_STATES, Remediation as Truth, Times};
use together_remediation_operator::{
    agent::USER_AGENT, api::cluster_watch::Query, sync::schedule::Cadence,
};

use crate::{
    fixture::{CLUSTER, Fixture, spec},
    setup,
    truth::assert_mirrors,
    turn::SPEEDS,
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
    fixture.put(0..40);
    fixture
        .synced_watch(|spec| spec.query = Some(pages_of(7)))
        .await;
    let first = fixture.simulator.counters();
    assert_eq!((first.calls(), first.pages, first.listings), (6, 6, 1));
    let path = format!("/compute/clusters/{CLUSTER}/instances/-/remediations");
    for (at, call) in first.recent.iter().enumerate() {
        assert_eq!((call.method.as_str(), &call.path), ("GET", &path));
        let token = (at > 0).then_some("pageToken");
        let expected = ["pageSize", "orderBy"].into_iter().chain(token).collect();
        assert_eq!(names(call), expected);
        assert!(call.query.contains("pageSize=7&"), "{}", call.query);
        assert_eq!(call.user_agent, USER_AGENT);
    }
    fixture.sync("training").await;
    assert_eq!(fixture.calls(), 12);

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
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_poll_costs_only_the_pages_of_open_ones() {
    let fixture = Fixture::new("short").await;
    for number in 0..40 {
        let truth = fixture.put_new(number);
        if number > 2 {
            fixture.enter(&truth.id, "SUCCEEDED");
        }
    }
    fixture
        .synced_watch(|spec| spec.query = Some(pages_of(7)))
        .await;
    assert_eq!(fixture.calls(), 6);
    for poll in 1..=5 {
        fixture.turn(Duration::from_secs(20)).await;
        assert_eq!(fixture.calls(), 6 + poll);
    }
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_remediations_are_mirrored_and_followed() {
    let fixture = Fixture::new("thousand").await;
    for number in 0..1000 {
        let truth = fixture.put_new(number);
        let state = PAGE_STATES[number as usize % PAGE_STATES.len()];
        fixture.enter(&truth.id, state);
    }
    fixture.synced_watch(|_| {}).await;
    assert_eq!(fixture.calls(), 10);
    let mirrors = fixture.all().await;
    assert_mirrors(&mirrors, &fixture.truth());
    assert!(
        mirrors
            .iter()
            .all(|mirror| mirror.metadata.name.as_ref() == Some(&mirror.spec.id))
    );

    let before = fixture.versions().await;
    let mut changed = HashSet::new();
    for truth in fixture.truth() {
        if truth.state == "RUNNING" {
            fixture.enter(&truth.id, "FAILED");
            changed.insert(truth.id);
        }
    }
    fixture.sync("training").await;
    fixture.agrees().await;
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
    fixture.put(0..130);
    let instance = Truth::numbered(CLUSTER, 1).instance_id;
    fixture
        .synced_watch(|spec| spec.instance_id = Some(instance.clone()))
        .await;
    let mut truth = fixture.truth();
    truth.retain(|truth| truth.instance_id == instance);
    assert_eq!(truth.len(), 3);
    assert_mirrors(&fixture.all().await, &truth);

    fixture.enter(&truth[0].id, "SUCCEEDED");
    fixture.turn(Duration::from_secs(20)).await;
    let mut truth = fixture.truth();
    truth.retain(|truth| truth.instance_id == instance);
    assert_mirrors(&fixture.all().await, &truth);
    let path = format!("/compute/clusters/{CLUSTER}/instances/{instance}/remediations");
    for call in fixture.simulator.counters().recent {
        assert!(call.path.starts_with(&path), "{}", call.path);
    }
}

const MANY: u32 = 200;
/// Listings of that many pages.
const TRIES: u64 = 10;

/// One call of a hundred fails, at random: on average two of the listing, in one of the usual ways. `seed` must be another
/// one for each listing.
fn bad_luck(fixture: &Fixture, seed: u64) {
    let [limited, away] = [429, 503].map(Fault::status);
    let ways = [limited, away, Fault::CutBody, Fault::Hang];
    let (mut rng, mut good) = (fastrand::Rng::with_seed(seed), 0);
    for _ in 0..2 * MANY {
        if rng.u8(0..100) > 0 {
            good += 1;
            continue;
        }
        let fault = ways[rng.usize(..ways.len())].clone();
        let times = if good > 0 {
            Times::After(good)
        } else {
            Times::Next(1)
        };
        fixture.simulator.fault(fault, times);
        good = 0;
    }
}

/// Lists everything once under bad luck; how many calls that took, and how many of them failed.
async fn unlucky(seed: u64) -> (u64, u64) {
    let fixture = Fixture::new(&format!("unlucky-{seed}")).await;
    for number in 0..MANY {
        fixture.put_in(number, "SUCCEEDED");
    }
    bad_luck(&fixture, seed);
    fixture
        .watch("training", |spec| spec.query = Some(pages_of(1)))
        .await;
    // The clock stands still: there is no second poll.
    fixture
        .wait_until_idle_within(Duration::from_secs(300))
        .await;
    fixture.ready("training", "Synced").await;
    let counters = fixture.simulator.counters();
    let failed = counters.by_fault.values().sum();
    fixture.agrees().await;
    (counters.calls(), failed)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_pages_are_mirrored_in_one_poll_though_one_call_of_a_hundred_fails() {
    let listings = stream::iter(0..TRIES).map(unlucky).buffer_unordered(5);
    let listings: Vec<(u64, u64)> = listings.collect().await;
    let cadence = Cadence::of(&spec(), SPEEDS);
    let healthy = cadence.calls_a_minute(MANY as usize, 1) as u64;
    let failures: u64 = listings.iter().map(|(_, failed)| failed).sum();
    setup::print_line(&format!(
        "{TRIES} listings of {MANY} pages under bad luck (calls, failed): {listings:?}; at most {healthy} a minute"
    ));
    assert!(failures >= TRIES, "{failures} failures only");
    for (calls, failed) in listings {
        assert_eq!(
            calls,
            u64::from(MANY) + failed,
            "each failed call once more"
        );
        assert!(failed <= u64::from(MANY) / 10 && calls <= healthy);
    }
}
