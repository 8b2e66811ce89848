//! What tests do to a fixture again and again, and what they wait for.

use std::fmt::Debug;

use k8s_openapi::{
    api::{core::v1::Secret, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{
    Api, Resource,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use testbed::{
    api_proxy::{ApiProxy, RunningFault},
    simulator::{Fault, Remediation as Truth},
};
use together_remediation_operator::api::{
    cluster_watch::{ClusterWatch, Query, Retention},
    remediation::{Remediation, RemediationSpec},
};

use crate::{
    conditions::condition,
    fixture::{CLUSTER, Fixture, mirror_condition, secret, spec, until},
    truth::assert_mirrors,
};

impl Fixture {
    /// A fixture whose API knows these, and that has mirrored them.
    pub(crate) async fn mirroring(name: &str, numbers: impl IntoIterator<Item = u32>) -> Self {
        let fixture = Self::new(name).await;
        fixture.put(numbers);
        fixture.synced_watch(|_| {}).await;
        fixture
    }

    /// Makes the API know these, as waiting for approval; their ids.
    pub(crate) fn put(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
        let put = numbers.into_iter().map(|number| self.put_new(number).id);
        put.collect()
    }

    /// The same of one, as it is then.
    pub(crate) fn put_new(&self, number: u32) -> Truth {
        let truth = Truth::numbered(CLUSTER, number);
        self.simulator.put(truth.clone());
        truth
    }

    /// The same, and lets it enter this state; as it was before.
    pub(crate) fn put_in(&self, number: u32, state: &str) -> Truth {
        let truth = self.put_new(number);
        self.enter(&truth.id, state);
        truth
    }

    /// What the API holds of [`CLUSTER`].
    pub(crate) fn truth(&self) -> Vec<Truth> {
        self.simulator.truth(CLUSTER)
    }

    /// Lets one of [`CLUSTER`] enter this state.
    pub(crate) fn enter(&self, id: &str, state: &str) {
        self.simulator.enter(CLUSTER, id, state);
    }

    /// Lets the API forget one of [`CLUSTER`].
    pub(crate) fn forget(&self, id: &str) -> bool {
        self.simulator.remove(CLUSTER, id)
    }

    /// The calls that the API has had.
    pub(crate) fn calls(&self) -> u64 {
        self.simulator.counters().calls()
    }

    /// A condition of the watch named `training`, as it is now.
    pub(crate) async fn condition(&self, type_: &str) -> Condition {
        condition(&self.watches().get("training").await.unwrap(), type_)
    }

    /// What the API holds of these.
    pub(crate) fn truth_of(&self, selected: &[&Truth]) -> Vec<Truth> {
        let mut truth = self.truth();
        truth.retain(|truth| selected.iter().any(|one| one.id == truth.id));
        truth
    }

    /// A proxy before the API server for the operator's account.
    pub(crate) async fn observer(&self) -> ApiProxy {
        ApiProxy::start(&self.account().await).await.unwrap()
    }

    /// Puts a Secret with this key.
    pub(crate) async fn put_key(&self, key: &str) {
        self.put_secret(&[("api-key", key)], "Opaque").await;
    }

    /// A good Secret and a watch of `cluster` in another namespace.
    pub(crate) async fn furnish(&self, namespace: &str, name: &str, cluster: &str) -> ClusterWatch {
        let (client, how) = (self.client.clone(), PostParams::default());
        let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let key = [("api-key", self.simulator.key())];
        let secret = secret(&key, "Opaque");
        secrets.create(&how, &secret).await.unwrap();
        let mut watch = ClusterWatch::new(name, spec());
        cluster.clone_into(&mut watch.spec.cluster_id);
        let watches: Api<ClusterWatch> = Api::namespaced(client, namespace);
        watches.create(&how, &watch).await.unwrap()
    }

    /// Suspends the watch named `training`, or resumes it.
    pub(crate) async fn suspend(&self, suspend: bool) {
        self.respec(json!({"suspend": suspend})).await;
    }

    /// Merges this into the spec of the watch named `training`.
    pub(crate) async fn respec(&self, spec: Value) {
        self.patch_watch("training", json!({"spec": spec})).await;
    }

    pub(crate) async fn delete_watch(&self, name: &str) {
        let delete = DeleteParams::default();
        self.watches().delete(name, &delete).await.unwrap();
    }

    pub(crate) async fn delete_mirror(&self, name: &str) {
        let delete = DeleteParams::default();
        self.mirrors().delete(name, &delete).await.unwrap();
    }

    /// Merges `patch` into a mirror, as a person would.
    pub(crate) async fn patch_mirror(&self, name: &str, patch: Value) -> Remediation {
        let (how, patch) = (PatchParams::default(), Patch::Merge(patch));
        self.mirrors().patch(name, &how, &patch).await.unwrap()
    }

    /// The same of its status.
    pub(crate) async fn patch_status(&self, name: &str, status: Value) -> Remediation {
        let patch = Patch::Merge(json!({"status": status}));
        let (mirrors, how) = (self.mirrors(), PatchParams::default());
        mirrors.patch_status(name, &how, &patch).await.unwrap()
    }

    /// The reason of a mirror's Synced.
    pub(crate) async fn reason(&self, name: &str) -> String {
        let [_, reason] = mirror_condition(&self.mirror(name).await, "Synced");
        reason
    }

    /// Waits until Synced of a mirror has this reason.
    pub(crate) async fn mirror_is(&self, name: &str, reason: &str) -> Remediation {
        let has_reason = |mirror: &Remediation| mirror_condition(mirror, "Synced")[1] == reason;
        self.mirror_where(name, reason, has_reason).await
    }

    /// Waits until a mirror shows this state.
    pub(crate) async fn mirror_enters(&self, name: &str, state: &str) -> Remediation {
        let in_state = |mirror: &Remediation| state_of(mirror) == Some(state);
        self.mirror_where(name, state, in_state).await
    }

    /// Waits until the message of Ready contains this, whatever its reason.
    pub(crate) async fn ready_contains(&self, name: &str, part: &str) -> ClusterWatch {
        let what = format!("the message of Ready contains {part:?}");
        self.watch_where(name, &what, |status, _| {
            let mut ready = status.conditions.iter().filter(|one| one.type_ == "Ready");
            ready.any(|ready| ready.message.contains(part))
        })
        .await
    }

    /// Waits until a fault of the API has risen more often than `before`.
    pub(crate) async fn rises(&self, fault: &Fault, before: u64) {
        let what = format!("more than {before} times {}", fault.name());
        let risen = async || self.simulator.counters().risen(fault);
        holds(&what, risen, |risen| *risen > before).await;
    }

    /// Fails unless the mirrors match the API's remediations of [`CLUSTER`].
    pub(crate) async fn agrees(&self) {
        assert_mirrors(&self.all().await, &self.truth());
    }
}

/// The Events of the fixture's namespace.
pub(crate) async fn events(fixture: &Fixture) -> Vec<Event> {
    let events: Api<Event> = Api::namespaced(fixture.client.clone(), &fixture.namespace);
    events.list(&ListParams::default()).await.unwrap().items
}

/// The state that a mirror shows.
pub(crate) fn state_of(mirror: &Remediation) -> Option<&str> {
    mirror.status.as_ref()?.state.as_deref()
}

/// A mirror in [`CLUSTER`] as it is created: without a status.
pub(crate) fn unfilled(id: &str) -> Remediation {
    let spec = RemediationSpec {
        cluster_id: CLUSTER.to_owned(),
        id: id.to_owned(),
    };
    Remediation::new(id, spec)
}

/// Pages of this size.
pub(crate) fn pages_of(size: u32) -> Query {
    Query {
        page_size: Some(size),
        ..Query::default()
    }
}

/// Finished ones are kept for this time.
pub(crate) fn kept_for(time: &str) -> Retention {
    Retention {
        ttl_after_finished: Some(time.to_owned()),
        ..Retention::default()
    }
}

/// The API server decides and keeps nothing.
pub(crate) fn dry_run() -> PostParams {
    PostParams {
        dry_run: true,
        ..PostParams::default()
    }
}

/// Waits until what is read satisfies `predicate`.
pub(crate) async fn holds<T: Debug, F: Future<Output = T>>(
    what: &str,
    read: impl Fn() -> F,
    predicate: impl Fn(&T) -> bool,
) -> T {
    until(what, async || {
        let found = read().await;
        if predicate(&found) {
            Ok(found)
        } else {
            Err(format!("{found:?}"))
        }
    })
    .await
}

/// Waits until what is read is this.
pub(crate) async fn becomes<T: Debug + PartialEq, F: Future<Output = T>>(
    what: &str,
    expected: T,
    read: impl Fn() -> F,
) {
    let what = format!("{what}: {expected:?}");
    holds(&what, read, |found| *found == expected).await;
}

/// Waits until a fault before the API server has struck so often.
pub(crate) async fn struck(fault: &RunningFault, times: u64) {
    let what = format!("the fault strikes {times} times");
    holds(&what, async || fault.struck(), |struck| *struck >= times).await;
}

/// Waits until there is no object of this name.
pub(crate) async fn gone<K: Resource + Clone + Debug + DeserializeOwned>(api: &Api<K>, name: &str) {
    holds(
        &format!("{name} is gone"),
        async || api.get_opt(name).await.unwrap(),
        Option::is_none,
    )
    .await;
}
