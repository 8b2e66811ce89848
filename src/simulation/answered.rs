//! What the API's answers so far amount to.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{api::cluster_watch::ClusterWatch, together::Remediation};

/// What the API has proven about one id since it last showed it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    pub(super) not_found: u32,
    pub(super) forbidden: u32,
    /// Full listings that came to their end and lacked it.
    pub(super) lacking: u32,
}

/// What one process has asked since its last listing began.
#[derive(Debug, Default)]
pub(super) struct Series {
    pub(super) began: Duration,
    /// The states that it asks for; none: all.
    pub(super) asked: Vec<String>,
    /// Tokens of pages that have failed once.
    pub(super) stuttered: BTreeSet<Option<String>>,
    pub(super) shown: BTreeSet<String>,
    pub(super) pages: usize,
    pub(super) questions: usize,
}

/// What all answers so far amount to.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) evidence: BTreeMap<String, Evidence>,
    /// By process and by the instance that it lists (`None`: all).
    pub(super) series: BTreeMap<(usize, Option<String>), Series>,
    /// When which version (by its `update_time`) of an id was shown first and last, since another one was.
    pub(super) shown: BTreeMap<String, BTreeMap<String, (Duration, Duration)>>,
    /// When a listing that came to its end last showed each id.
    pub(super) confirmed: BTreeMap<String, Duration>,
    /// When a listing of this instance (`None`: of all) last came to its end.
    pub(super) ended: BTreeMap<Option<String>, Duration>,
    /// When items were last unreadable.
    pub(super) malformed: Option<Duration>,
    /// When answers were last slow.
    pub(super) slow: Option<Duration>,
}

impl Answered {
    /// What is proven about the id.
    pub(super) fn evidence(&self, id: &str) -> Evidence {
        self.evidence.get(id).copied().unwrap_or_default()
    }

    /// When a listing for this watch last came to its end.
    pub(super) fn ended(&self, watch: &ClusterWatch) -> Duration {
        let instance = watch.spec.instance().map(str::to_owned);
        self.ended.get(&instance).copied().unwrap_or_default()
    }

    /// The call by id answered 403.
    pub(super) fn forbid(&mut self, id: &str) {
        self.evidence.entry(id.to_owned()).or_default().forbidden += 1;
    }

    pub(super) fn show(&mut self, item: &Remediation, now: Duration) {
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
