//! A `ClusterWatch` with a missing or unusable Secret: the Secret is read repeatedly, and the Together API is not
//! called.

use super::{ReadyState, Worker};
use crate::{
    controller::status::late_secret,
    k8s::api::KubeApi,
    sync::{SyncContext, credentials::CredentialsError, look_for_key},
    together::Service,
};

impl<C: KubeApi, T: Service> Worker<C, T> {
    /// The state for lack of an API key, if `error` or the status says that the Secret is unusable. A failing API
    /// server gives no new information about the Secret.
    pub(super) fn keyless(&self, error: &CredentialsError) -> Option<ReadyState> {
        let reported = || late_secret::reported(self.status.reporter.last());
        let reason = error.reason().or_else(reported)?;
        let message = error.to_string();
        Some(ReadyState::Keyless { reason, message })
    }

    /// Starts with the Secret if it was unusable in the last status. Any other state reported first by a new generation
    /// or process would lose the start of the grace period.
    pub(super) async fn check_secret_first(&mut self) {
        let missed = late_secret::reported(self.status.reporter.last()).is_some();
        let keyless = if missed {
            self.recheck_secret(None).await
        } else {
            None
        };
        if missed || !self.status.reporter.is_acknowledged() {
            let progressing = ReadyState::Progressing(String::new());
            self.report(keyless.as_ref().unwrap_or(&progressing)).await;
        }
        self.adopt().await;
        if let Some(ready_state) = keyless {
            self.wait_for_key(ready_state).await;
        }
    }

    /// Waits until the Secret is usable, or a sync is requested; `ready_state` is the state until then.
    pub(super) async fn wait_for_key(&mut self, mut ready_state: ReadyState) {
        let clock = self.env.clock.clone();
        let earliest = self.sync_state.full_allowed_at();
        loop {
            let until = self.sync_state.secret.again;
            self.sync_state.observer.heartbeat.rest_until(until);
            tokio::select! {
                biased;
                () = clock.sleep_until(until) => {}
                () = self.env.index.listed_after(self.store_seen.surveyed) => {}
                () = self.schedule.requests.wait(&*clock, earliest) => break,
            }
            if clock.elapsed() >= until {
                self.sync_state.observer.heartbeat.touch();
                let Some(newer) = self.recheck_secret(Some(&ready_state)).await else {
                    // The sync that follows may take long, so the status is written first.
                    self.report(&ReadyState::Progressing(String::new())).await;
                    break;
                };
                ready_state = newer;
            }
            self.mark_stale(clock.elapsed()).await;
            self.adopt_late_ones(false).await;
            self.report(&ready_state).await;
        }
        self.sync_state.observer.heartbeat.touch();
    }

    /// Reads the Secret and returns the state, which was `before`. Only changes are logged.
    async fn recheck_secret(&mut self, before: Option<&ReadyState>) -> Option<ReadyState> {
        let ctx = SyncContext {
            env: &*self.env,
            spec: &self.watch.spec,
            target: &self.target,
            cadence: &self.schedule.cadence,
        };
        let looked = look_for_key(ctx, &mut self.sync_state).await;
        let Err(error) = looked else {
            tracing::info!("the Secret is usable now");
            return None;
        };
        let ready_state = self.keyless(&error);
        if ready_state.as_ref() == before {
            tracing::debug!(%error, "the Secret is still not usable");
        } else {
            tracing::warn!(%error, "the Secret is not usable");
        }
        ready_state
    }
}
