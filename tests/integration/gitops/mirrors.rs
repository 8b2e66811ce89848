//! The situations of a mirror.

use std::time::Duration;

use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;
use testbed::{
    control_plane::ControlPlane,
    simulator::{Fault, Remediation as Truth, Times},
};
use together_remediation_operator::api::remediation::{Remediation, RemediationSpec};

use super::situation::{
    Kind::{Mirror, Watch},
    Situation, take,
};
use crate::fixture::{CLUSTER, Fixture, mirror_condition};

const POLL: Duration = Duration::from_secs(70);

/// Name of the situation, and the API's state that makes it.
const STATES: [(&str, &str); 10] = [
    ("pending-approval", "PENDING_APPROVAL"),
    ("pending", "PENDING"),
    ("running", "RUNNING"),
    ("quarantining", "QUARANTINING"),
    ("quarantined", "QUARANTINED"),
    ("unknown-state", "DEFROSTING"),
    ("succeeded", "SUCCEEDED"),
    ("auto-resolved", "AUTO_RESOLVED"),
    ("cancelled", "CANCELLED"),
    ("failed", "FAILED"),
];

/// The one that makes this situation.
fn id(situation: &str) -> String {
    let number = STATES
        .iter()
        .position(|(name, _)| *name == situation)
        .unwrap();
    Truth::numbered(CLUSTER, u32::try_from(number).unwrap()).id
}

async fn in_every_state(control_plane: &'static ControlPlane, name: &str) -> Fixture {
    let fixture = Fixture::on(control_plane, name).await;
    for (number, (_, state)) in (0..).zip(STATES) {
        let truth = fixture.put_new(number);
        if state != truth.state {
            fixture.enter(&truth.id, state);
        }
    }
    fixture.synced_watch(|_| {}).await;
    fixture
}

/// Lets the API forget the one of `situation`, and waits until two polls know.
async fn forget(fixture: &Fixture, situation: &str, reason: &str) {
    fixture.forget(&id(situation));
    fixture.sync("training").await;
    fixture.sync("training").await;
    fixture
        .mirror_where(&id(situation), reason, |mirror| {
            mirror_condition(mirror, "Synced")[1] == reason
        })
        .await;
}

/// Each state, what the API forgets, and what it no longer confirms.
pub(super) async fn followed(control_plane: &'static ControlPlane) -> Vec<Situation> {
    let fixture = in_every_state(control_plane, "seen").await;
    let mut taken = Vec::new();
    for (name, _) in STATES {
        taken.push(take(&fixture, Mirror, name, &id(name)).await);
    }
    taken.push(take(&fixture, Watch, "attention", "training").await);

    forget(&fixture, "pending", "NotFound").await;
    taken.push(take(&fixture, Mirror, "not-found", &id("pending")).await);
    fixture.simulator.set_by_id(Some(403));
    forget(&fixture, "quarantined", "Forbidden").await;
    taken.push(take(&fixture, Mirror, "forbidden", &id("quarantined")).await);
    fixture.simulator.set_by_id(None);

    let away = Fault::status(503);
    fixture.simulator.fault(away, Times::UntilCleared);
    for _ in 0..4 {
        fixture.turn(POLL).await;
    }
    fixture.ready("training", "Unavailable").await;
    taken.push(take(&fixture, Watch, "unavailable", "training").await);
    taken.push(take(&fixture, Mirror, "stale", &id("running")).await);
    taken.push(take(&fixture, Mirror, "stale-approval", &id("pending-approval")).await);

    let finalizer = Patch::Merge(json!({"metadata": {"finalizers": ["example.com/held"]}}));
    let how = PatchParams::default();
    let (mirror, now) = (id("succeeded"), DeleteParams::background());
    fixture
        .mirrors()
        .patch(&mirror, &how, &finalizer)
        .await
        .unwrap();
    let _ = fixture.mirrors().delete(&mirror, &now).await.unwrap();
    taken.push(take(&fixture, Mirror, "deleted", &mirror).await);
    let free = Patch::Merge(json!({"metadata": {"finalizers": []}}));
    fixture.mirrors().patch(&mirror, &how, &free).await.unwrap();
    taken
}

/// Where the API answers 404 for every id.
pub(super) async fn not_listed(control_plane: &'static ControlPlane) -> Vec<Situation> {
    let fixture = in_every_state(control_plane, "unlisted").await;
    fixture.simulator.set_by_id(Some(404));
    forget(&fixture, "pending", "NotListed").await;
    vec![take(&fixture, Mirror, "not-listed", &id("pending")).await]
}

/// What an operator creates, before it writes the status.
pub(super) async fn created(control_plane: &'static ControlPlane) -> Vec<Situation> {
    let fixture = Fixture::idle_on(control_plane, "unfilled").await;
    let spec = RemediationSpec {
        cluster_id: CLUSTER.to_owned(),
        id: id("running"),
    };
    let new = Remediation::new(&id("running"), spec);
    let created = fixture.mirrors().create(&PostParams::default(), &new).await;
    created.unwrap();
    fixture.watch("training", |_| {}).await;
    vec![
        take(&fixture, Mirror, "created", &id("running")).await,
        take(&fixture, Watch, "created", "training").await,
    ]
}
