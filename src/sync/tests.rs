#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    api::cluster_watch::Query,
    testing::{
        clock::TestClock,
        cluster::MemoryCluster,
        id, item, scope,
        together::{Asked, Filter, MemoryTogether},
        word,
    },
    together::{Flaw, Outage, Remediation},
};

mod absence;
mod backlog;
mod dialect;
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
    tools: Tools<MemoryCluster, MemoryTogether>,
    clock: Arc<TestClock>,
    spec: ClusterWatchSpec,
    scope: Scope,
    memory: Memory,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(TestClock::default());
        let cluster = MemoryCluster::default();
        cluster.set_key(b"key-1");
        Self {
            tools: Tools {
                cluster,
                together: MemoryTogether::default(),
                index: Index::new(0),
                clock: clock.clone(),
                events: Events::default(),
                room: Room::default(),
                keys: Keys::default(),
            },
            clock,
            spec: ClusterWatchSpec::default(),
            scope: scope(),
            memory: Memory::default(),
        }
    }

    /// A watch that has mirrored these in a first poll.
    async fn with(items: impl IntoIterator<Item = Remediation>) -> Self {
        let mut world = Self::new();
        world.api().state().items = items.into_iter().collect();
        world.poll().await.unwrap();
        world.api().asked();
        world.tools.cluster.calls();
        world
    }

    fn api(&self) -> MemoryTogether {
        self.tools.together.clone()
    }

    /// Polls, a minute after the last time.
    async fn poll(&mut self) -> Result<Polled, PollError> {
        self.clock.advance(MINUTE);
        self.poll_now().await
    }

    async fn poll_now(&mut self) -> Result<Polled, PollError> {
        poll(
            &self.tools,
            &self.spec,
            &self.scope,
            &CADENCE,
            &mut self.memory,
        )
        .await
    }

    /// It is listed no more, and what the API answers for its id proves nothing.
    fn lose(&self, number: u64) {
        self.api().hide(&id(number));
        let odd = Error::InvalidResponse(Flaw::OtherRemediation);
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
        let status = self.tools.cluster.status(number);
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

fn unavailable() -> Error {
    Error::Unavailable {
        cause: Outage::Status(503),
        retry_after: None,
    }
}
