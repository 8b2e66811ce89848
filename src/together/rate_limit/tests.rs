#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use tokio::runtime;

use super::*;

/// The time of so many calls in a row.
async fn taken(calls: usize, mut budget: impl FnMut() -> Arc<Budget>) -> Duration {
    let start = Instant::now();
    for _ in 0..calls {
        budget().take().await.unwrap();
    }
    start.elapsed()
}

fn budgets(interval_ms: u64, burst: u32) -> Budgets {
    Budgets::new(Rate {
        interval: Duration::from_millis(interval_ms),
        burst,
    })
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_free_and_then_the_rate_holds() {
    let budget = budgets(200, 3).of([1; 32]);
    assert_eq!(taken(3, || budget.clone()).await, Duration::ZERO);
    let took = taken(10, || budget.clone()).await;
    assert!(took >= Duration::from_secs(2), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn those_who_share_a_key_share_its_budget() {
    let budgets = budgets(1000, 1);
    let [one, same, other] = [1, 1, 2].map(|key| budgets.of([key; 32]));
    let start = Instant::now();
    one.take().await.unwrap();
    other.take().await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    same.take().await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn letting_go_of_a_key_does_not_renew_its_budget() {
    let budgets = budgets(1000, 2);
    let took = taken(5, || budgets.of([1; 32])).await;
    assert!(took >= Duration::from_secs(3), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unused_budget_is_dropped_once_it_is_as_new() {
    let budgets = budgets(1000, 2);
    let in_use = budgets.of([1; 32]);
    in_use.take().await.unwrap();
    budgets.of([2; 32]).take().await.unwrap();
    let keys_with = |new: u8| {
        budgets.of([new; 32]);
        let mut keys: Vec<u8> = lock(&budgets.by_key).keys().map(|key| key[0]).collect();
        keys.sort_unstable();
        keys
    };
    assert_eq!(keys_with(3), [1, 2, 3]);
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(keys_with(4), [1, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_stops_every_call_of_the_key_until_it_is_over() {
    let budgets = budgets(1, 10);
    let budget = budgets.of([1; 32]);
    budget.pause(Duration::from_secs(60));
    budget.pause(Duration::from_secs(5));
    drop(budget);
    tokio::time::advance(Duration::from_secs(20)).await;
    let refused = budgets.of([1; 32]).take().await.unwrap_err();
    let retry_after = Some(Duration::from_secs(40));
    assert_eq!(refused, Error::RateLimited { retry_after });
    budgets.of([2; 32]).take().await.unwrap();
    tokio::time::advance(Duration::from_secs(40)).await;
    budgets.of([1; 32]).take().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_its_turn_meets_a_pause() {
    let budget = budgets(1000, 1).of([1; 32]);
    budget.take().await.unwrap();
    let waiting = tokio::spawn({
        let budget = Arc::clone(&budget);
        async move { budget.take().await }
    });
    tokio::task::yield_now().await;
    budget.pause(Duration::from_secs(60));
    let refused = waiting.await.unwrap();
    assert!(matches!(refused, Err(Error::RateLimited { .. })));
}

fn unavailable(retry_after: Option<Duration>) -> Error {
    let cause = TransportError::Status(503);
    Error::Unavailable { cause, retry_after }
}

/// Records a refused call; returns how long the key must wait after it.
fn refused(budget: &Budget, error: Error) -> Duration {
    let refusal = budget.record(Err::<(), _>(error)).unwrap_err();
    let wait = refusal.retry_after().unwrap();
    assert_eq!(wait, budget.paused());
    wait
}

#[tokio::test(start_paused = true)]
async fn a_key_is_left_alone_for_longer_each_time_and_a_success_ends_that() {
    for error in [Error::RateLimited { retry_after: None }, unavailable(None)] {
        let budget = budgets(200, 1000).of([1; 32]);
        for round in 0..2 {
            for longest in [1, 2, 4, 8, 16, 32, 60, 60] {
                budget.take().await.unwrap();
                let wait = refused(&budget, error.clone());
                let longest = Duration::from_secs(longest);
                assert!(wait >= longest / 2 && wait <= longest, "{round}: {wait:?}");
                let refusal = budget.take().await.unwrap_err();
                assert_eq!(refusal.reason(), error.reason(), "the API's reason");
                assert_eq!(refusal.retry_after(), Some(wait));
                tokio::time::advance(wait).await;
            }
            budget.take().await.unwrap();
            budget.record(Ok(())).unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_may_call_faster_is_left_alone_for_shorter() {
    for (interval_ms, first, longest) in [(1, 5, 300), (100, 500, 30_000), (10_000, 1000, 60_000)] {
        let budget = budgets(interval_ms, 1000).of([1; 32]);
        for most in [first].into_iter().chain([longest; 20]) {
            let wait = refused(&budget, unavailable(None));
            let most = Duration::from_millis(most);
            assert!(wait <= most, "{interval_ms}: {wait:?}");
            tokio::time::advance(wait).await;
        }
        let wait = refused(&budget, unavailable(None));
        assert!(wait >= Duration::from_millis(longest) / 2);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_fail_together_lengthen_the_pause_once() {
    let budget = budgets(200, 1000).of([1; 32]);
    let first = refused(&budget, unavailable(None));
    for _ in 0..10 {
        assert_eq!(refused(&budget, unavailable(None)), first);
    }
    tokio::time::advance(first).await;
    assert!(refused(&budget, unavailable(None)) <= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_is_remembered_beyond_its_pause_even_if_it_is_unused() {
    let budgets = budgets(200, 1);
    for longest in [1, 2, 4] {
        let budget = budgets.of([1; 32]);
        let wait = refused(&budget, unavailable(None));
        assert!(wait >= Duration::from_secs(longest) / 2);
        drop(budget);
        tokio::time::advance(wait + Duration::from_secs(59)).await;
        budgets.of([2; 32]);
    }
    tokio::time::advance(Duration::from_secs(120)).await;
    assert!(refused(&budgets.of([1; 32]), unavailable(None)) <= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn errors_that_ask_for_no_pause_pause_nothing() {
    let budget = budgets(200, 1000).of([1; 32]);
    let (cause, retry_after) = (TransportError::Status(502), None);
    for error in [
        Error::Unauthorized,
        Error::NotFound,
        unavailable(Some(Duration::from_secs(7))),
        Error::Unavailable { cause, retry_after },
    ] {
        assert_eq!(budget.record(Err::<(), _>(error.clone())), Err(error));
        budget.take().await.unwrap();
    }
}

/// One caller: how long it idles before each call, and for how long the answer to it then forbids all calls.
type Caller = Vec<(u64, Option<u64>)>;

fn callers() -> impl Strategy<Value = Vec<Caller>> {
    let pause = prop::option::weighted(0.1, 1..3_000_u64);
    prop::collection::vec(prop::collection::vec((0..800_u64, pause), 1..25), 1..6)
}

proptest! {
    /// In any window there are no more calls than the burst and what the rate gives in it, whichever user calls and however
    /// the calls mingle; and none while the key is under a Retry-After.
    #[test]
    fn a_key_is_never_called_more_often_than_its_budget(
        callers in callers(),
        (interval, burst) in (1..400_u64, 1..8_u32),
    ) {
        let runtime = runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (calls, pauses) = runtime.block_on(async {
            let budgets = Arc::new(budgets(interval, burst));
            let start = Instant::now();
            let mut tasks = Vec::new();
            for caller in callers {
                let budgets = Arc::clone(&budgets);
                tasks.push(tokio::spawn(async move {
                    let (mut calls, mut pauses) = (Vec::new(), Vec::new());
                    for (idle, pause) in caller {
                        tokio::time::sleep(Duration::from_millis(idle)).await;
                        // let go of after each call, as when its watch is edited
                        let budget = budgets.of([1; 32]);
                        if budget.take().await.is_err() {
                            continue;
                        }
                        let now = start.elapsed();
                        calls.push(now);
                        if let Some(pause) = pause.map(Duration::from_millis) {
                            budget.pause(pause);
                            pauses.push((now, now + pause));
                        }
                    }
                    (calls, pauses)
                }));
            }
            let (mut calls, mut pauses) = (Vec::new(), Vec::new());
            for task in tasks {
                let (called, paused) = task.await.unwrap();
                calls.extend(called);
                pauses.extend(paused);
            }
            (calls, pauses)
        });
        let mut calls = calls;
        calls.sort_unstable();
        for (first, begin) in calls.iter().enumerate() {
            for (last, end) in calls.iter().enumerate().skip(first) {
                let earned = end.saturating_sub(*begin).as_millis() / u128::from(interval);
                let made = (last - first + 1) as u128;
                prop_assert!(made <= u128::from(burst) + earned + 1, "{made} calls from {begin:?} to {end:?}");
            }
        }
        for (from, to) in pauses {
            let within = calls.iter().filter(|call| from < **call && **call < to).count();
            prop_assert_eq!(within, 0, "calls between {:?} and {:?}", from, to);
        }
    }
}
