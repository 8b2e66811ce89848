//! Two operators on one API server, each with a selector and a Lease of its own: they share the `ClusterWatches`.
//!
//! Each calls its own API with the same content, and reaches the API server through a proxy that records its writes.

mod moves;
mod overlaps;
mod rest;

use std::{collections::BTreeSet, time::Duration};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde_json::{Value, json};
use testbed::{api_proxy::ApiProxy, simulator::Remediation as Truth};
use together_remediation_operator::api::cluster_watch::ClusterWatch;

use crate::{
    conditions::condition,
    fixture::{CLUSTER, Fixture, until},
    leader::{replica::Replica, stage},
    steps::holds,
    truth::assert_mirrors,
};

/// Another cluster than [`CLUSTER`].
const OTHER: &str = "77aa2f10-3c55-4b0e-8d1f-0a6f2c9b1d22";
/// The label that assigns a `ClusterWatch` to a shard; one without it belongs to shard `a`.
const LABEL: &str = "example.com/shard";
/// What keeps the work of one process apart in time: the least time between two syncs on demand.
const SECOND: Duration = Duration::from_secs(1);

/// One leading operator that looks after a part of the watches.
struct Shard {
    replica: Replica,
    proxy: ApiProxy,
    name: &'static str,
}

impl Shard {
    /// Starts the one of this name (its Lease's): `a` takes what is neither `b`'s nor `c`'s.
    async fn start(fixture: &Fixture, name: &'static str, flags: &[&str]) -> Self {
        let selector = match name {
            "a" => format!("{LABEL} notin (b,c)"),
            _ => format!("{LABEL}={name}"),
        };
        let proxy = fixture.observer().await;
        let own = [
            "--cluster-watch-selector",
            &selector,
            "--lease-name",
            name,
            "--min-interval",
            "1s",
        ];
        let flags = [&own[..], flags].concat();
        let replica = Replica::start_as(fixture, &flags, proxy.account()).await;
        replica.simulator.add_cluster(OTHER);
        for truth in fixture.simulator.truth(OTHER) {
            replica.simulator.put(truth);
        }
        Self {
            replica,
            proxy,
            name,
        }
    }

    /// The mirrors that it has written, by name.
    fn written(&self) -> BTreeSet<String> {
        let writes = self.proxy.writes();
        let mirrors = writes
            .iter()
            .filter(|write| write.asked.writes_to("remediations") && write.succeeded());
        mirrors
            .filter_map(|write| write.asked.name().map(str::to_owned))
            .collect()
    }

    fn calls(&self) -> u64 {
        self.replica.simulator.counters().calls()
    }

    /// Waits until it leads.
    async fn leads(&self, fixture: &Fixture) {
        let leases: Api<Lease> = Api::namespaced(fixture.client.clone(), &fixture.namespace);
        until("it leads", || async {
            let lease = leases.get_opt(self.name).await.unwrap();
            let holder = lease.and_then(|lease| lease.spec?.holder_identity);
            holder.map(drop).ok_or_else(|| "no leader".to_owned())
        })
        .await;
    }

    /// Waits until its one watch waits for its next turn.
    async fn wait_until_idle(&self) {
        // The Lease, the watch, and the look-out of the one that has it.
        let all = if self.name == "a" { 3 } else { 2 };
        holds(
            "its watch waits",
            async || self.replica.clock.sleepers(),
            |some| *some >= all,
        )
        .await;
    }

    /// Polls its one `watch` on demand.
    async fn sync(&self, fixture: &Fixture, watch: &str) {
        self.wait_until_idle().await;
        self.replica.clock.advance(SECOND);
        fixture.ask(watch).await;
    }
}

/// A namespace with `remediations` in [`CLUSTER`], three in [`OTHER`], and no operator.
async fn clusters(name: &str, remediations: u32) -> Fixture {
    let fixture = stage(name, remediations).await;
    fixture.simulator.add_cluster(OTHER);
    for number in 0..3 {
        let truth = Truth::numbered(OTHER, 900_000 + number);
        fixture.simulator.put(truth);
    }
    fixture
}

/// Gives the watch to this shard.
async fn give(fixture: &Fixture, watch: &str, shard: Value) {
    let labels = json!({"metadata": {"labels": {LABEL: shard}}});
    fixture.patch_watch(watch, labels).await;
}

/// Creates a watch of `cluster` that is this shard's from the start.
async fn watch_of(fixture: &Fixture, name: &str, cluster: &str, shard: &str) {
    let mut watch = ClusterWatch::new(name, crate::fixture::spec());
    watch.spec.cluster_id = cluster.to_owned();
    watch.metadata.labels = Some([(LABEL.to_owned(), shard.to_owned())].into());
    let how = kube::api::PostParams::default();
    fixture.watches().create(&how, &watch).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_shards_share_the_watches_and_never_an_object() {
    let fixture = clusters("shards", 20).await;
    let (a, b) = (
        Shard::start(&fixture, "a", &[]).await,
        Shard::start(&fixture, "b", &[]).await,
    );
    watch_of(&fixture, "plain", CLUSTER, "").await;
    watch_of(&fixture, "labelled", OTHER, "b").await;
    fixture.ready("plain", "Synced").await;
    fixture.ready("labelled", "Synced").await;
    a.leads(&fixture).await;
    b.leads(&fixture).await;

    let all = [CLUSTER, OTHER].map(|cluster| fixture.simulator.truth(cluster));
    assert_mirrors(&fixture.all().await, &all.concat());
    let (by_a, by_b) = (a.written(), b.written());
    assert!(by_a.is_disjoint(&by_b), "{by_a:?} {by_b:?}");
    assert_eq!((by_a.len(), by_b.len()), (20, 3));

    // A leader that is cut off ends, and another replica of its shard goes on; the other shard does not notice.
    let heir = Shard::start(&fixture, "b", &[]).await;
    let calls = a.calls();
    b.proxy.cut();
    b.replica.clock.advance(Duration::from_secs(10));
    b.replica.ended().await.unwrap_err();
    heir.replica.rests().await;
    let open = fixture.simulator.truth(OTHER).remove(0);
    heir.replica.simulator.enter(OTHER, &open.id, "RUNNING");
    until("the heir writes", || async {
        heir.replica.clock.advance(Duration::from_secs(2));
        let written = heir.written();
        if written.len() == 1 && written.contains(&open.id) {
            Ok(())
        } else {
            Err(format!("{written:?}"))
        }
    })
    .await;
    assert_eq!((a.calls(), a.written()), (calls, by_a));
    fixture.ready("plain", "Synced").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_no_shard_takes_is_left_alone() {
    let fixture = clusters("no-shard", 2).await;
    let b = Shard::start(&fixture, "b", &[]).await;
    watch_of(&fixture, "lost", CLUSTER, "c").await;
    watch_of(&fixture, "found", OTHER, "b").await;
    fixture.ready("found", "Synced").await;
    let lost = fixture.watches().get("lost").await.unwrap();
    assert_eq!(condition(&lost, "Ready").reason, "Pending");
    assert_eq!((fixture.all().await.len(), b.written().len()), (3, 3));
}
