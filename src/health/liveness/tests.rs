use proptest::prelude::*;

use super::*;
use crate::testing::clock::{TestClock, second};

const MINUTE: Duration = Duration::from_secs(60);

fn watchdog() -> (Arc<TestClock>, Watchdog) {
    let clock = Arc::new(TestClock::default());
    (clock.clone(), Watchdog::new(clock, STALL_TIMEOUT))
}

#[test]
fn nothing_is_stalled_if_nothing_polls() {
    assert_eq!(watchdog().1.stalled(), None);
}

#[test]
fn those_that_ended_take_no_room() {
    let (_, watchdog) = watchdog();
    let _kept: Vec<_> = (0..100).map(|_| watchdog.enroll("n", "kept")).collect();
    for _ in 0..10_000 {
        drop(watchdog.enroll("n", "ended"));
    }
    let slots = lock(&watchdog.slots).len();
    assert!(slots <= 200, "{slots}");
}

#[test]
fn a_poll_that_does_not_move_stalls_its_watch_until_it_moves_again() {
    let (clock, watchdog) = watchdog();
    let heartbeat = watchdog.enroll("gpu-ops", "training");
    clock.advance(STALL_TIMEOUT);
    assert_eq!(watchdog.stalled(), None);
    clock.advance(MINUTE);
    let stalled = watchdog.stalled().unwrap();
    assert_eq!(
        stalled.to_string(),
        "stalled ClusterWatches: 1; the longest is gpu-ops/training, with no progress for 360 s"
    );
    heartbeat.touch();
    assert_eq!(watchdog.stalled(), None);
}

#[test]
fn a_watch_that_rests_is_stalled_only_once_its_poll_is_overdue() {
    let (clock, watchdog) = watchdog();
    let heartbeat = watchdog.enroll("gpu-ops", "training");
    heartbeat.rest_until(clock.elapsed() + MINUTE * 60);
    clock.advance(MINUTE * 65);
    assert_eq!(watchdog.stalled(), None);
    clock.advance(MINUTE);
    assert_eq!(watchdog.stalled().unwrap().silent, MINUTE * 6);
}

#[test]
fn an_ended_task_is_forgotten_once_nothing_of_it_is_left() {
    let (clock, watchdog) = watchdog();
    let heartbeat = watchdog.enroll("gpu-ops", "training");
    let clone = heartbeat.clone();
    clock.advance(MINUTE * 6);
    drop(heartbeat);
    assert!(watchdog.stalled().is_some());
    drop(clone);
    assert_eq!(watchdog.stalled(), None);
    let _next = watchdog.enroll("gpu-ops", "other");
    assert_eq!(lock(&watchdog.slots).len(), 1);
}

#[test]
fn a_slow_key_lengthens_the_timeout() {
    assert_eq!(stall_timeout(5.0), MINUTE * 5);
    assert_eq!(stall_timeout(0.1), Duration::from_secs(1000));
}

proptest! {
    #[test]
    fn it_names_the_longest_silent_one_and_counts_all(
        ages in prop::collection::vec(0_u64..900, 0..20),
        timeout in 0_u64..900,
    ) {
        let now = second(10_000);
        let names: Vec<_> = (0..ages.len()).map(|at| format!("n/{at}")).collect();
        let signs = names.iter().zip(&ages).map(|(name, age)| {
            (name.as_str(), now.saturating_sub(Duration::from_secs(*age)))
        });
        let found = stalled(now, Duration::from_secs(timeout), signs);
        let silent = ages.iter().filter(|age| **age > timeout).count();
        prop_assert_eq!(found.as_ref().map_or(0, |found| found.watches), silent);
        if let Some(found) = found {
            prop_assert_eq!(Some(&found.silent.as_secs()), ages.iter().max());
            let at: usize = found.worst.trim_start_matches("n/").parse().unwrap();
            prop_assert_eq!(ages[at], found.silent.as_secs());
        }
    }
}
