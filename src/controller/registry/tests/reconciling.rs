//! How often the workers are reconciled.

use tokio::time::{sleep, timeout};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// How many reconciles there are while `events` goes on.
async fn reconciles(events: impl AsyncFnOnce(&Changed)) -> usize {
    let (world, changed, reconciles) = (World::new(), Changed::default(), AtomicUsize::new(0));
    let watches = || {
        reconciles.fetch_add(1, Ordering::SeqCst);
        Vec::new()
    };
    let reconciling = world.registry.reconcile_changed(None, &changed, watches);
    tokio::select! {
        () = reconciling => unreachable!("it goes on until it is dropped"),
        () = events(&changed) => {}
    }
    reconciles.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_events_is_reconciled_ten_times_a_second_at_most() {
    let reconciles = reconciles(async |changed| {
        for event in 0..990 {
            changed.mark(["a", "b"][event % 2]);
            changed.mark_all();
            sleep(SECOND / 1000).await;
        }
    });
    assert_eq!(reconciles.await, 10);
}

#[tokio::test(start_paused = true)]
async fn a_change_in_the_pause_after_a_reconcile_is_reconciled_too() {
    let reconciles = reconciles(async |changed| {
        changed.mark("a");
        sleep(RECONCILE_PAUSE / 2).await;
        changed.mark("a");
        sleep(SECOND).await;
    });
    assert_eq!(reconciles.await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_event_after_a_quiet_time_is_reconciled_at_once() {
    let world = World::new();
    let (changed, watches) = (Changed::default(), [watch("a", "one"), watch("b", "two")]);
    let reconciling = world
        .registry
        .reconcile_changed(None, &changed, || watches.to_vec());
    let events = async {
        sleep(SECOND).await;
        changed.mark("b");
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        let running = world.registry.running.lock().unwrap();
        assert!(running.contains_key("b") && !running.contains_key("a"));
    };
    tokio::select! {
        () = reconciling => unreachable!("it goes on until it is dropped"),
        ended = timeout(SECOND * 2, events) => ended.unwrap(),
    }
}
