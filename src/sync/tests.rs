#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    api::cluster_watch::{ClusterWatchSpec, Query},
    clock::Clock,
    store::Index,
    sync::{schedule::Cadence, target::MirrorTarget},
    testing::{
        clock::TestClock,
        cluster::MemoryKubeApi,
        env, id, item, target,
        together::{Asked, Filter, MemoryTogether},
        word,
    },
    together::{DecodeError, Remediation, TransportError},
};

mod absence;
mod dialect;
mod failed_writes;
mod keys;
mod listing;
mod progress;
mod retention;
mod retries;
mod skipped;

const MINUTE: Duration = Duration::from_secs(60);
const CADENCE: Cadence = Cadence {
    interval: MINUTE,
    active_interval: MINUTE,
    full_resync: Duration::from_secs(600),
};

/// A watch that polls once a minute.
struct World {
    env: Env<MemoryKubeApi, MemoryTogether>,
    clock: Arc<TestClock>,
    spec: ClusterWatchSpec,
    target: MirrorTarget,
    sync_state: SyncState,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(TestClock::default());
        let cluster = MemoryKubeApi::default();
        cluster.set_key(b"key-1");
        Self {
            env: env(
                cluster,
                MemoryTogether::default(),
                Index::new(0),
                clock.clone(),
            ),
            clock,
            spec: ClusterWatchSpec::default(),
            target: target(),
            sync_state: SyncState::default(),
        }
    }

    /// A watch that has mirrored these in a first poll.
    async fn with(items: impl IntoIterator<Item = Remediation>) -> Self {
        let mut world = Self::new();
        world.api().state().items = items.into_iter().collect();
        world.poll().await.unwrap();
        world.api().asked();
        world.env.kube.calls();
        world
    }

    /// It lists so many on each page.
    fn pages_of(&mut self, page_size: u32) {
        self.spec.query = Some(Query {
            page_size: Some(page_size),
            order_by: None,
        });
    }

    fn api(&self) -> MemoryTogether {
        self.env.together.clone()
    }

    /// Polls, a minute after the last time.
    async fn poll(&mut self) -> Result<SyncOutcome, SyncError> {
        self.clock.advance(MINUTE);
        self.poll_now().await
    }

    async fn poll_now(&mut self) -> Result<SyncOutcome, SyncError> {
        let ctx = SyncContext {
            env: &self.env,
            spec: &self.spec,
            target: &self.target,
            cadence: &CADENCE,
        };
        sync(ctx, &mut self.sync_state).await
    }

    /// It is listed no more, and what the API answers for its id proves nothing.
    fn lose(&self, number: u64) {
        self.api().hide(&id(number));
        let odd = Error::InvalidResponse(DecodeError::OtherRemediation);
        self.api()
            .fail_ids(move |asked| (asked == id(number)).then(|| odd.clone()));
    }

    /// Polls that many times; the listings' states, one entry for each page (`true`: everything).
    async fn polls(&mut self, times: usize) -> Vec<bool> {
        self.api().asked();
        for _ in 0..times {
            self.poll().await.unwrap();
        }
        let asked = self.api().asked().into_iter();
        asked
            .filter_map(|asked| match asked {
                Asked::Page(states) => Some(states.is_empty()),
                Asked::One(..) => None,
            })
            .collect()
    }

    /// Reason of Synced, and whether the mirror is open.
    fn stands(&self, number: u64) -> (String, bool) {
        let status = self.env.kube.status(number);
        let reason = word(&status.conditions, "Synced").1.to_owned();
        (reason, status.open.unwrap())
    }

    fn is(&self, number: u64, reason: &str, open: bool) -> bool {
        self.stands(number) == (reason.to_owned(), open)
    }

    /// The questions by id since this was last asked.
    fn questions(&self) -> Vec<Asked> {
        let mut asked = self.api().asked();
        asked.retain(|asked| matches!(asked, Asked::One(..)));
        asked
    }
}

fn running(numbers: std::ops::Range<u64>) -> impl Iterator<Item = Remediation> {
    numbers.map(|number| item(number, "RUNNING"))
}

fn unavailable() -> Error {
    Error::Unavailable {
        cause: TransportError::Status(503),
        retry_after: None,
    }
}
