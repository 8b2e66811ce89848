//! A `ClusterWatch` whose Secret is missing or cannot be used: it is read again and again, and the Together API left alone.

use kube::ResourceExt;

use super::{Standing, Task};
use crate::{
    controller::status::late_secret,
    k8s::api::Cluster,
    sync::{credentials::CredentialsError, look_for_key},
    together::Service,
};

impl<C: Cluster, T: Service> Task<C, T> {
    /// How the watch stands for want of a key, where `error` or the status says that the Secret cannot be used: an API server
    /// that does not answer says nothing newer of it.
    pub(super) fn keyless(&self, error: &CredentialsError) -> Option<Standing> {
        let told = || late_secret::told(self.reporter.last());
        let reason = late_secret::reason(error).or_else(told)?;
        let message = error.to_string();
        Some(Standing::Keyless { reason, message })
    }

    /// Begins with the Secret where it could not be used when the last word was written: a new generation or process that said
    /// anything else first would forget since when.
    pub(super) async fn look_first(&mut self) {
        let missed = late_secret::told(self.reporter.last()).is_some();
        let keyless = if missed {
            self.look_again(None).await
        } else {
            None
        };
        if missed || !self.reporter.is_acknowledged() {
            let progressing = Standing::Progressing(String::new());
            self.report(keyless.as_ref().unwrap_or(&progressing)).await;
        }
        self.adopt().await;
        if let Some(standing) = keyless {
            self.wait_for_key(standing).await;
        }
    }

    /// Waits until the Secret can be used, or somebody asks for a poll; `standing`: how the watch stands until then.
    pub(super) async fn wait_for_key(&mut self, mut standing: Standing) {
        let clock = self.tools.clock.clone();
        let earliest = self.memory.may_list_all_at();
        loop {
            let until = self.memory.secret.again;
            self.memory.pulse.rest_until(until);
            tokio::select! {
                biased;
                () = clock.sleep_until(until) => {}
                () = self.tools.index.listed_after(self.memory.surveyed) => {}
                () = self.requests.wait(&*clock, earliest) => break,
            }
            if clock.elapsed() >= until {
                self.memory.pulse.beat();
                let Some(newer) = self.look_again(Some(&standing)).await else {
                    // The listing that follows may take long.
                    self.report(&Standing::Progressing(String::new())).await;
                    break;
                };
                standing = newer;
            }
            self.mark_stale(clock.elapsed()).await;
            self.adopt_late_ones(false).await;
            self.report(&standing).await;
        }
        self.memory.pulse.beat();
    }

    /// Reads the Secret: how the watch stands for want of a key, `before` and now. The log tells of what changed alone.
    async fn look_again(&mut self, before: Option<&Standing>) -> Option<Standing> {
        let (name, namespace) = (self.watch.name_any(), self.scope.namespace.clone());
        let (tools, spec) = (&self.tools, &self.watch.spec);
        let looked = look_for_key(tools, spec, &self.scope, &mut self.memory).await;
        let Err(error) = looked else {
            tracing::info!(watch = %name, %namespace, "the Secret can be used now");
            return None;
        };
        let standing = self.keyless(&error);
        if standing.as_ref() == before {
            tracing::debug!(watch = %name, %namespace, %error, "still no API key");
        } else {
            tracing::warn!(watch = %name, %namespace, %error, "no API key");
        }
        standing
    }
}
