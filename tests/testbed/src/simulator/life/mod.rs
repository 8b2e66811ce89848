//! How remediations live: a fate each, and the next step of a fate. Pure; the world applies it.

pub(super) mod cast;
mod words;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::remediation::Remediation;

/// What ends the wait for approval.
#[derive(Clone, Debug)]
pub(super) enum Wait {
    /// A person or the service approves.
    Approved { by: String, comment: Option<String> },
    /// A person rejects.
    Rejected { by: String, comment: Option<String> },
    /// The alert clears, and the remediation shows it.
    AutoResolved,
    /// The alert clears, and the remediation leaves the API.
    Leaves,
}

/// What comes of an approved one.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Succeeds,
    Fails(String),
    /// A user cancels while it is queued.
    Cancelled,
}

/// How long each part takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) review: SignedDuration,
    pub(super) queue: SignedDuration,
    pub(super) quarantine: SignedDuration,
    pub(super) run: SignedDuration,
}

/// How one remediation will go.
#[derive(Clone, Debug)]
pub(super) struct Fate {
    pub(super) wait: Wait,
    /// The mode that it changes to while it waits.
    pub(super) new_mode: Option<String>,
    /// It passes through QUARANTINING and QUARANTINED.
    pub(super) quarantine: bool,
    pub(super) outcome: Outcome,
    pub(super) pace: Pace,
}

/// A remediation that is to come, or has come and lives.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) born_at: Timestamp,
    pub(super) born: bool,
    /// As it will be at birth.
    pub(super) remediation: Remediation,
    pub(super) fate: Fate,
    /// What is tried after a failure, and how long after it.
    pub(super) retry: Option<(SignedDuration, Box<Life>)>,
}

/// One thing that happens to a remediation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Birth,
    Mode(String),
    Review {
        state: &'static str,
        by: String,
        comment: Option<String>,
    },
    Enter(&'static str),
    Fail(String),
    Leave,
}

impl Life {
    /// What happens next and when, to the remediation as it is now (`None`: the API has none).
    /// No step: this life is over.
    pub(super) fn next(&self, now: Option<&Remediation>) -> Option<(Timestamp, Step)> {
        if !self.born {
            return Some((self.born_at, Step::Birth));
        }
        let now = now?;
        let (after, step) = self.fate.step(now)?;
        let entered: Timestamp = now.update_time.as_deref()?.parse().ok()?;
        Some((entered.saturating_add(after).ok()?, step))
    }
}

impl Fate {
    fn step(&self, now: &Remediation) -> Option<(SignedDuration, Step)> {
        let pace = self.pace;
        let step = match now.state.as_str() {
            "PENDING_APPROVAL" => match &self.new_mode {
                Some(mode) if *mode != now.mode => (pace.review / 2, Step::Mode(mode.clone())),
                _ => (pace.review, self.end_of_wait()),
            },
            "PENDING" if matches!(self.outcome, Outcome::Cancelled) => {
                (pace.queue, Step::Enter("CANCELLED"))
            }
            "PENDING" if self.quarantine => (pace.queue, Step::Enter("QUARANTINING")),
            "PENDING" => (pace.queue, Step::Enter("RUNNING")),
            "QUARANTINING" => (pace.quarantine, Step::Enter("QUARANTINED")),
            "QUARANTINED" => (pace.quarantine, Step::Enter("RUNNING")),
            "RUNNING" => match &self.outcome {
                Outcome::Fails(message) => (pace.run, Step::Fail(message.clone())),
                Outcome::Succeeds | Outcome::Cancelled => (pace.run, Step::Enter("SUCCEEDED")),
            },
            _ => return None,
        };
        Some(step)
    }

    fn end_of_wait(&self) -> Step {
        match &self.wait {
            Wait::Approved { by, comment } => Step::Review {
                state: "PENDING",
                by: by.clone(),
                comment: comment.clone(),
            },
            Wait::Rejected { by, comment } => Step::Review {
                state: "CANCELLED",
                by: by.clone(),
                comment: comment.clone(),
            },
            Wait::AutoResolved => Step::Enter("AUTO_RESOLVED"),
            Wait::Leaves => Step::Leave,
        }
    }
}

impl Step {
    /// Does the step to the remediation; `Birth` and `Leave` change nothing in it.
    pub(super) fn apply(self, remediation: &mut Remediation, now: Timestamp) {
        match self {
            Self::Birth | Self::Leave => {}
            Self::Mode(mode) => {
                remediation.mode = mode;
                remediation.update_time = Some(now.to_string());
            }
            Self::Review { state, by, comment } => {
                remediation.reviewed_by = Some(by);
                remediation.review_comment = comment;
                remediation.enter(state, now);
            }
            Self::Enter(state) => remediation.enter(state, now),
            Self::Fail(message) => {
                remediation.error_message = Some(message);
                remediation.enter("FAILED", now);
            }
        }
    }
}
