//! A listing of many pages while one call of a hundred fails.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::*;
use crate::{
    network::Cause,
    sync::schedule::Cadence,
    together::{
        Limits, TransportError,
        rate_limit::{Budget, Budgets, Rate},
    },
};

const PAGES: usize = 200;
const TRIES: u64 = 100;
/// How long an answer takes.
const LATENCY: Duration = Duration::from_millis(50);

/// An API that fails one call of a hundred, in one of the usual ways, behind the client's own budget.
#[derive(Clone)]
struct Flaky {
    budget: Arc<Budget>,
    rng: Arc<Mutex<fastrand::Rng>>,
    calls: Arc<Mutex<Vec<Instant>>>,
}

impl Flaky {
    fn new(seed: u64) -> Self {
        let rate = Rate {
            interval: Duration::from_millis(200),
            burst: 20,
        };
        let seed = [u8::try_from(seed).unwrap(); 32];
        Self {
            budget: Budgets::new(rate).of(seed),
            rng: Arc::new(Mutex::new(fastrand::Rng::with_seed(u64::from(seed[0])))),
            calls: Arc::default(),
        }
    }

    /// How the next call fails, and when that is known.
    fn fault(&self) -> Option<(Error, Duration)> {
        let mut rng = self.rng.lock().unwrap();
        if rng.u8(0..100) > 0 {
            return None;
        }
        let outage = |cause| {
            let retry_after = None;
            Error::Unavailable { cause, retry_after }
        };
        let limited = |retry_after| Error::RateLimited { retry_after };
        Some(match rng.u8(0..5) {
            0 => (limited(None), LATENCY),
            1 => (limited(Some(Duration::from_secs(2))), LATENCY),
            2 => (outage(TransportError::Status(503)), LATENCY),
            3 => (
                outage(TransportError::Connection(Cause::ConnectionCut)),
                LATENCY,
            ),
            _ => (
                outage(TransportError::Connection(Cause::TimedOut)),
                Limits::default().read_timeout,
            ),
        })
    }
}

impl Api for Flaky {
    async fn list_page(&self, query: &PageQuery) -> Result<Page, Error> {
        self.budget.take().await?;
        self.calls.lock().unwrap().push(Instant::now());
        let fault = self.fault();
        let takes = fault.as_ref().map_or(LATENCY, |(_, takes)| *takes);
        sleep(takes).await;
        let number = query
            .page_token
            .as_deref()
            .map_or(0, |token| token.parse().unwrap());
        let next = (number + 1 < PAGES).then(|| (number + 1).to_string());
        let item = remediation(&number.to_string(), "SUCCEEDED");
        let answer = page(vec![item], next.as_deref());
        self.budget
            .record(fault.map_or(Ok(answer), |(error, _)| Err(error)))
    }

    async fn get(&self, _: &str, _: Option<&str>, _: &str) -> Result<Remediation, Error> {
        Err(Error::NotFound)
    }

    fn paused(&self) -> Duration {
        self.budget.paused()
    }
}

/// The most of these calls within a minute.
fn worst_minute(calls: &[Instant]) -> usize {
    let minute = |first: &Instant| {
        let within = |at: &&Instant| **at >= *first && **at < *first + Duration::from_secs(60);
        calls.iter().filter(within).count()
    };
    calls.iter().map(minute).max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn two_hundred_pages_are_listed_though_one_call_of_a_hundred_fails() {
    let cadence = Cadence {
        interval: Duration::from_secs(60),
        active_interval: Duration::from_secs(15),
        full_resync: Duration::from_secs(600),
    };
    let healthy = cadence.calls_a_minute(PAGES, 1);
    let (mut complete, mut failures) = (0, 0);
    for seed in 0..TRIES {
        let api = Flaky::new(seed);
        let mut listing = Listing::start(api.clone(), request(&[]), &Dialects::default());
        while let Ok(Some(_)) = listing.next_page().await {}
        let repeated = listing.retries();
        assert!(repeated <= PAGES / 10, "{repeated} repeated calls");
        failures += repeated;
        let ended = listing.finish();
        complete += u32::from(ended.is_ok_and(|listing| listing.items() == PAGES));
        let calls = api.calls.lock().unwrap();
        assert!(calls.len() <= PAGES + repeated, "{} calls", calls.len());
        let worst = worst_minute(&calls);
        assert!(worst <= healthy, "{worst} in a minute, not {healthy}");
    }
    assert!(complete >= 99, "{complete} of {TRIES} came to their end");
    assert!(failures > 100, "{failures} failures only");
}
