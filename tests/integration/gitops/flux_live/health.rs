//! When Flux calls the Kustomization of the watches ready, and when it does not.

use std::time::Duration;

use serde_json::Value;
use testbed::simulator::{Fault, Times};

use super::{KEY, Live, POLL, WATCHES, ready};
use crate::{
    fixture::until,
    gitops::examples::{secret_for, watch_for},
};

/// Longer than any pause after a failure.
const LONG: Duration = Duration::from_secs(3600);

const UNAVAILABLE: Fault = Fault::status(503);

/// What Flux reports about the example's watch when it is in this state.
fn names_watch(live: &Live, state: &str) -> String {
    let namespace = &live.fixture.namespace;
    format!("[ClusterWatch/{namespace}/training status: '{state}']")
}

/// Fails unless Flux waited for the watch in vain.
fn waited(live: &Live, status: &Value) {
    let message = format!("timeout waiting for: {}", names_watch(live, "InProgress"));
    assert!(
        ready(status, "False", "HealthCheckFailed", &message),
        "{status:#}"
    );
}

/// Neither without an operator nor with one that has not synced yet.
pub(super) async fn nothing_is_green_before_it_was_synced(live: &mut Live) {
    let looked = live.looked(WATCHES).await;
    waited(live, &looked);
    let watch = live.fixture.watches().get("training").await.unwrap();
    let status = format!("{:?}", watch.status);
    assert!(status.contains("Waiting for the operator"), "{status}");

    live.fixture
        .simulator
        .fault(UNAVAILABLE, Times::UntilCleared);
    live.fixture.start(&[]).await;
    live.fixture
        .watch_where("training", "the status reports the failure", |status, _| {
            status.conditions[0].message.contains("503")
        })
        .await;
    let looked = live.looked(WATCHES).await;
    waited(live, &looked);

    the_api_is_back(live).await;
    let looked = live.looked(WATCHES).await;
    assert!(
        ready(&looked, "True", "ReconciliationSucceeded", "Applied"),
        "{looked:#}"
    );
}

async fn the_api_is_back(live: &Live) {
    live.fixture.simulator.clear_faults();
    live.fixture.turn(LONG).await;
    live.fixture.ready("training", "Synced").await;
}

/// What passes by itself is in progress: Flux waits until `timeout`.
pub(super) async fn an_outage_is_waited_for(live: &Live) {
    live.fixture
        .simulator
        .fault(UNAVAILABLE, Times::UntilCleared);
    until("the ClusterWatch reports the outage", || async {
        live.fixture.turn(POLL).await;
        let watch = live.fixture.watches().get("training").await.unwrap();
        let conditions = watch.status.unwrap().conditions;
        let reported = conditions.iter().any(|one| one.reason == "Unavailable");
        reported.then_some(()).ok_or(format!("{conditions:#?}"))
    })
    .await;
    let looked = live.looked(WATCHES).await;
    waited(live, &looked);
    the_api_is_back(live).await;
    live.until(
        WATCHES,
        "it is healthy again without intervention",
        |status| ready(status, "True", "ReconciliationSucceeded", "Applied"),
    )
    .await;
}

/// Flux does not see it before, and then waits for nothing. It names the `ClusterWatch`, but not its message.
pub(super) async fn a_refused_key_fails_at_the_next_look(live: &Live) {
    live.looked(WATCHES).await;
    let before = live.version(WATCHES).await;
    live.fixture.simulator.revoke(live.fixture.simulator.key());
    live.fixture.turn(POLL).await;
    live.fixture.ready("training", "Unauthorized").await;
    // Had the change of the watch been news to Flux, its turn would have come before this one.
    live.looked(KEY).await;
    assert_eq!(live.version(WATCHES).await, before, "Flux has looked");

    let looked = live.looked(WATCHES).await;
    let failed = names_watch(live, "Failed");
    let message = format!("failed early due to stalled resources: {failed}");
    assert!(
        ready(&looked, "False", "HealthCheckFailed", &message),
        "{looked:#}"
    );
}

/// Although its key is still refused. Resumed with a new key, it is synced and well again.
pub(super) async fn a_suspended_watch_is_well(live: &Live) {
    let fixture = &live.fixture;
    let suspended = format!("{}  suspend: true\n", watch_for(fixture));
    live.source.write("watches/training.yaml", &suspended);
    let revision = live.source.commit().await;
    live.applied(WATCHES, &revision).await;

    fixture.simulator.add_key("key-after", None);
    let key = secret_for(fixture, "key-after");
    live.source.write("secrets/api-key.yaml", &key);
    live.source
        .write("watches/training.yaml", &watch_for(fixture));
    let revision = live.source.commit().await;
    live.applied(KEY, &revision).await;
    until("it is resumed", || async {
        let watch = fixture.watches().get("training").await.unwrap();
        if watch.spec.suspend {
            Err("suspended".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
    fixture.edit_takes_effect("training").await;
    fixture.ready("training", "Synced").await;
    live.applied(WATCHES, &revision).await;
}
