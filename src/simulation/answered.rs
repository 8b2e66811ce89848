//! What the API's responses so far prove.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::together::CLIENT_TIMEOUT;
use crate::{api::cluster_watch::ClusterWatch, clock::MonoTime, together::Remediation};

/// What the API has proven about one id since it last returned it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    pub(super) not_found: u32,
    pub(super) forbidden: u32,
    /// Complete full syncs that lacked it.
    pub(super) lacking: u32,
}

/// What one process has requested since its last list started.
#[derive(Debug, Default)]
pub(super) struct Series {
    pub(super) began: MonoTime,
    /// The requested states; none means all.
    pub(super) asked: Vec<String>,
    /// Tokens of pages that failed once.
    pub(super) stuttered: BTreeSet<Option<String>>,
    pub(super) shown: BTreeSet<String>,
    pub(super) pages: usize,
    pub(super) questions: usize,
}

/// What all responses so far prove.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) evidence: BTreeMap<String, Evidence>,
    /// By process and by the listed instance (`None`: all).
    pub(super) series: BTreeMap<(usize, Option<String>), Series>,
    /// When each version (by its `update_time`) of an id was shown first and last, since another version was.
    pub(super) shown: BTreeMap<String, BTreeMap<String, (MonoTime, MonoTime)>>,
    /// When a complete list last contained each id.
    pub(super) confirmed: BTreeMap<String, MonoTime>,
    /// When a list of this instance (`None`: all) was last complete, and how long requests hung for it.
    pub(super) ended: BTreeMap<Option<String>, (MonoTime, Duration)>,
    /// When requests hung.
    pub(super) hung: Vec<MonoTime>,
    /// When items were last unreadable.
    pub(super) malformed: Option<MonoTime>,
    /// When responses were last slow.
    pub(super) slow: Option<MonoTime>,
}

impl Answered {
    /// What has been proven about the id.
    pub(super) fn evidence(&self, id: &str) -> Evidence {
        self.evidence.get(id).copied().unwrap_or_default()
    }

    /// When a list for this `ClusterWatch` was last complete.
    pub(super) fn ended(&self, watch: &ClusterWatch) -> MonoTime {
        self.last(watch).0
    }

    /// How long requests hung for that list.
    pub(super) fn hung(&self, watch: &ClusterWatch) -> Duration {
        self.last(watch).1
    }

    fn last(&self, watch: &ClusterWatch) -> (MonoTime, Duration) {
        let instance = watch.spec.instance().map(str::to_owned);
        self.ended.get(&instance).copied().unwrap_or_default()
    }

    /// A list of this instance is complete.
    pub(super) fn end(&mut self, instance: Option<&String>, now: MonoTime) {
        let instance = instance.cloned();
        let before = self
            .ended
            .get(&instance)
            .map_or(MonoTime::ZERO, |last| last.0);
        let hung = self.hung.iter().filter(|at| **at >= before).count();
        let hung = CLIENT_TIMEOUT * u32::try_from(hung).unwrap();
        self.ended.insert(instance, (now, hung));
    }

    /// The request by id returned 403.
    pub(super) fn forbid(&mut self, id: &str) {
        self.evidence.entry(id.to_owned()).or_default().forbidden += 1;
    }

    pub(super) fn show(&mut self, item: &Remediation, now: MonoTime) {
        self.evidence.remove(&*item.id);
        let time = item.update_time.as_ref().unwrap();
        let versions = self.shown.get_mut(&*item.id);
        if let Some(shown) = versions.and_then(|versions| versions.get_mut(&**time)) {
            shown.1 = now;
        } else {
            let versions = self.shown.entry(item.id.to_string()).or_default();
            versions.insert(time.to_string(), (now, now));
        }
    }
}
