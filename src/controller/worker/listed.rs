//! Nothing is planned before all mirrors are known.

use super::Worker;
use crate::{
    api::Reason, controller::status::build::ReadyState, k8s::api::KubeApi,
    sync::schedule::HEARTBEAT, together::Service,
};

impl<C: KubeApi, T: Service> Worker<C, T> {
    /// Waits until all mirrors of the `ClusterWatch` are known. If the API server does not allow listing them, that is
    /// reported meanwhile, unless `ready_state` is true regardless.
    pub(super) async fn listed(&mut self, ready_state: &ReadyState) {
        let (env, target) = (self.env.clone(), self.target.clone());
        let ready_state = match ready_state {
            ReadyState::Progressing(_) => ReadyState::Failing {
                reason: Reason::WriteFailed,
                message: format!(
                    "The operator has no access to Remediations in {}. Grant its service account list and watch there",
                    target.namespace
                ),
            },
            other => other.clone(),
        };
        let complete = || env.index.listed(&target.namespace);
        tokio::select! {
            biased;
            () = complete() => return,
            () = env.index.refused(&target.namespace) => {}
        }
        loop {
            self.report(&ready_state).await;
            tokio::select! {
                biased;
                () = complete() => return,
                () = env.clock.sleep_until(env.clock.elapsed() + HEARTBEAT) => {}
            }
        }
    }
}
