//! One namespace: some replicas, an observer before each, and an API that changes all the time.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use testbed::{
    api_proxy::{ApiProxy, Asked, Fault, Observed, RunningFault, Which},
    simulator::Remediation as Truth,
};

use super::{Blow, Way, verdict::Verdict};
use crate::{
    books::{Book, first_lease, is_object},
    fixture::{CLUSTER, Fixture, until},
    leader::stage,
    process::Process,
    truth::assert_mirrors,
};

/// Remediations at the start; each fault brings two more.
const REMEDIATIONS: u32 = 12;
/// Slow enough that a leader is in the middle of its writes nearly all the time.
const SLOW: [&str; 6] = ["--kube-qps", "8", "--kube-burst", "1", "--api-qps", "50"];
/// Of which one leads and two stand by, so that one is left where a slow machine costs a new leader its Lease.
const REPLICAS: usize = 3;
/// Between two changes of everything.
const BEAT: Duration = Duration::from_secs(1);

/// A replica and its observer.
struct Life {
    process: Process,
    proxy: ApiProxy,
}

impl Life {
    async fn start(fixture: &Fixture) -> Self {
        let proxy = fixture.observer().await;
        Self {
            process: Process::behind(fixture, &proxy, &SLOW),
            proxy,
        }
    }

    /// The names of the mirrors that it has written.
    fn written(&self) -> BTreeSet<String> {
        let writes = self.proxy.writes();
        let taken = writes.iter().filter(|write| write.succeeded());
        names(taken)
    }
}

fn names<'a>(writes: impl Iterator<Item = &'a Observed>) -> BTreeSet<String> {
    let mirrors = writes.filter(|write| write.asked.writes_to("remediations"));
    let names = mirrors.filter_map(|write| write.asked.name().map(str::to_owned));
    names.collect()
}

pub(super) struct Lane {
    fixture: Fixture,
    lives: Vec<Life>,
    /// The books of those that have ended.
    past: Vec<Book>,
    remediations: u32,
}

impl Lane {
    pub(super) async fn start() -> Self {
        let fixture = stage("faults", REMEDIATIONS).await;
        fixture.simulator.run_clock(1);
        let mut lane = Self {
            fixture,
            lives: Vec::new(),
            past: Vec::new(),
            remediations: REMEDIATIONS,
        };
        lane.fill().await;
        lane.fixture.synced_watch(|_| {}).await;
        lane
    }

    /// Starts another replica for each that has ended, as a cluster would.
    async fn fill(&mut self) {
        let ended = self.lives.extract_if(.., |life| life.process.has_ended());
        for life in ended.collect::<Vec<_>>() {
            let (status, log) = life.process.ended().await;
            assert_eq!(status.code(), Some(1), "{log}");
            self.past.push(life.proxy.writes());
        }
        while self.lives.len() < REPLICAS {
            self.lives.push(Life::start(&self.fixture).await);
        }
        for life in &self.lives {
            life.process.wait_for_log("\"lease\"").await;
        }
    }

    /// One blow to the one that leads; how long until another led, and how many writes came late.
    pub(super) async fn suffer(&mut self, blow: Blow) -> (Duration, usize) {
        self.fill().await;
        let led = self.leader();
        let struck = self.lives.swap_remove(led);
        for _ in 0..2 {
            let truth = Truth::numbered(CLUSTER, self.remediations);
            self.fixture.simulator.put(truth);
            self.remediations += 1;
        }
        let (fixture, others) = (&self.fixture, &self.lives);
        let (take_over, holds) = tokio::select! {
            () = change(fixture) => unreachable!("it goes on for ever"),
            after = strike(&struck, blow, others) => after,
        };
        // Of two syncs the second plans what met a conflict in the first.
        fixture.sync("training").await;
        fixture.sync("training").await;
        let truth = fixture.truth();
        assert_mirrors(&fixture.all().await, &truth);
        let versions = fixture.versions().await;

        if blow.way == Way::Stopped {
            struck.process.signal(Signal::CONT);
        }
        let Life { process, proxy } = struck;
        holds.iter().for_each(RunningFault::end);
        let (status, log) = process.ended().await;
        let expected = (blow.way != Way::Killed).then_some(1);
        assert_eq!(status.code(), expected, "{blow}: {log}");
        let book = until("what was under way is answered", async || {
            let book = proxy.writes();
            let open = book.iter().filter(|write| write.answer.is_none()).count();
            if open == 0 {
                Ok(book)
            } else {
                Err(format!("{open} are not"))
            }
        })
        .await;
        assert_eq!(
            fixture.versions().await,
            versions,
            "{blow}: nothing changed"
        );
        let late = book
            .iter()
            .filter(|write| is_object(write) && write.forwarded.unwrap() > take_over.at)
            .count();
        self.past.push(book);
        (take_over.after, late)
    }

    /// Ends the replicas and looks at all books.
    pub(super) async fn end(mut self) -> Verdict {
        self.fill().await;
        let mut books = self.past;
        for life in self.lives {
            life.process.signal(Signal::TERM);
            let (status, log) = life.process.ended().await;
            assert_eq!(status.code(), Some(0), "{log}");
            books.push(life.proxy.writes());
        }
        Verdict::of(&books)
    }

    /// The one whose first Lease is the latest.
    fn leader(&self) -> usize {
        let leases = self.lives.iter().enumerate();
        let leases =
            leases.filter_map(|(at, life)| Some((first_lease(&life.proxy.writes())?.0, at)));
        leases.max().expect("one leads").1
    }
}

/// Changes everything again and again, and asks for a sync each time, until it is dropped.
async fn change(fixture: &Fixture) {
    static CHANGES: AtomicU32 = AtomicU32::new(0);
    loop {
        let text = format!("change {}", CHANGES.fetch_add(1, Ordering::Relaxed));
        for truth in fixture.truth() {
            let text = Some(text.clone());
            let simulator = &fixture.simulator;
            simulator.change(CLUSTER, &truth.id, |truth| truth.reason = text);
        }
        fixture.request("training", &text).await;
        tokio::time::sleep(BEAT).await;
    }
}

struct TakeOver {
    at: Instant,
    after: Duration,
}

/// Strikes the leader in the middle of its writes, and waits until another leads and has written all that was under way.
async fn strike(struck: &Life, blow: Blow, others: &[Life]) -> (TakeOver, Vec<RunningFault>) {
    let mut holds = Vec::new();
    if blow.late {
        let fits = |asked: &Asked| asked.writes_to("remediations");
        holds.push(struck.proxy.fault(Fault::Hold, Which::All, fits));
    }
    let before = struck.proxy.writes().len();
    until("it is in the middle of its writes", async || {
        let writes = struck.proxy.writes();
        let needed = if blow.late { 3 } else { 1 };
        let begun = writes[before..]
            .iter()
            .filter(|write| is_object(write))
            .count();
        if begun >= needed {
            Ok(())
        } else {
            Err(format!("{begun} of {needed} writes begun"))
        }
    })
    .await;
    let begun = Instant::now();
    match blow.way {
        Way::Killed => struck.process.signal(Signal::KILL),
        Way::Stopped => struck.process.signal(Signal::STOP),
        // A network in which all arrives, much later.
        Way::CutOff if blow.late => {
            holds.push(struck.proxy.fault(Fault::Hold, Which::All, |_| true));
            let _ = struck.proxy.cut_watches();
        }
        Way::CutOff => struck.proxy.cut(),
    }
    let at = until("another leads", async || {
        let leases = others
            .iter()
            .filter_map(|life| first_lease(&life.proxy.writes()));
        let since = leases.map(|(_, at)| at).filter(|at| *at > begun);
        since
            .min()
            .ok_or_else(|| "no other replica leads".to_owned())
    })
    .await;
    let under_way = {
        let writes = struck.proxy.writes();
        names(writes.iter().filter(|write| write.answer.is_none()))
    };
    until("the new leader has written all of it", async || {
        let written: BTreeSet<_> = others.iter().flat_map(Life::written).collect();
        let left: Vec<_> = under_way.difference(&written).cloned().collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(left.join(", "))
        }
    })
    .await;
    let after = at.duration_since(begun);
    (TakeOver { at, after }, holds)
}
