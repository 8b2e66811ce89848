//! What goes wrong, at which requests.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::watch;

use super::{Asked, lock};

/// One way in which the way to the API server goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answered by the proxy with this status (and Kubernetes' own error body); the server is not asked.
    Answer {
        /// The HTTP status, 400 to 599.
        status: u16,
        /// `Retry-After`, in seconds.
        retry_after: Option<u32>,
    },
    /// The connection breaks; the server is not asked.
    Break,
    /// The server is asked, and the connection breaks instead of its answer.
    LoseAnswer,
    /// It reaches the server this much later.
    Delay(Duration),
    /// It reaches the server when the fault is ended, whatever became of the replica meanwhile.
    Hold,
    /// No answer, ever; the server is not asked.
    Hang,
    /// The answer's body breaks off after so many bytes.
    CutBody(usize),
    /// The answer's body stops after so many bytes, and does not end.
    MuteBody(usize),
}

impl Fault {
    /// This status without `Retry-After`.
    #[must_use]
    pub const fn answer(status: u16) -> Self {
        Self::Answer {
            status,
            retry_after: None,
        }
    }
}

/// Which of the requests that fit are struck; the first one is number 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Each one.
    All,
    /// That one alone.
    Nth(u64),
    /// That one and all after it.
    From(u64),
}

impl Which {
    fn strikes(self, number: u64) -> bool {
        match self {
            Self::All => true,
            Self::Nth(nth) => number == nth,
            Self::From(first) => number >= first,
        }
    }
}

type Fits = Box<dyn Fn(&Asked) -> bool + Send + Sync>;

struct Rule {
    fault: Fault,
    which: Which,
    fits: Fits,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    fitted: u64,
    struck: u64,
    ended: bool,
}

impl Rule {
    /// Counts a request that fits, and returns whether it is one of those to strike. One that another fault has `taken` is
    /// counted and left to that.
    fn strikes(&self, asked: &Asked, taken: bool) -> bool {
        if !(self.fits)(asked) {
            return false;
        }
        let mut strikes = false;
        self.state.send_if_modified(|state| {
            if state.ended {
                return false;
            }
            state.fitted += 1;
            strikes = !taken && self.which.strikes(state.fitted);
            state.struck += u64::from(strikes);
            true
        });
        strikes
    }
}

/// A fault that goes on until it is ended; dropping this handle does not end it.
#[derive(Clone)]
pub struct RunningFault(Arc<Rule>);

impl RunningFault {
    /// How many requests it has struck so far.
    #[must_use]
    pub fn struck(&self) -> u64 {
        self.0.state.borrow().struck
    }

    /// Waits until it has struck `times` times.
    pub async fn has_struck(&self, times: u64) {
        // The sender lives as long as this handle.
        let _ = self
            .0
            .state
            .subscribe()
            .wait_for(|state| state.struck >= times)
            .await;
    }

    /// Ends it: what it holds goes on to the server.
    pub fn end(&self) {
        self.0.state.send_modify(|state| state.ended = true);
    }

    pub(super) fn fault(&self) -> &Fault {
        &self.0.fault
    }

    pub(super) async fn has_ended(&self) {
        let _ = self.0.state.subscribe().wait_for(|state| state.ended).await;
    }
}

/// All faults, in the order in which they were given.
#[derive(Default)]
pub(super) struct Rules(Mutex<Vec<RunningFault>>);

impl Rules {
    pub(super) fn add(&self, fault: Fault, which: Which, fits: Fits) -> RunningFault {
        let running = RunningFault(Arc::new(Rule {
            fault,
            which,
            fits,
            state: watch::Sender::new(State::default()),
        }));
        let mut rules = lock(&self.0);
        rules.retain(|rule| !rule.0.state.borrow().ended);
        rules.push(running.clone());
        running
    }

    /// The fault that strikes this request.
    pub(super) fn strike(&self, asked: &Asked) -> Option<RunningFault> {
        let mut struck = None;
        for rule in lock(&self.0).iter() {
            if rule.0.strikes(asked, struck.is_some()) {
                struck = Some(rule.clone());
            }
        }
        struck
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, Uri};

    use super::*;

    fn struck(which: Which) -> Vec<bool> {
        let rules = Rules::default();
        let running = rules.add(Fault::Break, which, Box::new(Asked::is_write));
        let ask = |method| Asked::new(method, &Uri::from_static("/api/v1/secrets"), b"");
        assert!(rules.strike(&ask(Method::GET)).is_none());
        let struck = (0..3).map(|_| rules.strike(&ask(Method::POST)).is_some());
        let struck: Vec<_> = struck.collect();
        let all: u64 = struck.iter().map(|struck| u64::from(*struck)).sum();
        assert_eq!(running.struck(), all);
        running.end();
        assert!(rules.strike(&ask(Method::POST)).is_none());
        struck
    }

    #[test]
    fn a_fault_strikes_what_it_was_given_for_until_it_is_ended() {
        assert_eq!(struck(Which::All), [true, true, true]);
        assert_eq!(struck(Which::Nth(2)), [false, true, false]);
        assert_eq!(struck(Which::From(2)), [false, true, true]);
    }

    #[test]
    fn each_fault_counts_what_fits_it_also_what_another_has_struck() {
        let rules = Rules::default();
        let ask = || Asked::new(Method::POST, &Uri::from_static("/api/v1/secrets"), b"");
        rules.add(Fault::LoseAnswer, Which::Nth(1), Box::new(Asked::is_write));
        let later = rules.add(Fault::Hang, Which::From(2), Box::new(Asked::is_write));
        let first = rules.strike(&ask());
        assert_eq!(
            first.as_ref().map(RunningFault::fault),
            Some(&Fault::LoseAnswer)
        );
        assert_eq!(later.struck(), 0);
        let second = rules.strike(&ask());
        assert_eq!(second.as_ref().map(RunningFault::fault), Some(&Fault::Hang));
    }
}
