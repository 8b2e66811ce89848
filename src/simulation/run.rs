//! Runs many sequences on all cores, and reports what they covered and how to repeat a failed one.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    sequence::{Outcome, run},
    step::Kind,
};

/// Number of failures that are printed in full; more are counted.
const PRINTED: usize = 200;
/// How often the progress of a long run is printed.
const PROGRESS: u64 = 10_000;

/// How much to run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Length {
    Sequences(u64),
    Time(Duration),
}

/// The results of the sequences.
#[derive(Debug, Default)]
struct Covered {
    sequences: u64,
    steps: u64,
    kinds: BTreeMap<Kind, u64>,
    /// Kinds of steps that came directly after each other.
    pairs: BTreeSet<(Kind, Kind)>,
}

impl Covered {
    fn count(&mut self, kinds: &[Kind]) {
        self.sequences += 1;
        self.steps += kinds.len() as u64;
        for kind in kinds {
            *self.kinds.entry(*kind).or_default() += 1;
        }
        self.pairs
            .extend(kinds.windows(2).map(|pair| (pair[0], pair[1])));
    }

    fn add(&mut self, other: Self) {
        self.sequences += other.sequences;
        self.steps += other.steps;
        for (kind, times) in other.kinds {
            *self.kinds.entry(kind).or_default() += times;
        }
        self.pairs.extend(other.pairs);
    }

    /// Fails if too little was covered.
    fn demand(&self) {
        let missing: Vec<_> = Kind::ordinary()
            .iter()
            .filter(|kind| !self.kinds.contains_key(kind))
            .collect();
        assert!(
            missing.is_empty(),
            "kinds that no sequence had: {missing:?}"
        );
        // Kinds that need an election occur in a quarter of the sequences.
        let all_pairs = Kind::ordinary().len().pow(2) as f64;
        let drawn = self.steps as f64 / all_pairs;
        let least = 0.8 * all_pairs * (1.0 - (-drawn).exp());
        assert!(
            self.pairs.len() as f64 >= least,
            "{} pairs of kinds, and {least:.0} are the least",
            self.pairs.len()
        );
    }
}

/// Runs the sequence of `seed`; a panic in it is its violation.
pub(super) fn attempt(seed: u64, traced: bool) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| run(seed, traced))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Outcome {
            kinds: Vec::new(),
            log: Vec::new(),
            violation: Some(format!("it panicked: {}", text.unwrap_or_default())),
        }
    })
}

/// Runs the sequence again for its log, and fails with it.
pub(super) fn replay(seed: u64) {
    let outcome = attempt(seed, true);
    for line in &outcome.log {
        println!("{line}");
    }
    if let Some(violation) = outcome.violation {
        panic!(
            "seed {seed}: {violation}\nTo repeat it: SIMULATION_SEED={seed} cargo test --lib simulation::sequences -- --nocapture"
        );
    }
    println!(
        "seed {seed}: nothing wrong in {} steps",
        outcome.kinds.len()
    );
}

/// Runs sequences from seed `first` on.
pub(super) fn many(first: u64, length: Length) {
    let begun = Instant::now();
    let next = AtomicU64::new(first);
    let found: Mutex<BTreeSet<u64>> = Mutex::default();
    let all = Mutex::new(Covered::default());
    let goes_on = |seed: u64| match length {
        Length::Sequences(count) => seed < first + count,
        Length::Time(time) => begun.elapsed() < time,
    };
    let work = || {
        let mut covered = Covered::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !goes_on(seed) {
                break;
            }
            let outcome = attempt(seed, false);
            covered.count(&outcome.kinds);
            if let Some(violation) = outcome.violation {
                let mut found = found.lock().unwrap();
                found.insert(seed);
                if found.len() <= PRINTED {
                    println!("seed {seed}: {violation}");
                }
            }
            let done = seed + 1 - first;
            if done.is_multiple_of(PROGRESS) {
                let seconds = begun.elapsed().as_secs();
                println!("{done} sequences begun after {seconds} s");
            }
        }
        all.lock().unwrap().add(covered);
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let found = found.into_inner().unwrap();
    let covered = all.into_inner().unwrap();
    report(&covered, begun.elapsed());
    if let Some(seed) = found.first() {
        let seeds: Vec<_> = found.iter().take(PRINTED).collect();
        println!("{} sequences failed: {seeds:?}", found.len());
        replay(*seed);
        panic!("seed {seed} failed once, and not when it was repeated");
    }
    covered.demand();
}

/// Prints what was covered.
fn report(covered: &Covered, took: Duration) {
    let Covered {
        sequences,
        steps,
        kinds,
        pairs,
    } = covered;
    let rate = *sequences as f64 / took.as_secs_f64();
    println!(
        "{sequences} sequences, {steps} steps in {:.1} s: {rate:.0} sequences a second",
        took.as_secs_f64()
    );
    let all_pairs = Kind::ordinary().len().pow(2);
    println!(
        "covered: {} of {} kinds of steps, {} of {all_pairs} pairs in a row",
        kinds.len(),
        Kind::ordinary().len(),
        pairs.len()
    );
    for (kind, times) in kinds {
        println!("{times:>10} {kind:?}");
    }
}
