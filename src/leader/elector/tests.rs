//! The election over a Lease in memory, in virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use proptest::prelude::*;
use tokio::time::{Instant, advance, sleep, timeout};

mod election_thread;

use super::*;
use crate::{
    clock::SystemClock,
    testing::lease::{Access, Fault, Store},
};

struct Replica {
    elector: Elector<Access>,
    access: Access,
    leadership: Leadership,
}

fn replica(store: &Arc<Store>, name: &str) -> Replica {
    let clock = Arc::new(SystemClock::default());
    let leadership = Leadership::new(clock.clone());
    let access = Access::new(store.clone());
    Replica {
        elector: Elector::new(
            access.clone(),
            "ns/lease".to_owned(),
            name.to_owned(),
            clock,
            leadership.clone(),
        ),
        access,
        leadership,
    }
}

async fn leader(store: &Arc<Store>, name: &str) -> Replica {
    let mut replica = replica(store, name);
    timeout(Duration::from_secs(3_600), replica.elector.acquire())
        .await
        .expect("it leads within the hour");
    replica
}

/// A Lease, and the first replica, which leads.
async fn led() -> (Arc<Store>, Replica) {
    let store = Arc::new(Store::default());
    let first = leader(&store, "first").await;
    (store, first)
}

/// How it lost leadership, which it does within the hour.
async fn loss(replica: &mut Replica) -> Lost {
    timeout(Duration::from_secs(3_600), replica.elector.keep())
        .await
        .expect("it loses")
}

#[tokio::test(start_paused = true)]
async fn the_first_one_leads_at_once() {
    let store = Arc::new(Store::default());
    let begun = Instant::now();
    let first = leader(&store, "first").await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(first.leadership.holds());
    let spec = store.spec().unwrap();
    assert_eq!(spec.holder_identity.as_deref(), Some("first"));
    assert_eq!(spec.lease_duration_seconds, Some(15));
    assert_eq!(spec.lease_transitions, Some(0));
    assert!(spec.acquire_time.is_some() && spec.renew_time == spec.acquire_time);
}

#[tokio::test(start_paused = true)]
async fn a_standby_waits_as_long_as_the_leader_renews() {
    let (store, mut first) = led().await;
    let mut second = replica(&store, "second");
    tokio::select! {
        lost = first.elector.keep() => panic!("{lost}"),
        () = second.elector.acquire() => panic!("two leaders"),
        () = sleep(Duration::from_secs(600)) => {}
    }
    assert!(first.leadership.holds() && !second.leadership.holds());
    let renewals = store.writes();
    assert!(renewals >= 250, "every 2 s: {renewals}");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_is_one_call_and_looks_where_somebody_has_touched_the_lease() {
    let (store, mut first) = led().await;
    // Besides its writes.
    let other_calls = || store.calls() - store.writes();
    let before = other_calls();
    for looks in [0, 2] {
        tokio::select! {
            lost = first.elector.keep() => panic!("{lost}"),
            () = sleep(Duration::from_secs(60)) => {}
        }
        assert_eq!(other_calls() - before, looks);
        // The refused write, and the look after it.
        store.conflict_once();
    }
    assert!(first.leadership.holds());
}

#[tokio::test(start_paused = true)]
async fn a_dead_leader_is_waited_for_until_its_lease_has_run_out() {
    let store = Arc::new(Store::default());
    drop(leader(&store, "first").await);
    let begun = Instant::now();
    let second = leader(&store, "second").await;
    let waited = begun.elapsed();
    let longest = LEASE_DURATION + RETRY_PERIOD.mul_f64(1.1);
    assert!(LEASE_DURATION <= waited && waited <= longest, "{waited:?}");
    assert!(second.leadership.holds());
    assert_eq!(store.spec().unwrap().lease_transitions, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_is_taken_at_the_next_look() {
    let (store, mut first) = led().await;
    store.conflict_once();
    first.elector.release().await;
    assert!(!first.leadership.holds());
    let spec = store.spec().unwrap();
    assert_eq!(spec.holder_identity.as_deref(), Some(""));
    assert_eq!(spec.lease_duration_seconds, Some(1));
    let begun = Instant::now();
    leader(&store, "second").await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_is_under_way_at_the_release_comes_too_late() {
    let store = Arc::new(Store::default());
    let mut first = replica(&store, "first");
    first.access.set(Fault::HangWrites);
    let acquired = timeout(Duration::from_secs(1), first.elector.acquire()).await;
    assert!(acquired.is_err());
    first.access.set(Fault::None);
    first.elector.release().await;
    let late = first.access.create(LeaseSpec::default()).await;
    assert_eq!(late.err(), Some(KubeApiError::Conflict));
    let spec = store.spec().unwrap();
    assert_eq!(spec.holder_identity.as_deref(), Some(""));
}

#[tokio::test(start_paused = true)]
async fn what_another_holds_is_not_released() {
    let (store, _first) = led().await;
    let before = store.spec();
    replica(&store, "second").elector.release().await;
    assert_eq!(store.spec(), before);
}

#[tokio::test(start_paused = true)]
async fn a_release_that_hangs_does_not_keep_the_process() {
    let (_store, mut first) = led().await;
    first.access.set(Fault::Hang);
    let begun = Instant::now();
    first.elector.release().await;
    assert!(begun.elapsed() <= CALL_TIMEOUT, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_cut_off_stops_before_another_leads() {
    for fault in [Fault::Hang, Fault::Down, Fault::AnswerLost] {
        let (_store, mut first) = led().await;
        let begun = Instant::now();
        first.access.set(fault);
        let lost = loss(&mut first).await;
        assert_eq!(begun.elapsed(), RENEW_DEADLINE, "{fault:?}");
        assert!(lost.why.contains("not renewed for 10 s"), "{lost}");
        assert!(!first.leadership.holds());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_once_is_followed_by_another() {
    let (_store, mut first) = led().await;
    first.access.set(Fault::HangOnce);
    let kept = timeout(Duration::from_secs(60), first.elector.keep()).await;
    assert!(kept.is_err() && first.leadership.holds(), "{kept:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_names_another_or_is_gone_is_lost_at_the_next_look() {
    for (name, why) in [
        (Some("somebody"), "is now held by somebody"),
        (None, "no longer has a holder"),
    ] {
        let (store, mut first) = led().await;
        store.overwrite(name);
        let (begun, writes) = (Instant::now(), store.writes());
        let lost = loss(&mut first).await;
        assert!(begun.elapsed() <= RETRY_PERIOD.mul_f64(1.1));
        assert_eq!((&*lost.lease, &*lost.why), ("ns/lease", why));
        assert!(!first.leadership.holds());
        assert_eq!(store.writes(), writes, "it does not take back what it lost");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_was_stopped_for_long_knows_before_it_does_anything() {
    let (store, mut first) = led().await;
    advance(Duration::from_secs(10)).await;
    assert!(!first.leadership.holds(), "without any timer's help");
    let calls = store.calls();
    let lost = loss(&mut first).await;
    assert!(lost.why.contains("not renewed"), "{lost}");
    assert_eq!(store.calls(), calls);
}

#[tokio::test(start_paused = true)]
async fn an_acquisition_whose_answer_was_lost_is_not_waited_for() {
    let store = Arc::new(Store::default());
    let mut first = replica(&store, "first");
    first.access.set(Fault::AnswerLost);
    let acquired = timeout(Duration::from_secs(1), first.elector.acquire()).await;
    assert!(acquired.is_err());
    assert!(!first.leadership.holds());
    assert!(store.spec().is_some());
    first.access.set(Fault::None);
    let begun = Instant::now();
    first.elector.acquire().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(first.leadership.holds());
}

/// What becomes of a replica's way to the cluster, and for how long (tenths of a second).
fn spells() -> impl Strategy<Value = Vec<(Fault, u64)>> {
    let fault = prop::sample::select(vec![
        Fault::None,
        Fault::None,
        Fault::Hang,
        Fault::HangOnce,
        Fault::Down,
        Fault::AnswerLost,
    ]);
    prop::collection::vec((fault, 1_u64..300), 1..10)
}

/// A replica that starts again whenever it has lost, as its pod would.
async fn live(access: Access, name: String, leaderships: Leaderships) {
    for life in 0.. {
        let clock = Arc::new(SystemClock::default());
        let leadership = Leadership::new(clock.clone());
        leaderships.lock().unwrap().push(leadership.clone());
        let name = format!("{name}{life}");
        let mut elector = Elector::new(access.clone(), String::new(), name, clock, leadership);
        elector.acquire().await;
        elector.keep().await;
    }
}

type Leaderships = Arc<std::sync::Mutex<Vec<Leadership>>>;

proptest! {
    #[test]
    fn never_do_two_lead_and_in_calm_one_does(replicas in prop::collection::vec(spells(), 2..4)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let (store, leaderships) = (Arc::new(Store::default()), Leaderships::default());
            for (number, spells) in replicas.into_iter().enumerate() {
                let access = Access::new(store.clone());
                tokio::spawn(live(access.clone(), format!("r{number}-"), leaderships.clone()));
                tokio::spawn(async move {
                    for (fault, tenths) in spells {
                        access.set(fault);
                        sleep(Duration::from_millis(100 * tenths)).await;
                    }
                    access.set(Fault::None);
                });
            }
            let leading = || leaderships.lock().unwrap().iter().filter(|l| l.holds()).count();
            for _ in 0..3_400 {
                sleep(Duration::from_millis(100)).await;
                prop_assert!(leading() <= 1, "two lead");
            }
            prop_assert_eq!(leading(), 1, "after calm somebody leads");
            Ok(())
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_does_not_know_everything_yet_leaves_the_lease_alone() {
    let store = Arc::new(Store::default());
    let filled = Arc::new(AtomicBool::new(false));
    let mut replica = replica(&store, "first");
    let asked = filled.clone();
    replica.elector = (replica.elector).guarded(move || asked.load(Ordering::SeqCst), || {});
    let waited = timeout(Duration::from_secs(600), replica.elector.acquire()).await;
    assert!(waited.is_err() && !replica.leadership.holds());
    assert_eq!(store.writes(), 0);
    filled.store(true, Ordering::SeqCst);
    replica.elector.acquire().await;
    assert!(replica.leadership.holds());
}

#[tokio::test(start_paused = true)]
async fn a_lease_older_than_before_is_noticed_by_the_leader_and_the_standby() {
    let store = Arc::new(Store::default());
    let counted = |mut replica: Replica| {
        let rewinds = Arc::new(AtomicUsize::new(0));
        let count = rewinds.clone();
        let rewound = move || {
            count.fetch_add(1, Ordering::SeqCst);
        };
        replica.elector = replica.elector.guarded(|| true, rewound);
        (replica, rewinds)
    };
    let (mut first, of_first) = counted(leader(&store, "first").await);
    let (mut second, of_second) = counted(replica(&store, "second"));
    for (rewound, count) in [(0, 0), (3, 1), (0, 1)] {
        store.rewind(rewound);
        tokio::select! {
            lost = first.elector.keep() => panic!("{lost}"),
            () = second.elector.acquire() => panic!("two leaders"),
            () = sleep(Duration::from_secs(60)) => {}
        }
        let counts = [&of_first, &of_second].map(|rewinds| rewinds.load(Ordering::SeqCst));
        assert_eq!(counts, [count; 2]);
    }
}
