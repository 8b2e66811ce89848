//! Several replicas and one Lease, on a real API server.
//!
//! Each replica calls its own API with the same content, so that the calls show which one polls.

mod faults;
mod late;
mod processes;
pub(crate) mod replica;

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;
use testbed::{control_plane::ControlPlane, simulator::Simulator};
use together_remediation_operator::{
    api::remediation::Remediation,
    k8s::{
        api::{KubeApi, KubeClient},
        error::KubeApiError,
        gate::Gate,
        leadership::Leadership,
        throttle::RetryAfterGate,
    },
    operator::RunError,
};

use self::replica::Replica;
use crate::{
    fixture::{CLUSTER, Fixture},
    setup,
    steps::holds,
};

/// The rights to hold a Lease in a namespace of a test, which the operator's own manifest gives in its own alone.
const RIGHTS: &str = r"
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: leases, namespace: $NAMESPACE}
rules:
  - {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: leases, namespace: $NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: leases}
subjects:
  - {kind: ServiceAccount, name: together-remediation-operator, namespace: together-system}
";
/// Its name where no flag gives another.
pub(crate) const LEASE: &str = "together-remediation-operator";

/// A namespace without an operator, with `remediations` that all APIs of the test have.
pub(crate) async fn stage(name: &str, remediations: u32) -> Fixture {
    stage_on(setup::control_plane().await, name, remediations).await
}

/// The same on this control plane.
pub(crate) async fn stage_on(
    control_plane: &ControlPlane,
    name: &str,
    remediations: u32,
) -> Fixture {
    let fixture = Fixture::idle_on(control_plane, name).await;
    let rights = RIGHTS.replace("$NAMESPACE", &fixture.namespace);
    fixture.control_plane.apply(&rights).await.unwrap();
    fixture.put(0..remediations);
    fixture
}

/// An API with the present content and the clock of the fixture's API. With another clock, the same change would be older in
/// one of the two.
async fn api(fixture: &Fixture) -> Simulator {
    let simulator = Simulator::start().await;
    simulator.set_clock(fixture.simulator.now());
    simulator.add_cluster(CLUSTER);
    simulator.add_key(fixture.simulator.key(), None);
    for truth in fixture.truth() {
        simulator.put(truth);
    }
    simulator
}

pub(crate) fn leases(fixture: &Fixture) -> Api<Lease> {
    Api::namespaced(fixture.client.clone(), &fixture.namespace)
}

async fn lease(fixture: &Fixture) -> LeaseSpec {
    leases(fixture).get(LEASE).await.unwrap().spec.unwrap()
}

/// Waits until some mirrors are written, of many more to come.
async fn in_the_middle_of_writes(fixture: &Fixture) {
    holds(
        "some mirrors",
        async || fixture.all().await.len(),
        |mirrors| *mirrors >= 3,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_polls_and_hands_over_when_it_is_stopped() {
    let fixture = stage("handover", 20).await;
    let first = Replica::start(&fixture, &[]).await;
    fixture.synced_watch(|_| {}).await;
    let second = Replica::start(&fixture, &[]).await;
    second.rests().await;
    fixture.sync("training").await;
    assert!(first.simulator.counters().listings >= 2);
    assert_eq!(second.simulator.counters().calls(), 0);
    let (versions, held) = (fixture.versions().await, lease(&fixture).await);
    assert_eq!(held.lease_duration_seconds, Some(15));
    assert!(held.acquire_time.is_some() && held.renew_time.is_some());

    let clock = first.clock.clone();
    first.stop().await.unwrap();
    assert_eq!(clock.sleepers(), 0, "all of its tasks have ended");
    let released = lease(&fixture).await;
    assert_eq!(released.holder_identity.as_deref(), Some(""));
    assert_eq!(released.lease_duration_seconds, Some(1));
    assert_eq!(second.simulator.counters().calls(), 0);

    // Less than the duration of the Lease: it need not run out.
    second.clock.advance(Duration::from_secs(3));
    fixture.sync("training").await;
    assert!(second.simulator.counters().listings >= 1);
    assert_eq!(fixture.versions().await, versions, "no spurious write");
    let taken = lease(&fixture).await;
    assert_ne!(taken.holder_identity, held.holder_identity);
    assert_eq!(taken.lease_transitions, Some(1));
    second.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_lease_is_overwritten_ends_and_writes_nothing_more() {
    let fixture = stage("overwritten", 10_000).await;
    let slow = ["--kube-qps", "4", "--kube-burst", "1"];
    let replica = Replica::start(&fixture, &slow).await;
    fixture.watch("training", |_| {}).await;
    in_the_middle_of_writes(&fixture).await;
    let patch = json!({"spec": {"holderIdentity": "somebody"}});
    leases(&fixture)
        .patch(LEASE, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
    let clock = replica.clock.clone();
    clock.advance(Duration::from_secs(3));
    let error = replica.ended().await.unwrap_err();
    assert!(matches!(error, RunError::Lost(_)), "{error}");
    let message = error.to_string();
    assert!(
        message.contains("is now held by somebody") && !message.contains('\n'),
        "{message}"
    );
    assert_eq!(clock.sleepers(), 0, "all of its tasks have ended");
    let written = fixture.versions().await;
    assert!(written.len() < 1000, "it was in the middle of its writes");

    // What had left the process before may land; a second later nothing does, where four writes were due.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let written = fixture.versions().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(fixture.versions().await, written);
    assert_eq!(
        lease(&fixture).await.holder_identity.as_deref(),
        Some("somebody"),
        "what it lost it does not release"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_cannot_renew_ends_at_the_deadline() {
    let fixture = stage("unrenewed", 5).await;
    let replica = Replica::start(&fixture, &[]).await;
    fixture.synced_watch(|_| {}).await;
    replica.clock.advance(Duration::from_secs(10));
    let error = replica.ended().await.unwrap_err().to_string();
    assert!(error.contains("was not renewed for 10 s"), "{error}");
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_write_is_begun_by_a_replica_that_does_not_lead() {
    let mut fixture = Fixture::new("not-leading").await;
    fixture.put([1]);
    let watch = fixture.synced_watch(|_| {}).await;
    fixture.stop().await;
    let mirror = fixture.all().await.remove(0);
    let namespace = &*fixture.namespace;
    let (name, uid) = (mirror.name_any(), mirror.uid().unwrap());
    let version = mirror.resource_version().unwrap().parse().unwrap();
    let mut other = Remediation::new("other", mirror.spec.clone());
    other.metadata.namespace = Some(namespace.to_owned());

    let leadership = Leadership::new(fixture.clock.clone());
    let cluster = KubeClient::new(
        fixture.client.clone(),
        Gate::new(RetryAfterGate::default(), None, leadership),
    );
    let refused = Err(KubeApiError::Unavailable(
        "this replica is no longer the leader".to_owned(),
    ));
    let patch = json!({"metadata": {"labels": {"a": "b"}}});
    assert_eq!(cluster.create(&other).await.map(drop), refused);
    assert_eq!(cluster.replace_status(&mirror).await.map(drop), refused);
    assert_eq!(
        cluster.patch(namespace, &name, patch).await.map(drop),
        refused
    );
    assert_eq!(
        cluster.delete(namespace, &name, &uid, version).await,
        refused
    );
    assert_eq!(
        cluster.replace_watch_status(&watch).await.map(drop),
        refused
    );
    assert!(cluster.get(namespace, &name).await.is_ok(), "it may read");
    let versions: Vec<_> = fixture.versions().await.into_iter().collect();
    assert_eq!(versions, [(name, mirror.resource_version().unwrap())]);
}
