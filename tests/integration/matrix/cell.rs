//! One cell: a namespace, an operator and a simulated API of its own; one fault, looked at until it is over.

use std::time::Duration;

use k8s_openapi::jiff::SignedDuration;
use testbed::{
    auditor::{Look, judge, see},
    control_plane::ControlPlane,
    simulator::{Fault, Remediation as Truth},
};
use together_remediation_operator::api::cluster_watch::ClusterWatchSpec;

use super::{
    expected::{Age, Effect, Phase},
    rows::Row,
};
use crate::{
    conditions::condition,
    fixture::{CLUSTER, Fixture, TIMEOUT, mirror_condition, until},
    kstatus::{Kstatus, kstatus},
    steps::pages_of,
};

/// Less than the stale time.
const HICCUP: Duration = Duration::from_secs(20);
/// Past an interval of a minute with its jitter.
const STEP: Duration = Duration::from_secs(70);
/// Steps that go past three active intervals of 15 s and two minutes; twice as many, past three of a minute and two minutes.
const STEPS: u32 = 3;
/// Looks that must have fallen inside the fault's time.
const LOOKS: usize = 5;
/// Several requests are one read, while the clock stands still.
const SLACK: SignedDuration = SignedDuration::from_secs(30);

pub(super) struct Cell {
    fixture: Fixture,
    row: Row,
    phase: Phase,
    looks: usize,
}

impl Cell {
    pub(super) async fn set(control_plane: &'static ControlPlane, row: Row, phase: Phase) -> Self {
        let fixture = Fixture::on(control_plane, "matrix").await;
        let simulator = &fixture.simulator;
        for number in 1..=5 {
            simulator.put(Truth::numbered(CLUSTER, number));
        }
        simulator.advance(Duration::from_secs(60));
        for (number, state) in [
            (1, "RUNNING"),
            (2, "PENDING"),
            (3, "SUCCEEDED"),
            (4, "RUNNING"),
            (5, "FAILED"),
        ] {
            simulator.enter(CLUSTER, &id(number), state);
        }
        Self {
            fixture,
            row,
            phase,
            looks: 0,
        }
    }

    /// Plays it to the end; returns the looks while the fault lasted.
    pub(super) async fn play(mut self) -> usize {
        let small_pages = |spec: &mut ClusterWatchSpec| {
            spec.query = Some(pages_of(2));
        };
        if self.phase == Phase::FirstSync {
            self.begin();
            self.fixture.watch("training", small_pages).await;
        } else {
            self.fixture.synced_watch(small_pages).await;
            self.wait_until_idle().await;
            self.begin();
        }
        if self.phase == Phase::DuringAChange {
            self.change();
        }
        self.turn(HICCUP).await;
        self.expect(Age::Hiccup).await;
        self.outlast().await;
        if self.phase != Phase::FirstSync {
            self.expect(Age::Outage).await;
        }
        let marked = self.fixture.versions().await;
        self.outlast().await;
        self.expect(Age::Outage).await;
        if self.phase == Phase::Steady
            && matches!(self.row.effect, Effect::Retried(_) | Effect::Stalled(_))
        {
            let now = self.fixture.versions().await;
            assert_eq!(now, marked, "one write when it gets stale, and no more");
        }
        let risen = self.fixture.simulator.counters().risen(&self.row.fault);
        assert!(risen > 0, "{:?} never rose", self.row.fault);
        assert!(self.looks >= LOOKS, "{} looks", self.looks);
        self.recover().await;
        self.looks
    }

    /// Waits until no poll is under way. A page that hangs is asked for three times, half a minute each.
    async fn wait_until_idle(&self) {
        let limit = match self.row.fault {
            Fault::Hang => TIMEOUT * 2,
            _ => TIMEOUT,
        };
        self.fixture.wait_until_idle_within(limit).await;
    }

    /// Goes past the stale time: at a healthy pace, or at once where each poll takes half a minute of ours.
    async fn outlast(&mut self) {
        let (steps, by) = match self.row.fault {
            Fault::Hang => (1, STEP * STEPS),
            _ => (STEPS, STEP),
        };
        for _ in 0..steps {
            self.turn(by).await;
        }
    }

    fn begin(&self) {
        self.fixture
            .simulator
            .fault(self.row.fault.clone(), self.row.times);
    }

    /// One goes on, one ends, one leaves, two come.
    fn change(&self) {
        let simulator = &self.fixture.simulator;
        simulator.advance(Duration::from_secs(1));
        simulator.enter(CLUSTER, &id(2), "RUNNING");
        simulator.enter(CLUSTER, &id(4), "SUCCEEDED");
        assert!(simulator.remove(CLUSTER, &id(1)));
        for number in [6, 7] {
            simulator.put(Truth::numbered(CLUSTER, number));
        }
    }

    /// Lets time pass, looking before and after the poll that falls due.
    async fn turn(&mut self, by: Duration) {
        self.wait_until_idle().await;
        self.fixture.simulator.advance(by);
        self.fixture.clock.advance(by);
        self.look().await;
        self.wait_until_idle().await;
        self.look().await;
    }

    async fn look(&mut self) {
        let simulator = &self.fixture.simulator;
        let asked = simulator.now();
        let seen = see(&self.fixture.client, &self.fixture.namespace)
            .await
            .unwrap();
        let found = Look {
            watch: &seen.watches[0],
            mirrors: &seen.mirrors,
            histories: &simulator.histories(CLUSTER),
            asked,
            answered: simulator.now(),
            calm_since: None,
            restarted: None,
            sums_off_since: None,
            slack: SLACK,
        }
        .verdict();
        assert!(
            found.unexplained.is_empty(),
            "{:#?}\n{:#?}",
            found.unexplained,
            seen.watches[0]["status"]
        );
        self.looks += 1;
    }

    /// Fails unless a reader sees what the contract requires.
    async fn expect(&self, age: Age) {
        let expected = self.row.effect.expected(self.phase, age);
        let watch = self.fixture.watches().get("training").await.unwrap();
        let (ready, stalled) = (condition(&watch, "Ready"), condition(&watch, "Stalled"));
        assert_eq!(
            (&*ready.status, &*ready.reason),
            expected.ready,
            "{age:?}: {}",
            ready.message
        );
        assert_eq!(stalled.status, expected.stalled, "{age:?}: Stalled");
        let object = serde_json::to_value(&watch).unwrap();
        assert_eq!(kstatus(&object), expected.kstatus, "{age:?}: kstatus");
        if let Effect::Listed { note: Some(note) } = self.row.effect {
            assert!(ready.message.contains(note), "{age:?}: {}", ready.message);
        }
        let truth = self.fixture.truth();
        for mirror in self.fixture.all().await {
            let status = mirror.status.as_ref().unwrap();
            let there = truth.iter().any(|truth| truth.id == mirror.spec.id);
            if status.open == Some(true) && there {
                let [_, synced] = mirror_condition(&mirror, "Synced");
                assert_eq!(synced, expected.open, "{age:?}: {}", mirror.spec.id);
                let object = serde_json::to_value(&mirror).unwrap();
                assert_eq!(kstatus(&object), Kstatus::InProgress, "{}", mirror.spec.id);
            }
        }
    }

    /// Ends the fault: the mirror matches the API in the end, without intervention.
    async fn recover(&self) {
        self.fixture.simulator.clear_faults();
        until("the mirror is the truth again", || async {
            self.wait_until_idle().await;
            self.fixture.simulator.advance(STEP);
            self.fixture.clock.advance(STEP);
            self.wait_until_idle().await;
            let seen = see(&self.fixture.client, &self.fixture.namespace)
                .await
                .unwrap();
            let truth = self.fixture.truth();
            let verdict = judge(&truth, &seen.mirrors, &seen.watches[0]);
            if verdict.differences.is_empty() {
                Ok(())
            } else {
                Err(verdict.differences.join("\n"))
            }
        })
        .await;
    }
}

fn id(number: u32) -> String {
    Truth::numbered(CLUSTER, number).id
}
