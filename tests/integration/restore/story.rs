//! What happens in one namespace before the snapshot, after it, and after the restore.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use testbed::{
    auditor::{judge, see},
    simulator::{Remediation as Truth, Simulator},
};

use crate::fixture::{CLUSTER, Fixture};

/// How long the mirrors may be other than the truth once the API server serves again.
pub(super) const BOUND: Duration = Duration::from_secs(180);
/// Its `ClusterWatch` is deleted after the snapshot, and comes back with the restore.
const LEAVING: &str = "11111111-1111-4111-8111-111111111111";
/// Its `ClusterWatch` is created after the snapshot, and is gone after the restore.
const COMING: &str = "22222222-2222-4222-8222-222222222222";
/// Writes after the snapshot, so that what is written after a restore does not soon come to the same revision.
const WRITES: usize = 300;

/// The APIs of the namespace's replicas, all with the same content.
pub(super) type Apis<'a> = &'a [&'a Simulator];

fn id(number: u32) -> String {
    Truth::numbered(CLUSTER, number).id
}

fn put(apis: Apis<'_>, cluster: &str, number: u32) {
    for api in apis {
        api.put(Truth::numbered(cluster, number));
    }
}

fn enter(apis: Apis<'_>, number: u32, state: &str) {
    for api in apis {
        api.enter(CLUSTER, &id(number), state);
    }
}

/// What the API knows before the snapshot.
pub(super) fn history(simulator: &Simulator) {
    simulator.add_cluster(LEAVING);
    simulator.add_cluster(COMING);
    let apis = [simulator];
    for number in 1..=4 {
        put(&apis, CLUSTER, number);
    }
    for (number, state) in [(1, "RUNNING"), (3, "FAILED"), (4, "RUNNING")] {
        enter(&apis, number, state);
    }
    put(&apis, LEAVING, 11);
    put(&apis, COMING, 21);
}

/// A `ClusterWatch` that polls often.
pub(super) async fn watch(fixture: &Fixture, name: &str, cluster: &str, pace: [&str; 3]) {
    let [active, interval, full] = pace.map(|text| Some(text.to_owned()));
    fixture
        .watch(name, |spec| {
            cluster.clone_into(&mut spec.cluster_id);
            spec.active_interval = active;
            spec.interval = interval;
            spec.full_resync_interval = full;
        })
        .await;
}

/// Both `ClusterWatches` of the time before the snapshot.
pub(super) async fn watches(fixture: &Fixture, pace: [&str; 3]) {
    watch(fixture, "training", CLUSTER, pace).await;
    watch(fixture, "leaving", LEAVING, pace).await;
}

/// Changes after the snapshot, which the restore undoes: one ends, two come, a mirror is recreated, a `ClusterWatch` is
/// edited, one is deleted and one created.
pub(super) async fn change(fixture: &Fixture, apis: Apis<'_>, pace: [&str; 3]) {
    enter(apis, 1, "SUCCEEDED");
    put(apis, CLUSTER, 5);
    put(apis, CLUSTER, 6);
    enter(apis, 6, "SUCCEEDED");
    let delete = DeleteParams::default();
    fixture.mirrors().delete(&id(3), &delete).await.unwrap();

    fixture.respec(json!({"omit": ["reviewComment"]})).await;
    fixture.watches().delete("leaving", &delete).await.unwrap();
    watch(fixture, "coming", COMING, pace).await;
}

/// Many writes of something else.
pub(super) async fn pass(fixture: &Fixture) {
    let maps: Api<ConfigMap> = Api::namespaced(fixture.client.clone(), &fixture.namespace);
    for number in 0..WRITES {
        let data = BTreeMap::from([("number", number.to_string())]);
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "passing"}, "data": data});
        maps.patch(
            "passing",
            &PatchParams::apply("restore").force(),
            &Patch::Apply(map),
        )
        .await
        .unwrap();
    }
}

/// The remediations of a cluster and the watch of this name: what differs.
async fn differences(fixture: &Fixture, api: &Simulator, cluster: &str, name: &str) -> Vec<String> {
    let seen = match see(&fixture.client, &fixture.namespace).await {
        Ok(seen) => seen,
        Err(error) => return vec![error.to_string()],
    };
    let of_cluster = |mirror: &Value| mirror["spec"]["clusterId"] == cluster;
    let mirrors: Vec<_> = seen.mirrors.into_iter().filter(of_cluster).collect();
    let watch = seen
        .watches
        .iter()
        .find(|watch| watch["metadata"]["name"] == name);
    let found = match watch {
        None if mirrors.is_empty() => return Vec::new(),
        None => vec![format!("{} mirrors and no ClusterWatch", mirrors.len())],
        Some(watch) => judge(&api.truth(cluster), &mirrors, watch).differences,
    };
    found
        .into_iter()
        .map(|what| format!("{name}: {what}"))
        .collect()
}

/// Whether all mirrors are the truth, of each cluster that has a `ClusterWatch`; else what differs.
pub(super) async fn agrees(fixture: &Fixture, api: &Simulator) -> Result<(), String> {
    let mut all = Vec::new();
    for (cluster, name) in [
        (CLUSTER, "training"),
        (LEAVING, "leaving"),
        (COMING, "coming"),
    ] {
        all.extend(differences(fixture, api, cluster, name).await);
    }
    if all.is_empty() {
        Ok(())
    } else {
        Err(all.join("\n"))
    }
}

/// The same, and each `ClusterWatch` that is there is synced at its present generation.
pub(super) async fn synced(
    fixture: &Fixture,
    api: &Simulator,
    names: &[&str],
) -> Result<(), String> {
    agrees(fixture, api).await?;
    for name in names {
        let watch = fixture.watches().get(name).await;
        let watch = watch.map_err(|error| error.to_string())?;
        let status = watch.status.clone().unwrap_or_default();
        if status.observed_generation != watch.metadata.generation {
            return Err(format!("{name}: not of its generation: {status:#?}"));
        }
    }
    Ok(())
}

/// The uid of the mirror that is deleted by hand after the snapshot.
pub(super) async fn uid(fixture: &Fixture) -> Option<String> {
    fixture.mirrors().get_opt(&id(3)).await.unwrap()?.uid()
}

/// What comes after the restore: the watches on both kinds live.
pub(super) async fn change_again(fixture: &Fixture, apis: Apis<'_>) {
    enter(apis, 2, "RUNNING");

    fixture.respec(json!({"omit": ["errorMessage"]})).await;
}
