//! A watch that goes from one shard to another.

use std::time::Duration;

use serde_json::json;

use super::{SECOND, Shard, clusters, give, held, watch_of};
use crate::{
    fixture::{CLUSTER, until},
    look::told,
    truth::assert_mirrors,
};

#[tokio::test(flavor = "multi_thread")]
async fn one_that_moves_while_it_is_polled_has_one_writer_at_a_time() {
    let fixture = clusters("moves", 60).await;
    let slow = ["--kube-qps", "10", "--kube-burst", "1"];
    let a = Shard::start(&fixture, "a", &slow).await;
    let b = Shard::start(&fixture, "b", &["--kube-qps", "0"]).await;
    b.leads(&fixture).await;
    watch_of(&fixture, "training", CLUSTER, "").await;
    until("some mirrors", || async {
        match fixture.all().await.len() {
            few if few < 5 => Err(format!("{few}")),
            _ => Ok(()),
        }
    })
    .await;

    give(&fixture, "training", json!("b")).await;
    let landed = || async {
        match a.replica.clock.sleepers() {
            // The Lease, the look-out, and the last second of the watch.
            3 => Ok(()),
            waiting => Err(format!("{waiting}")),
        }
    };
    until("its old shard waits for what it had sent", landed).await;
    assert_eq!((b.calls(), b.versions().len()), (0, 0), "not yet");
    let early = a.written().len();
    assert!(early < 60, "it was in the middle of its writes");
    a.replica.clock.advance(SECOND);
    held(&fixture, "training", Some(b.title(&fixture))).await;
    // The new shard may not have heard of the old one's last writes yet: those mirrors are tried again soon.
    until("it has synced", || async {
        // Its Lease and its watch wait: more time while it works would cost it the Lease.
        if b.replica.clock.sleepers() >= 2 {
            b.replica.clock.advance(SECOND);
        }
        let watch = fixture.watches().get("training").await.unwrap();
        let ready = told(&watch, "Ready");
        match ready.reason.as_str() {
            "Synced" => Ok(()),
            _ => Err(format!("{ready:?}")),
        }
    })
    .await;
    assert_mirrors(&fixture.all().await, &fixture.simulator.truth(CLUSTER));
    let (last, first) = (a.versions(), b.versions());
    assert!(last.iter().max() < first.iter().min(), "{last:?} {first:?}");
    let (calls, writes) = (a.calls(), a.proxy.writes().len());
    for _ in 0..3 {
        b.sync(&fixture, "training").await;
    }
    let since = a.proxy.writes().split_off(writes);
    let strange = |plural: &str| since.iter().any(|write| write.asked.writes_to(plural));
    assert!(!strange("remediations") && !strange("clusterwatches"));
    assert_eq!(a.calls(), calls, "the old shard asks no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_moves_there_and_back_keeps_its_mirrors_and_their_history() {
    let fixture = clusters("there-and-back", 5).await;
    let (a, b) = (
        Shard::start(&fixture, "a", &[]).await,
        Shard::start(&fixture, "b", &[]).await,
    );
    b.leads(&fixture).await;
    watch_of(&fixture, "training", CLUSTER, "").await;
    fixture.ready("training", "Synced").await;
    let id = fixture.simulator.truth(CLUSTER).remove(0).id;
    let before = fixture.versions().await;
    let uid = fixture.mirror(&id).await.metadata.uid;

    give(&fixture, "training", json!("b")).await;
    until("its old shard has let go", || async {
        a.replica.clock.advance(SECOND);
        let watch = fixture.watches().get("training").await.unwrap();
        let shard = watch.status.and_then(|status| status.shard);
        match shard {
            Some(shard) if shard == b.title(&fixture) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    b.sync(&fixture, "training").await;
    let calls = b.calls();
    assert!(calls > 0);
    assert_eq!(fixture.versions().await, before, "nothing changed");
    for simulator in [&a.replica.simulator, &b.replica.simulator] {
        simulator.enter(CLUSTER, &id, "RUNNING");
    }
    b.sync(&fixture, "training").await;

    give(&fixture, "training", json!(null)).await;
    until("it is back", || async {
        b.replica.clock.advance(SECOND);
        let watch = fixture.watches().get("training").await.unwrap();
        let shard = watch.status.and_then(|status| status.shard);
        match shard {
            Some(shard) if shard == a.title(&fixture) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    a.replica.simulator.enter(CLUSTER, &id, "SUCCEEDED");
    // It waits for the turn that it would have had, had it stayed.
    let mirror = until("it has ended", || async {
        if a.replica.clock.sleepers() >= 3 {
            a.replica.clock.advance(SECOND);
        }
        let mirror = fixture.mirror(&id).await;
        let state = mirror.status.as_ref().unwrap().state.clone();
        match state.as_deref() {
            Some("SUCCEEDED") => Ok(mirror),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert_eq!(mirror.metadata.uid, uid, "it is the same object");
    let history = mirror.status.unwrap().transitions;
    let states: Vec<_> = history.iter().map(|hop| hop.to.as_str()).collect();
    assert!(states.ends_with(&["RUNNING", "SUCCEEDED"]), "{states:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_is_gone_is_waited_for_as_long_as_it_promised() {
    let fixture = clusters("silent", 3).await;
    let a = Shard::start(&fixture, "a", &[]).await;
    watch_of(&fixture, "training", CLUSTER, "").await;
    fixture.ready("training", "Synced").await;
    let title = a.title(&fixture);
    a.replica.stop().await.unwrap();
    // Time runs here faster than any Lease is renewed.
    let b = Shard::start(&fixture, "b", &["--leader-elect=false"]).await;
    give(&fixture, "training", json!("b")).await;
    until("it waits", || async {
        match b.replica.clock.sleepers() {
            // The watch: what has no watch is not this one's.
            1 => Ok(()),
            waiting => Err(format!("{waiting}")),
        }
    })
    .await;
    let watch = held(&fixture, "training", Some(title)).await;
    assert_eq!(b.calls(), 0);
    let stale: k8s_openapi::jiff::Timestamp =
        watch.status.unwrap().stale_after.unwrap().parse().unwrap();
    until("its time runs out", || async {
        b.replica.clock.advance(Duration::from_secs(5));
        let watch = fixture.watches().get("training").await.unwrap();
        let shard = watch.status.as_ref().unwrap().shard.clone();
        let now = together_remediation_operator::clock::Clock::now(&*b.replica.clock);
        if shard == Some(b.title(&fixture)) {
            assert!(now >= stale, "{now} is before {stale}");
            Ok(())
        } else {
            assert_eq!(b.calls(), 0, "another one may write yet");
            Err(format!("{shard:?}"))
        }
    })
    .await;
    let watch = fixture.ready("training", "Synced").await;
    assert_eq!(told(&watch, "Stalled").status, "False");
    assert_mirrors(&fixture.all().await, &fixture.simulator.truth(CLUSTER));
}
