//! Leaders that are killed, stopped for longer than the Lease and cut off, all in the middle of writes, and an observer
//! between each replica and the API server who writes down every write: none that comes after the take-over changes an
//! object, no two replicas write by turns, and no update is lost.
//!
//! `LEADER_FAULTS` is the number of faults (six without it: each blow once); eight at a time.

mod lane;
mod planted;
mod verdict;

use std::{collections::BTreeMap, env, fmt, time::Duration};

use futures::future::join_all;

use self::{lane::Lane, verdict::Verdict};
use crate::setup;

/// How many namespaces suffer at the same time.
const LANES: usize = 8;

/// What happens to a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// SIGKILL.
    Killed,
    /// SIGSTOP, and SIGCONT once another has led for a while.
    Stopped,
    /// All connections to the API server are cut.
    CutOff,
}

/// A fault of a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Blow {
    way: Way,
    /// Whether writes that were under way reach the server long after the take-over.
    late: bool,
}

impl Blow {
    const ALL: [Self; 6] = [
        Self::new(Way::Killed, true),
        Self::new(Way::Stopped, false),
        Self::new(Way::CutOff, true),
        Self::new(Way::Killed, false),
        Self::new(Way::Stopped, true),
        Self::new(Way::CutOff, false),
    ];

    const fn new(way: Way, late: bool) -> Self {
        Self { way, late }
    }
}

impl fmt::Display for Blow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.way {
            Way::Killed => "killed",
            Way::Stopped => "stopped, then continued",
            Way::CutOff => "cut off",
        };
        let late = if self.late {
            ", its last writes arrive late"
        } else {
            ""
        };
        write!(f, "{way}{late}")
    }
}

/// What was seen of the faults of one kind.
#[derive(Debug, Default)]
struct Row {
    faults: usize,
    /// Writes that were on their way when another replica led, and all refused.
    late: usize,
    /// From the blow to the next leader's Lease.
    take_overs: Vec<Duration>,
}

#[derive(Debug, Default)]
struct Table {
    rows: BTreeMap<Blow, Row>,
    verdict: Verdict,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_befalls_a_leader_changes_no_object_after_the_next_one_leads() {
    let count = env::var("LEADER_FAULTS").map_or(Blow::ALL.len(), |count| count.parse().unwrap());
    let lanes = count.min(LANES);
    let lanes = (0..lanes).map(|lane| {
        let faults = (lane..count).step_by(lanes);
        // Each lane meets all blows, not the same one again and again.
        let blows = faults.map(|fault| Blow::ALL[(lane + fault / lanes) % Blow::ALL.len()]);
        suffer(blows.collect())
    });
    let mut table = Table::default();
    for lane in join_all(lanes).await {
        table.add(lane);
    }
    setup::print_line(&table.to_string());
    let faults: usize = table.rows.values().map(|row| row.faults).sum();
    assert_eq!(faults, count);
    // More where a slow machine cost a leader its Lease.
    assert!(table.verdict.take_overs >= count, "one for each fault");
    for (blow, row) in &table.rows {
        assert!(!blow.late || row.late > 0, "{blow}: nothing came late");
    }
}

/// One namespace and its replicas, through these blows.
async fn suffer(blows: Vec<Blow>) -> Table {
    let mut lane = Lane::start().await;
    let mut table = Table::default();
    for blow in blows {
        let (take_over, late) = lane.suffer(blow).await;
        let row = table.rows.entry(blow).or_default();
        row.faults += 1;
        row.late += late;
        row.take_overs.push(take_over);
    }
    table.verdict = lane.end().await;
    table
}

impl Table {
    fn add(&mut self, other: Self) {
        for (blow, more) in other.rows {
            let row = self.rows.entry(blow).or_default();
            row.faults += more.faults;
            row.late += more.late;
            row.take_overs.extend(more.take_overs);
        }
        self.verdict.add(&other.verdict);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "faults  late, all refused  take-over: first, mean, last  of a leader that is"
        )?;
        for (blow, row) in &self.rows {
            let faults = u32::try_from(row.faults).unwrap();
            let mean = row.take_overs.iter().sum::<Duration>() / faults;
            let first = row.take_overs.iter().min().unwrap();
            let last = row.take_overs.iter().max().unwrap();
            writeln!(
                f,
                "{faults:>6}  {:>17}  {:>10.1} s {:>5.1} s {:>5.1} s  {blow}",
                row.late,
                first.as_secs_f64(),
                mean.as_secs_f64(),
                last.as_secs_f64(),
            )?;
        }
        write!(f, "{}", self.verdict)
    }
}
