#![allow(clippy::unwrap_used)]

use std::time::Duration;

use futures::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::{
    mirror::end::Clocks,
    store::Mirror,
    sync::{
        decide::regression::{Regressions, ShownVersions},
        evidence::ListEvidence,
        retention_policy,
        write::skipped::LeftOut,
    },
    testing::{
        CLUSTER, NAMESPACE, at,
        clock::second,
        cluster::{Call, MemoryKubeApi},
        ended, id, item, now, random, some, target,
    },
    together::{Malformed, Remediation},
};

type Page = Vec<Result<Remediation, Malformed>>;

mod confirmed;
mod panics;
mod pruned;
mod timeless;
mod unreadable;

struct World {
    target: MirrorTarget,
    cluster: MemoryKubeApi,
    index: Index,
    regressions: Regressions,
}

impl World {
    fn new(target: MirrorTarget) -> Self {
        Self {
            target,
            cluster: MemoryKubeApi::default(),
            index: Index::new(0),
            regressions: Regressions::default(),
        }
    }

    fn queue<'a>(&'a self, failed_writes: &'a mut FailedWrites) -> WriteQueue<'a, MemoryKubeApi> {
        let ports = Ports {
            kube: self.cluster.clone(),
            index: self.index.clone(),
            observer: Observer::default(),
            events: Events::default(),
            permits: WritePermits::default(),
        };
        WriteQueue::new(&self.target, failed_writes, ports, now())
    }

    fn evidence(&self) -> ListEvidence<'_> {
        let (ours, apis) = (now(), Some(now()));
        ListEvidence::new(&self.target, Clocks { ours, apis })
    }

    fn plan(&self, evidence: &mut ListEvidence<'_>, page: Page) -> Vec<Write> {
        evidence.plan_page(&self.index, &self.regressions, page)
    }

    /// What one sync over one complete page wrote.
    async fn wrote(&self, items: impl IntoIterator<Item = Remediation>) -> WriteSummary {
        self.run(items.into_iter().collect()).await.0
    }

    /// One sync over one complete page.
    async fn run(&self, items: Vec<Remediation>) -> (WriteSummary, LeftOut) {
        self.run_page(items.into_iter().map(Ok).collect()).await
    }

    async fn run_page(&self, page: Page) -> (WriteSummary, LeftOut) {
        let mut failed_writes = FailedWrites::default();
        let (mut queue, mut evidence) = (self.queue(&mut failed_writes), self.evidence());
        queue.submit(self.plan(&mut evidence, page)).await;
        queue.drain().await;
        let (namespace, cluster) = (&self.target.namespace, &self.target.cluster);
        let (policy, clocks) = (&self.target.retention, evidence.clocks);
        let concerns = |mirror: &Mirror| policy.concerns(mirror, clocks);
        let concerned = self.index.mirrors(namespace, cluster, None, concerns);
        let writes = evidence.retention(&self.index, &concerned, queue.unwritten());
        queue.submit(writes).await;
        (queue.finish(true).await, evidence.left_out)
    }
}

fn kept(ttl: Option<u64>, max_per_instance: Option<usize>) -> MirrorTarget {
    MirrorTarget {
        retention: retention_policy::Policy {
            ttl: ttl.map(Duration::from_secs),
            max_per_instance,
        },
        ..target()
    }
}

fn running(numbers: std::ops::Range<u64>) -> impl Iterator<Item = Remediation> {
    numbers.map(|number| item(number, "RUNNING"))
}

fn updated(updated: usize) -> WriteSummary {
    WriteSummary {
        updated,
        ..WriteSummary::default()
    }
}

/// A version of remediation 1 that is older than the mirrored one, and its time.
fn older() -> (Remediation, Timestamp) {
    let time = "2026-11-23T09:29:00Z";
    let older = Remediation {
        update_time: some(time),
        ..item(1, "PENDING")
    };
    (older, at(time))
}

/// The API server refuses to create those below `number`.
fn refuse_below(world: &World, number: u64) {
    let refuses = move |call: &Call| matches!(call, Call::Create(name) if *name < id(number));
    world.cluster.fail(move |call| refuses(call).then(refused));
}

fn refused() -> KubeApiError {
    KubeApiError::Refused("exceeded quota".into())
}

#[tokio::test]
async fn what_finds_no_room_is_not_begun_and_waits_its_turn() {
    let world = World::new(target());
    let mut failed_writes = FailedWrites::default();
    let mut queue = world.queue(&mut failed_writes);
    let mut places = Vec::new();
    while let Some(Some(place)) = queue.permits.clone().acquire().now_or_never() {
        places.push(place);
    }
    assert_eq!(places.len(), crate::sync::write::permits::WRITES);
    let page = || {
        let page = running(0..100).map(Ok).collect();
        world.plan(&mut world.evidence(), page)
    };
    assert!(queue.submit(page()).now_or_never().is_none());
    assert!(queue.running.is_empty() && world.cluster.calls().is_empty());
    // One place is enough for all, one after the other.
    places.pop();
    queue.submit(page()).await;
    assert_eq!(queue.finish(true).await.created, 100);
}

#[tokio::test]
async fn a_round_counts_what_it_did() {
    let world = World::new(target());
    let created = WriteSummary {
        created: 2,
        ..WriteSummary::default()
    };
    let wrote = world.wrote([item(1, "PENDING"), item(2, "SUCCEEDED")]);
    assert_eq!(wrote.await, created);
    let wrote = world.wrote([item(1, "RUNNING"), item(2, "SUCCEEDED")]);
    assert_eq!(wrote.await, updated(1));
}

#[tokio::test]
async fn the_urgent_ones_of_a_page_come_first() {
    let world = World::new(target());
    world.wrote([item(1, "PENDING")]).await;
    world.cluster.calls();
    let [ended, changed] = [item(2, "SUCCEEDED"), item(1, "RUNNING")];
    world
        .wrote([ended, changed, item(3, "PENDING_APPROVAL")])
        .await;
    let mut calls = world.cluster.calls();
    calls.retain(|call| !matches!(call, Call::Status(name) if *name != id(1)));
    let order = [
        Call::Create(id(3)),
        Call::Status(id(1)),
        Call::Create(id(2)),
    ];
    assert_eq!(calls, order);
}

#[tokio::test]
async fn a_conflict_is_no_failure_and_the_next_round_puts_it_right() {
    let world = World::new(target());
    world.wrote([item(1, "PENDING")]).await;
    world.cluster.touch(1, |object| {
        object.status.as_mut().unwrap().node = some("edited");
    });
    let conflict = WriteSummary {
        conflicts: 1,
        ..WriteSummary::default()
    };
    assert_eq!(world.wrote(running(1..2)).await, conflict);
    world.index.apply(world.cluster.object(1).unwrap());
    assert_eq!(world.wrote(running(1..2)).await, updated(1));
    assert_eq!(world.cluster.status(1).node, some("instance-1"));
}

#[tokio::test]
async fn refusals_end_a_rounds_writing_and_are_all_counted() {
    let world = World::new(target());
    world.cluster.fail(|_| Some(refused()));
    let summary = world.wrote(running(0..200)).await;
    assert_eq!((summary.failed, summary.error), (200, Some(refused())));
    let tried = world.cluster.calls().len();
    assert!((FAILURES..=FAILURES + CREATES).contains(&tried), "{tried}");
}

#[tokio::test]
async fn a_few_refusals_stop_no_other_write() {
    let world = World::new(target());
    refuse_below(&world, 5);
    let summary = world.wrote(running(0..100)).await;
    assert_eq!((summary.created, summary.failed), (95, 5));
}

#[tokio::test]
async fn refused_creations_do_not_stop_updates() {
    let world = World::new(target());
    world.wrote((0..30).map(|n| item(n, "PENDING"))).await;
    refuse_below(&world, 1000);
    let summary = world.wrote(running(100..200).chain(running(0..30))).await;
    assert_eq!((summary.updated, summary.failed), (30, 100));
}

#[tokio::test]
async fn what_a_round_gave_up_is_reached_by_the_next_one() {
    let world = World::new(target());
    refuse_below(&world, 60);
    let mut failed_writes = FailedWrites::default();
    let mut polls = 0;
    while world.cluster.names().len() < 40 {
        polls += 1;
        assert!(polls <= 4, "the same ones are tried again and again");
        let mut queue = world.queue(&mut failed_writes);
        let page = running(0..100).map(Ok).collect();
        queue.submit(world.plan(&mut world.evidence(), page)).await;
        let summary = queue.finish(true).await;
        assert!(failed_writes.any());
        assert_eq!(summary.error, Some(refused()));
    }
    assert!((60..100).all(|number| world.cluster.object(number).is_some()));
}

#[tokio::test]
async fn what_is_left_out_is_named_and_then_counted() {
    let world = World::new(target());
    let foreign = |number| Remediation {
        cluster_id: some("cluster-2"),
        ..item(number, "RUNNING")
    };
    let mut page: Vec<_> = (0..4).map(|number| Ok(foreign(number))).collect();
    page.push(Err(Malformed {
        position: 4,
        id: some("odd"),
        field: "state".into(),
        problem: "missing",
    }));
    page.push(Ok(item(7, "RUNNING")));
    let (summary, left_out) = world.run_page(page).await;
    assert_eq!(summary.created, 1, "one odd item costs no other");
    let message = left_out.message().unwrap();
    for part in ["Left out 5", "2 more", &id(0), "another cluster"] {
        assert!(message.contains(part), "{message}");
    }
    let (_, nothing) = world.run(Vec::new()).await;
    assert_eq!(nothing.message(), None);
}

#[tokio::test]
async fn what_is_cut_short_is_named() {
    let world = World::new(target());
    let long = |number| Remediation {
        reason: some(&"r".repeat(5000)),
        ..item(number, "RUNNING")
    };
    for _ in 0..2 {
        let (_, left_out) = world.run(vec![long(1), item(2, "RUNNING")]).await;
        let message = left_out.message().unwrap();
        assert_eq!(message, format!("Truncated 1: {} (reason)", id(1)));
    }
}

#[tokio::test]
async fn an_older_version_is_remembered_and_not_written() {
    let world = World::new(target());
    world.wrote(running(1..2)).await;
    let (older, time) = older();
    let mut evidence = world.evidence();
    assert!(world.plan(&mut evidence, vec![Ok(older)]).is_empty());
    assert_eq!(evidence.versions.older, [(id(1).into(), time)]);
}

#[tokio::test]
async fn an_older_version_that_two_listings_confirm_is_written() {
    let mut world = World::new(target());
    world.wrote(running(1..2)).await;
    let (older, time) = older();
    for minute in [1, 6] {
        let seen = ShownVersions {
            older: vec![(id(1).into(), time)],
            ..ShownVersions::default()
        };
        let at = second(60 * minute);
        world.regressions.observe(seen, true, at..at);
    }
    assert_eq!(world.wrote([older]).await.updated, 1);
    assert_eq!(world.cluster.status(1).state, some("PENDING"));
}

proptest! {
    #[test]
    fn the_same_listing_again_writes_nothing(
        items in proptest::collection::vec(random::remediation(30), 0..30),
        ttl in proptest::option::of(0_u64..60 * 86_400),
        max in proptest::option::of(1_usize..3),
    ) {
        let mut items = items;
        items.sort_by(|one, other| one.id.cmp(&other.id));
        items.dedup_by(|one, other| one.id == other.id);
        let world = World::new(kept(ttl, max));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (first, second) = runtime.block_on(async {
            let (first, _) = world.run(items.clone()).await;
            world.cluster.calls();
            (first, world.run(items.clone()).await.0)
        });
        prop_assert_eq!((first.updated, first.pruned, first.conflicts, first.failed), (0, 0, 0, 0));
        prop_assert_eq!(second, WriteSummary::default());
        prop_assert_eq!(world.cluster.calls(), []);
    }
}
