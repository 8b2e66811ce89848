//! Pages, orders, filters and dialects.

use serde_json::Value;
use testbed::simulator::{Dialect, Names, PAGE_STATES, Remediation, Simulator, StateForm};

use crate::{CLUSTER, encoded, fetched, filled, ids, listing, status};

#[tokio::test]
async fn the_reference_page_s_own_example_is_served_field_by_field() {
    let simulator = Simulator::start().await;
    let example: Value =
        serde_json::from_str(include_str!("../../fixtures/list-remediations.json")).unwrap();
    let mut remediation = Remediation::page_example().remove(0);
    assert_eq!(
        serde_json::to_value(&remediation).unwrap(),
        example["remediations"][0]
    );
    assert_eq!(example["remediations"][0].as_object().unwrap().len(), 18);
    remediation.cluster_id = CLUSTER.into();
    simulator.put(remediation.clone());
    let page = fetched(&simulator, "").await;
    assert_eq!(
        page["remediations"][0],
        serde_json::to_value(&remediation).unwrap()
    );
    assert_eq!(page["has_next"], false);
    assert!(page.get("next_page_token").is_none());
}

#[tokio::test]
async fn every_remediation_is_on_one_page_newest_first() {
    let simulator = filled(250).await;
    let all = listing(&simulator, 100).await.unwrap();
    let mut expected: Vec<String> = simulator.truth(CLUSTER).into_iter().map(|r| r.id).collect();
    expected.reverse();
    assert_eq!(all, expected);
    let counters = simulator.counters();
    assert_eq!((counters.pages, counters.listings), (3, 1));
    assert_eq!(counters.by_status[&200], 3);
    assert_eq!(counters.by_key[simulator.key()], 3);
}

#[tokio::test]
async fn what_comes_while_pages_are_read_shifts_nothing() {
    let simulator = filled(30).await;
    let page = fetched(&simulator, "pageSize=10").await;
    simulator.put(Remediation::numbered(CLUSTER, 1000));
    simulator.remove(CLUSTER, &ids(&page)[0]);
    let token = encoded(page["next_page_token"].as_str().unwrap());
    let next = fetched(&simulator, &format!("pageSize=10&pageToken={token}")).await;
    assert_eq!(ids(&next)[0], Remediation::numbered(CLUSTER, 19).id);
}

#[tokio::test]
async fn order_by_takes_two_fields_and_two_directions() {
    let simulator = filled(3).await;
    let id = |number| Remediation::numbered(CLUSTER, number).id;
    simulator.change(CLUSTER, &id(0), |r| r.reason = Some("moved".into()));
    for (order, expected) in [
        ("create_time", [0, 1, 2]),
        ("create_time+desc", [2, 1, 0]),
        ("update_time+asc", [1, 2, 0]),
        ("update_time+desc", [0, 2, 1]),
    ] {
        let page = fetched(&simulator, &format!("orderBy={order}")).await;
        assert_eq!(ids(&page), expected.map(id), "{order}");
    }
    for order in ["node", "create_time+up", "create_time+asc+desc"] {
        assert_eq!(
            status(&simulator, &format!("orderBy={order}")).await,
            400,
            "{order}"
        );
    }
}

#[tokio::test]
async fn states_are_filtered_in_the_form_of_the_dialect() {
    let simulator = filled(3).await;
    let id = |number| Remediation::numbered(CLUSTER, number).id;
    simulator.enter(CLUSTER, &id(1), "RUNNING");
    simulator.enter(CLUSTER, &id(2), "QUARANTINED");
    let repeated = "state=RUNNING&state=PENDING_APPROVAL";
    let comma = "state=RUNNING,PENDING_APPROVAL";
    for (form, good, refused) in [
        (StateForm::Repeated, repeated, comma),
        (StateForm::Comma, comma, repeated),
    ] {
        simulator.set_dialect(Dialect {
            state_form: form,
            ..Dialect::default()
        });
        let page = fetched(&simulator, good).await;
        assert_eq!(ids(&page), [id(1), id(0)], "{form:?}");
        assert_eq!(status(&simulator, refused).await, 400, "{form:?}");
        assert_eq!(status(&simulator, "state=NEW").await, 400);
        assert_eq!(status(&simulator, "state=QUARANTINED").await, 200);
    }
    simulator.set_dialect(Dialect {
        state_form: StateForm::Ignored,
        ..Dialect::default()
    });
    let page = fetched(&simulator, "state=SUCCEEDED").await;
    assert_eq!(ids(&page).len(), 3, "an ignored filter filters nothing");
    simulator.set_dialect(Dialect {
        states: PAGE_STATES.map(String::from).into(),
        ..Dialect::default()
    });
    assert_eq!(status(&simulator, "state=QUARANTINED").await, 400);
}

#[tokio::test]
async fn names_of_another_dialect_are_ignored_without_a_word() {
    let simulator = filled(3).await;
    for (names, camel, snake) in [
        (Names::Camel, 1, 3),
        (Names::Snake, 3, 1),
        (Names::Both, 1, 1),
    ] {
        simulator.set_dialect(Dialect {
            names,
            ..Dialect::default()
        });
        for (query, expected) in [("pageSize=1", camel), ("page_size=1", snake)] {
            let page = fetched(&simulator, query).await;
            assert_eq!(ids(&page).len(), expected, "{names:?} {query}");
        }
    }
    let queries: Vec<String> = simulator
        .counters()
        .recent
        .into_iter()
        .map(|c| c.query)
        .collect();
    assert_eq!(queries[..2], ["pageSize=1", "page_size=1"]);
}

#[tokio::test]
async fn a_token_is_good_for_its_own_listing_only() {
    let simulator = filled(3).await;
    let page = fetched(&simulator, "pageSize=1").await;
    let token = encoded(page["next_page_token"].as_str().unwrap());
    let with = |rest: &str| format!("pageSize=1&pageToken={token}{rest}");
    assert_eq!(status(&simulator, &with("")).await, 200);
    assert_eq!(status(&simulator, &with("&state=RUNNING")).await, 400);
    assert_eq!(status(&simulator, "pageToken=nonsense").await, 400);
    assert_eq!(status(&simulator, "pageSize=many").await, 400);
}

#[tokio::test]
async fn ten_thousand_are_all_listed() {
    let simulator = filled(10_000).await;
    assert_eq!(listing(&simulator, 100).await.unwrap().len(), 10_000);
}
