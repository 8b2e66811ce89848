//! What the API showed and when, for who judges a mirror afterwards. Times are of the simulator's clock.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;

use super::remediation::Remediation;

/// One version of a remediation, and how long the API had it so.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// When it began.
    pub since: Timestamp,
    /// When it was changed or removed; `None`: it is so now.
    pub until: Option<Timestamp>,
    /// When an answer first showed it so. Such an answer may still have been cut on its way.
    pub served: Option<Timestamp>,
    /// All its fields.
    pub shown: Arc<Remediation>,
}

/// The life of one remediation in the API.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// True versions, oldest first.
    pub versions: Vec<Version>,
    /// What faults showed in its place, oldest first; `since` and `until` are the first and the last such answer.
    pub lies: Vec<Version>,
    /// When an answer first showed it as it was. Such an answer may still have been cut on its way.
    pub served: Option<Timestamp>,
}

impl History {
    /// The version that the API has now, if it has one.
    #[must_use]
    pub fn present(&self) -> Option<&Version> {
        self.versions
            .last()
            .filter(|version| version.until.is_none())
    }

    /// Since when the API has had it without a break, if it has it now.
    #[must_use]
    pub fn unbroken_since(&self) -> Option<Timestamp> {
        let mut since = self.present()?.since;
        for version in self.versions.iter().rev().skip(1) {
            if version.until != Some(since) {
                break;
            }
            since = version.since;
        }
        Some(since)
    }

    pub(super) fn begin(&mut self, shown: Arc<Remediation>, now: Timestamp) {
        self.end(now);
        self.versions.push(Version {
            since: now,
            until: None,
            served: None,
            shown,
        });
    }

    pub(super) fn end(&mut self, now: Timestamp) {
        if let Some(last) = self.versions.last_mut() {
            last.until.get_or_insert(now);
        }
    }

    /// The version before the present one.
    pub(super) fn previous(&self) -> Option<&Remediation> {
        let before = self.versions.len().checked_sub(2)?;
        Some(&*self.versions[before].shown)
    }

    /// An answer contained `shown`, true or not.
    pub(super) fn answered(&mut self, shown: &Remediation, now: Timestamp) {
        let present = self.versions.last_mut().filter(|v| v.until.is_none());
        if let Some(version) = present.filter(|version| *version.shown == *shown) {
            version.served.get_or_insert(now);
            self.served.get_or_insert(now);
            return;
        }
        match self.lies.last_mut().filter(|lie| *lie.shown == *shown) {
            Some(again) => again.until = Some(now),
            None => self.lies.push(Version {
                since: now,
                until: Some(now),
                served: Some(now),
                shown: Arc::new(shown.clone()),
            }),
        }
    }
}
