//! An API that counts the time it takes.

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

/// Counts how long the pages of one listing took, however long their writes go on.
#[derive(Clone)]
pub(super) struct Timed<A> {
    api: A,
    clock: Arc<dyn Clock>,
    microseconds: Arc<AtomicU64>,
}

impl<A> Timed<A> {
    pub(super) fn new(api: A, clock: Arc<dyn Clock>) -> Self {
        let microseconds = Arc::default();
        Self {
            api,
            clock,
            microseconds,
        }
    }

    /// How long all pages took that came or failed.
    pub(super) fn taken(&self) -> Duration {
        Duration::from_micros(self.microseconds.load(Ordering::Relaxed))
    }
}

impl<A: Api> Api for Timed<A> {
    async fn list_page(&self, query: &PageQuery) -> Result<Page, Error> {
        let began = self.clock.elapsed();
        let answer = self.api.list_page(query).await;
        let taken = self.clock.elapsed().saturating_sub(began).as_micros();
        let taken = u64::try_from(taken).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(taken, Ordering::Relaxed);
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
}
