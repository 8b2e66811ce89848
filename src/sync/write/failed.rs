//! Mirrors whose writes failed, until they are written: pure.

use std::{collections::HashSet, time::Duration};

use crate::{k8s::api::KubeApiError, sync::schedule::after_refusal};

/// Names remembered at most; past that they are all tried anew.
const MOST: usize = 4096;

/// What could not be written, from poll to poll. A short listing does not show what has ended, so only a full one can
/// show that nothing is left.
#[derive(Debug, Default)]
pub struct FailedWrites {
    names: HashSet<Box<str>>,
    /// Those that failed in this poll.
    fresh: HashSet<Box<str>>,
    /// The last poll gave up: this one passes over what failed, so that the others have their turn.
    skip: bool,
    /// This poll gave up.
    gave_up: bool,
    /// There are writes that nobody has tried.
    untried: bool,
    first: Option<(Box<str>, KubeApiError)>,
    /// Full listings in a row after which something was left.
    fulls: u32,
}

impl FailedWrites {
    /// Why this poll passes over `name`, if it does.
    #[must_use]
    pub fn skips(&self, name: &str) -> Option<KubeApiError> {
        let skipped = self.skip && self.names.contains(name) && !self.fresh.contains(name);
        let (_, error) = self.first.as_ref()?;
        skipped.then(|| error.clone())
    }

    /// The write of `name` failed.
    pub fn failed(&mut self, name: Box<str>, error: KubeApiError) {
        if self.fresh.is_empty() {
            self.first = Some((name.clone(), error));
        }
        self.fresh.insert(name);
    }

    /// The mirror `name` was written.
    pub fn done(&mut self, name: &str) {
        self.names.remove(name);
        self.fresh.remove(name);
    }

    /// So much failed that this poll tries no more of the kind.
    pub fn give_up(&mut self) {
        self.gave_up = true;
    }

    /// The poll has ended. `full`: with a complete listing of everything.
    pub fn end(&mut self, full: bool) {
        let fresh = std::mem::take(&mut self.fresh);
        if full && !self.gave_up && !self.skip {
            self.names.clear();
        }
        self.names.extend(fresh);
        self.untried = self.gave_up || (self.untried && !full);
        if self.names.len() > MOST {
            self.names.clear();
            self.untried = true;
        }
        self.skip = std::mem::take(&mut self.gave_up);
        if !self.any() {
            *self = Self::default();
        } else if full {
            self.fulls = self.fulls.saturating_add(1);
        }
    }

    /// Whether anything is left to write.
    #[must_use]
    pub fn any(&self) -> bool {
        self.untried || !self.names.is_empty()
    }

    /// Whether the last write of `name` failed.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The names whose write failed in this poll or was passed over: their mirrors may show what is no longer so.
    pub fn unwritten(&self) -> impl Iterator<Item = &str> {
        let skipped = self.names.iter().filter(|_| self.skip);
        self.fresh.iter().chain(skipped).map(|name| &**name)
    }

    /// How long after the last full listing another one is to show what is left; `None`: nothing is.
    #[must_use]
    pub fn full_after(&self, interval: Duration) -> Option<Duration> {
        self.any()
            .then(|| after_refusal(interval, self.fulls.saturating_sub(1)))
    }

    /// What is wrong and what to do, in words; `None`: nothing is left.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        let (name, error) = self.first.as_ref().filter(|_| self.any())?;
        let count = match self.names.len() {
            many if self.untried => format!("at least {many} mirrors"),
            1 => "1 mirror".to_owned(),
            many => format!("{many} mirrors"),
        };
        let advice = match error {
            KubeApiError::Refused(_) => {
                "raise the quota, change the policy or grant the right that this names"
            }
            KubeApiError::Conflict => "check whether another client writes Remediations",
            KubeApiError::Contended(_) => {
                "see which other writes this names; many at once, such as in one ResourceQuota, keep each other out"
            }
            _ => "see how the API server fares",
        };
        Some(format!(
            "{count} could not be written, one of them {name}: {error}. What to do: {advice}. It is tried again by itself"
        ))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
