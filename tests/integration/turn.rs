//! Polls one by one: time that a test lets pass, and the end of what that began.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use kube::api::ListParams;
use serde_json::json;
use together_remediation_operator::{
    api::{cluster_watch::ClusterWatch, remediation::Remediation},
    sync::schedule::PollDefaults,
};

use crate::{
    fixture::{Fixture, TIMEOUT, until, within},
    steps::{becomes, holds},
};

/// Those of the fixture's operator.
pub(crate) const SPEEDS: PollDefaults = PollDefaults {
    default_interval: Duration::from_secs(60),
    default_active_interval: Duration::from_secs(15),
    min_interval: Duration::from_secs(1),
};

impl Fixture {
    /// Waits until every watch of the namespace waits for its next turn: no poll is under way.
    pub(crate) async fn wait_until_idle(&self) {
        self.wait_until_idle_within(TIMEOUT).await;
    }

    /// The same with this time limit.
    pub(crate) async fn wait_until_idle_within(&self, limit: Duration) {
        within(limit, "every watch waits", || async {
            let list = self.watches().list(&ListParams::default()).await.unwrap();
            let (all, waiting) = (list.items.len() + self.lookouts, self.clock.sleepers());
            if waiting >= all {
                Ok(())
            } else {
                Err(format!("{waiting} of {all}"))
            }
        })
        .await;
    }

    /// Lets `by` pass, once every watch of the namespace has come to wait.
    pub(crate) async fn advance(&self, by: Duration) {
        self.wait_until_idle().await;
        self.clock.advance(by);
    }

    /// Lets `by` pass and waits until every poll that fell due has ended with all its writes.
    pub(crate) async fn turn(&self, by: Duration) {
        self.advance(by).await;
        self.wait_until_idle().await;
    }

    /// Waits until the tasks of all watches have ended, now that these are deleted.
    pub(crate) async fn unwatched(&self) {
        holds(
            "all tasks have ended",
            async || self.clock.sleepers(),
            |waiting| *waiting == self.lookouts,
        )
        .await;
    }

    /// Waits until no mirror is left: garbage collection takes its time.
    pub(crate) async fn emptied(&self) {
        becomes("all mirrors are gone", 0, async || self.all().await.len()).await;
    }

    /// Syncs until the mirrors satisfy `predicate`. The operator learns of changes by others through its own watch, possibly
    /// only after the first sync.
    pub(crate) async fn sync_until(
        &self,
        watch: &str,
        what: &str,
        predicate: impl Fn(&[Remediation]) -> bool,
    ) -> Vec<Remediation> {
        until(what, || async {
            self.sync(watch).await;
            let mirrors = self.all().await;
            if predicate(&mirrors) {
                Ok(mirrors)
            } else {
                Err(format!("{mirrors:#?}"))
            }
        })
        .await
    }

    /// Asks for a sync by annotation, a second after the last one, and waits for its echo.
    pub(crate) async fn sync(&self, name: &str) -> ClusterWatch {
        self.clock.advance(Duration::from_secs(1));
        self.ask(name).await
    }

    /// Requests a sync with this value of the annotation.
    pub(crate) async fn request(&self, name: &str, word: &str) {
        let asked = json!({"compute.together.ai/requestedAt": word});
        self.patch_watch(name, json!({"metadata": {"annotations": asked}}))
            .await;
    }

    /// Requests a sync with a new value, and returns that value.
    pub(crate) async fn request_new_sync(&self, name: &str) -> String {
        static ASKED: AtomicU32 = AtomicU32::new(0);
        let word = format!("ask-{}", ASKED.fetch_add(1, Ordering::Relaxed));
        self.request(name, &word).await;
        word
    }

    /// Asks for a sync by annotation and waits for its echo.
    pub(crate) async fn ask(&self, name: &str) -> ClusterWatch {
        let value = self.request_new_sync(name).await;
        self.watch_where(name, "the request is echoed", |status, _| {
            status.last_handled_reconcile_at.as_deref() == Some(&value)
        })
        .await
    }

    /// Waits until an edit is observed, then advances the clock by a minute. After the first edit within a minute, others wait
    /// until that minute has passed.
    pub(crate) async fn edit_takes_effect(&self, name: &str) {
        self.edit_seen(name).await;
        self.advance(Duration::from_secs(60)).await;
    }

    /// Waits until the present generation of the watch was taken up.
    pub(crate) async fn edit_seen(&self, name: &str) -> ClusterWatch {
        self.watch_where(name, "the edit is seen", |status, generation| {
            status.observed_generation == generation
        })
        .await
    }

    /// Lets `by` pass and waits until the API was listed again.
    pub(crate) async fn pass(&self, by: Duration) {
        let before = self.simulator.counters().listings;
        self.advance(by).await;
        holds(
            "another listing",
            async || self.simulator.counters().listings,
            |listings| *listings > before,
        )
        .await;
    }
}
