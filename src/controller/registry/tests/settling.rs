//! How often the tasks are settled.

use tokio::time::{sleep, timeout};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// How many settles there are while `events` goes on.
async fn settles(events: impl AsyncFnOnce(&Changed)) -> usize {
    let (world, changed, settles) = (World::new(), Changed::default(), AtomicUsize::new(0));
    let watches = || {
        settles.fetch_add(1, Ordering::SeqCst);
        Vec::new()
    };
    let settling = world.registry.settle_changed(None, &changed, watches);
    tokio::select! {
        () = settling => unreachable!("it goes on until it is dropped"),
        () = events(&changed) => {}
    }
    settles.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_events_is_settled_ten_times_a_second_at_most() {
    let settles = settles(async |changed| {
        for event in 0..990 {
            changed.mark(["a", "b"][event % 2]);
            changed.mark_all();
            sleep(SECOND / 1000).await;
        }
    });
    assert_eq!(settles.await, 10);
}

#[tokio::test(start_paused = true)]
async fn what_changes_right_after_a_settle_is_settled_too() {
    let settles = settles(async |changed| {
        changed.mark("a");
        sleep(APART / 2).await;
        changed.mark("a");
        sleep(SECOND).await;
    });
    assert_eq!(settles.await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_event_after_a_quiet_time_is_settled_at_once() {
    let world = World::new();
    let (changed, watches) = (Changed::default(), [watch("a", "one"), watch("b", "two")]);
    let settling = world
        .registry
        .settle_changed(None, &changed, || watches.to_vec());
    let events = async {
        sleep(SECOND).await;
        changed.mark("b");
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        let running = world.registry.running.lock().unwrap();
        assert!(running.contains_key("b") && !running.contains_key("a"));
    };
    tokio::select! {
        () = settling => unreachable!("it goes on until it is dropped"),
        ended = timeout(SECOND * 2, events) => ended.unwrap(),
    }
}
