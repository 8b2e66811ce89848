//! Mirrors whose writes failed, until they are written: pure.

use std::{collections::HashSet, time::Duration};

use crate::{k8s::error::KubeApiError, sync::schedule::after_refusal};

/// Maximum number of names kept, so that memory is bounded. Beyond it, all writes are retried.
const MOST: usize = 4096;

/// Failed writes, kept from sync to sync. An active sync does not list finished remediations, so only a full sync can
/// show that nothing is left.
#[derive(Debug, Default)]
pub struct FailedWrites {
    names: HashSet<Box<str>>,
    /// Those that failed in this sync.
    fresh: HashSet<Box<str>>,
    /// The last sync gave up, so this one skips what failed and tries the others.
    skip: bool,
    /// This sync gave up.
    gave_up: bool,
    /// Some writes were not tried.
    untried: bool,
    first: Option<(Box<str>, KubeApiError)>,
    /// Full syncs in a row that left something unwritten.
    fulls: u32,
}

impl FailedWrites {
    /// Why this sync skips `name`, if it does.
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

    /// So many writes failed that this sync tries no more of the kind.
    pub fn give_up(&mut self) {
        self.gave_up = true;
    }

    /// The sync ended; `full` means with a complete list of everything.
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

    /// The names whose write failed or was skipped in this sync: their mirrors may be outdated.
    pub fn unwritten(&self) -> impl Iterator<Item = &str> {
        let skipped = self.names.iter().filter(|_| self.skip);
        self.fresh.iter().chain(skipped).map(|name| &**name)
    }

    /// How long after the last full sync another one must look for unwritten changes; `None` if there are none.
    #[must_use]
    pub fn full_after(&self, interval: Duration) -> Option<Duration> {
        self.any()
            .then(|| after_refusal(interval, self.fulls.saturating_sub(1)))
    }

    /// What is wrong and what to do, as text; `None` if everything was written.
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
                "Raise the quota, change the admission policy, or grant the missing permission"
            }
            KubeApiError::Conflict => "Check whether another client writes Remediations",
            KubeApiError::Contended(_) => {
                "Check which other requests conflict: many concurrent writes under one ResourceQuota block each other"
            }
            _ => "Check the API server",
        };
        Some(format!(
            "Cannot write {count}, such as {name}: {error}. {advice}. The operator retries"
        ))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
