//! Each fault, as a client sees it, and its counter.

use std::time::Duration;

use serde_json::Value;
use testbed::simulator::{Fault, Remediation, Simulator, Times};

use crate::{CLUSTER, encoded, fetched, filled, get, ids, listing, status};

/// The next list call under a fault that rises once; the one after it must be good again.
async fn under(simulator: &Simulator, fault: Fault) -> reqwest::Response {
    simulator.fault(fault.clone(), Times::Next(1));
    let spoiled = get(simulator, "pageSize=2").await;
    assert_eq!(simulator.counters().risen(&fault), 1, "{fault:?}");
    let good = get(simulator, "pageSize=2").await;
    assert_eq!(good.status(), 200);
    assert_eq!(ids(&good.json().await.unwrap()).len(), 2);
    spoiled
}

#[tokio::test]
async fn statuses_bodies_and_redirects() {
    let simulator = filled(3).await;
    let slow = Fault::Status {
        status: 429,
        retry_after: Some("7".into()),
    };
    let answer = under(&simulator, slow).await;
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "7");
    assert_eq!(
        answer.json::<Value>().await.unwrap()["message"],
        "Too Many Requests"
    );

    let answer = under(&simulator, Fault::Html { status: 502 }).await;
    assert_eq!(answer.status(), 502);
    assert!(answer.text().await.unwrap().starts_with("<!doctype html>"));

    let answer = under(&simulator, Fault::NotJson).await;
    assert!(answer.json::<Value>().await.is_err());

    let answer = under(&simulator, Fault::OtherShape).await;
    assert!(
        answer
            .json::<Value>()
            .await
            .unwrap()
            .get("remediations")
            .is_none()
    );

    let answer = under(&simulator, Fault::CutBody).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err());

    let answer = under(&simulator, Fault::SlowDrip { pause_ms: 1 }).await;
    assert_eq!(ids(&answer.json().await.unwrap()).len(), 2);

    let location = format!("{}/elsewhere", simulator.url());
    let answer = under(
        &simulator,
        Fault::Redirect {
            location: location.clone(),
        },
    )
    .await;
    assert_eq!(answer.url().as_str(), location, "this client follows");
    assert_eq!(simulator.counters().by_status[&307], 1);
}

#[tokio::test]
async fn a_hang_answers_never() {
    let simulator = filled(3).await;
    simulator.fault(Fault::Hang, Times::UntilCleared);
    let limit = Duration::from_millis(300);
    assert!(
        tokio::time::timeout(limit, get(&simulator, ""))
            .await
            .is_err()
    );
    simulator.clear_faults();
    assert_eq!(status(&simulator, "").await, 200);
    assert_eq!(simulator.counters().risen(&Fault::Hang), 1);
}

#[tokio::test]
async fn times_define_which_calls_are_hit() {
    let simulator = filled(1).await;
    let fault = Fault::status(503);
    simulator.fault(fault.clone(), Times::After(2));
    simulator.fault(fault.clone(), Times::Next(2));
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(status(&simulator, "").await);
    }
    assert_eq!(statuses, [200, 200, 503, 503, 503, 200]);
    simulator.fault(fault.clone(), Times::Next(0));
    assert_eq!(status(&simulator, "").await, 200);
    assert_eq!(simulator.counters().risen(&fault), 3);
}

#[tokio::test]
async fn a_page_fault_waits_for_a_page_that_it_can_spoil() {
    let simulator = filled(3).await;
    simulator.fault(Fault::ShiftedPage, Times::Next(1));
    let page = fetched(&simulator, "pageSize=2").await;
    assert_eq!(ids(&page).len(), 2);
    assert_eq!(simulator.counters().risen(&Fault::ShiftedPage), 0);
    let token = encoded(page["next_page_token"].as_str().unwrap());
    let page = fetched(&simulator, &format!("pageSize=2&pageToken={token}")).await;
    assert!(ids(&page).is_empty());
    assert_eq!(simulator.counters().risen(&Fault::ShiftedPage), 1);
}

#[tokio::test]
async fn lists_that_lose_repeat_or_never_end() {
    let simulator = filled(10).await;
    let whole = listing(&simulator, 3).await.unwrap();
    let under = async |fault: Fault, times: Times| {
        simulator.fault(fault.clone(), times);
        let all = listing(&simulator, 3).await;
        simulator.clear_faults();
        assert!(simulator.counters().risen(&fault) > 0, "{fault:?}");
        all
    };
    let without = |gone: &[usize]| -> Vec<String> {
        let left = whole
            .iter()
            .enumerate()
            .filter(|(at, _)| !gone.contains(at));
        left.map(|(_, id)| id.clone()).collect()
    };
    assert_eq!(
        under(Fault::ShiftedPage, Times::Next(1)).await.unwrap(),
        without(&[3])
    );
    assert_eq!(
        under(Fault::LostPage, Times::Next(1)).await.unwrap(),
        without(&[3, 4, 5])
    );
    assert_eq!(
        under(Fault::EmptyList, Times::After(1)).await.unwrap(),
        whole[..3]
    );
    let doubled = under(Fault::DoubledPage, Times::Next(1)).await.unwrap();
    assert_eq!(doubled[..4], [&whole[..3], &whole[2..3]].concat());
    assert_eq!(doubled.len(), 11);
    assert_eq!(under(Fault::MissingToken, Times::Next(1)).await, None);
    assert_eq!(
        under(Fault::RepeatedToken, Times::UntilCleared).await,
        None,
        "it never ends"
    );
    let once = under(Fault::RepeatedToken, Times::Next(1)).await.unwrap();
    assert_eq!(once[..6], [&whole[..3], &whole[..3]].concat());
}

#[tokio::test]
async fn items_that_cannot_be_right() {
    let simulator = filled(3).await;
    let first = async |fault: Fault| -> Value {
        let page: Value = under(&simulator, fault).await.json().await.unwrap();
        page["remediations"][0].clone()
    };
    assert!(first(Fault::ItemWithoutId).await.get("id").is_none());
    assert!(first(Fault::MalformedItem).await["state"].is_object());
    assert_eq!(first(Fault::UnknownEnum).await["state"], "DEFROSTING");
    let id = Remediation::numbered(CLUSTER, 2).id;
    simulator.enter(CLUSTER, &id, "RUNNING");
    assert_eq!(first(Fault::OldVersion).await["state"], "PENDING_APPROVAL");
    let page = fetched(&simulator, "").await;
    assert_eq!(page["remediations"][0]["state"], "RUNNING");
}
