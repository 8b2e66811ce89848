//! Reports the state of a `ClusterWatch` in its status, its metrics and its Events.

use std::{sync::Arc, time::Duration};

use crate::{
    api::{cluster_watch::ClusterWatch, conditions::of_type},
    controller::{
        events::{self, Shown},
        status::{
            build::{ReadyState, StatusInputs},
            writer::Reporter,
        },
    },
    k8s::api::KubeApi,
    store::{Index, summary::rollup},
    sync::{Env, metrics::meter::WatchMeter, target::MirrorTarget},
};

/// The status of one `ClusterWatch`, and its inputs.
pub(super) struct StatusReport<C> {
    pub(super) reporter: Reporter<C>,
    pub(super) inputs: StatusInputs,
    pub(super) meter: Arc<WatchMeter>,
    /// The notes of the last complete sync.
    pub(super) note: String,
    /// The change of the index up to which `inputs.rollup` counts.
    rolled_up: Option<u64>,
}

impl<C: KubeApi> StatusReport<C> {
    /// The status of `watch`.
    pub(super) fn new(kube: C, watch: &ClusterWatch) -> Self {
        let reporter = Reporter::new(kube, watch);
        Self {
            inputs: StatusInputs {
                generation: reporter.generation,
                ..StatusInputs::default()
            },
            reporter,
            meter: Arc::default(),
            note: String::new(),
            rolled_up: None,
        }
    }

    /// Whether this generation was reported as synced, and nothing worse since.
    pub(super) fn is_synced(&self) -> bool {
        let ready = of_type(&self.reporter.last().conditions, "Ready");
        self.reporter.is_acknowledged() && ready.is_some_and(|ready| ready.status == "True")
    }

    /// Reports `ready_state`. Returns whether it was written. `stale_after` is how long a mirror may stay unconfirmed.
    pub(super) async fn report<T>(
        &mut self,
        env: &Env<C, T>,
        watch: &ClusterWatch,
        target: &MirrorTarget,
        stale_after: Duration,
        ready_state: &ReadyState,
    ) -> bool {
        self.inputs.stale_after = stale_after;
        if *ready_state != ReadyState::Progressing(String::new())
            && env.index.is_listed(&target.namespace)
        {
            self.roll_up(&env.index, target);
        }
        let (now, elapsed) = (env.clock.now(), env.clock.elapsed());
        let before = Shown::by(self.reporter.last());
        let report = self
            .reporter
            .report(ready_state, &self.inputs, now, elapsed);
        let written = report.await;
        self.meter.stands(&self.reporter.last().conditions);
        if *ready_state != ReadyState::Suspended {
            self.meter.stale_after(env.clock.elapsed(), stale_after);
        }
        if let Err(error) = &written {
            tracing::warn!(%error, "failed to write the status; retrying at the next sync");
        } else {
            let drafts = events::of_report(&before, &Shown::by(self.reporter.last()));
            env.events.of_watch(watch, drafts);
        }
        written.is_ok()
    }

    /// Counts the mirrors, unless none of them has changed since.
    fn roll_up(&mut self, index: &Index, target: &MirrorTarget) {
        let (namespace, cluster) = (&target.namespace, &target.cluster);
        let changed = index.changed(namespace, cluster);
        if self.rolled_up.replace(changed) != Some(changed) {
            let instance = target.instance.as_deref();
            self.inputs.rollup =
                Some(index.survey(namespace, cluster, instance, |all| rollup(all)));
        }
    }
}
