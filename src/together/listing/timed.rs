//! Measures the time that the API needs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    clock::Clock,
    together::{Api, Error, Page, PageQuery, Remediation},
};

/// The duration of one list's pages, without concurrent writes. Failed pages do not count, because an outage says
/// nothing about the next list.
#[derive(Clone)]
pub(crate) struct Timed<A> {
    api: A,
    clock: Arc<dyn Clock>,
    microseconds: Arc<AtomicU64>,
}

impl<A> Timed<A> {
    pub(crate) fn new(api: A, clock: Arc<dyn Clock>) -> Self {
        let microseconds = Arc::default();
        Self {
            api,
            clock,
            microseconds,
        }
    }

    /// The duration of all pages received.
    pub(crate) fn taken(&self) -> Duration {
        Duration::from_micros(self.microseconds.load(Ordering::Relaxed))
    }
}

impl<A: Api> Api for Timed<A> {
    async fn list_page(&self, query: &PageQuery) -> Result<Page, Error> {
        let began = self.clock.elapsed();
        let answer = self.api.list_page(query).await;
        if answer.is_ok() {
            let taken = self.clock.elapsed().duration_since(began).as_micros();
            let taken = u64::try_from(taken).unwrap_or(u64::MAX);
            self.microseconds.fetch_add(taken, Ordering::Relaxed);
        }
        answer
    }

    async fn get(
        &self,
        cluster: &str,
        instance: Option<&str>,
        id: &str,
    ) -> Result<Remediation, Error> {
        self.api.get(cluster, instance, id).await
    }

    fn paused(&self) -> Duration {
        self.api.paused()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::{
        clock::SystemClock,
        together::{Dialects, ListRequest, Listing},
    };

    const CALL: Duration = Duration::from_secs(2);
    const PAUSE: Duration = Duration::from_secs(20);

    /// Takes its time over each call, fails the first one, and is to be left alone before each.
    #[derive(Clone, Default)]
    struct Slow(Arc<AtomicU64>);

    impl Api for Slow {
        async fn list_page(&self, _: &PageQuery) -> Result<Page, Error> {
            sleep(CALL).await;
            if self.0.fetch_add(1, Ordering::Relaxed) == 0 {
                let retry_after = Some(PAUSE);
                return Err(Error::RateLimited { retry_after });
            }
            Ok(Page {
                items: Vec::new(),
                has_next: false,
                next_page_token: None,
            })
        }

        async fn get(&self, _: &str, _: Option<&str>, _: &str) -> Result<Remediation, Error> {
            Err(Error::NotFound)
        }

        fn paused(&self) -> Duration {
            PAUSE
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_pages_that_came_count_and_no_waits_before_them() {
        let request = ListRequest {
            cluster: "c".into(),
            instance: None,
            states: Vec::new(),
            page_size: 1,
            order_by: None,
        };
        let timed = Timed::new(Slow::default(), Arc::new(SystemClock::default()));
        let begun = Instant::now();
        let mut listing = Listing::start(timed.clone(), request, &Dialects::default());
        while listing.next_page().await.unwrap().is_some() {}
        assert_eq!(timed.taken(), CALL, "the first one failed");
        // It waits all the same.
        assert!(begun.elapsed() >= (CALL + PAUSE) * 2);
    }
}
