//! Kubernetes as seen by one process. A request takes effect even if the process no longer waits for it.

use std::{sync::Arc, time::Duration};

use futures::FutureExt;
use k8s_openapi::{api::core::v1::Secret, jiff::SignedDuration};
use kube::ResourceExt;
use serde_json::Value;
use tokio::{sync::oneshot, time::sleep};

use super::{
    answered::Evidence,
    faults::KubeFault,
    life::{Life, Phase},
    world::World,
};
use crate::{
    api::{cluster_watch::ClusterWatch, remediation::Remediation},
    clock::MonoTime,
    k8s::{
        api::KubeApi, error::KubeApiError, gate::Gate, leadership::Leadership,
        throttle::RetryAfterGate,
    },
    testing::cluster::MemoryKubeApi,
};

/// Duration of a request, in both directions.
const LATENCY: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Create,
    Status,
    Patch,
    Delete,
    WatchStatus,
    Read,
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Op {
    pub(super) verb: Verb,
    pub(super) name: String,
    /// The resourceVersion that it was based on.
    pub(super) fence: Option<u64>,
    pub(super) slot: usize,
    /// When it was sent.
    pub(super) sent: MonoTime,
    /// Whether the process was the leader then.
    pub(super) led: bool,
    /// How far its wall clock was ahead then.
    pub(super) ahead: SignedDuration,
    /// The newest resourceVersion in its responses then.
    pub(super) known: Option<u64>,
    /// What the API had proven then.
    pub(super) evidence: Evidence,
}

#[derive(Clone)]
pub(super) struct Reach {
    worlds: Vec<Arc<World>>,
    life: Arc<Life>,
    leadership: Leadership,
    retry_after: RetryAfterGate,
    gate: Gate,
}

type Answer<T> = Result<T, KubeApiError>;

impl Reach {
    pub(super) fn new(worlds: Vec<Arc<World>>, life: Arc<Life>, leadership: Leadership) -> Self {
        let retry_after = RetryAfterGate::default();
        let gate = Gate::new(retry_after.clone(), None, leadership.clone());
        Self {
            worlds,
            life,
            leadership,
            retry_after,
            gate,
        }
    }

    fn world(&self, namespace: Option<&str>) -> &Arc<World> {
        let mut worlds = self.worlds.iter();
        worlds
            .find(|world| Some(world.namespace) == namespace)
            .unwrap()
    }

    async fn send<T: Send + 'static>(
        &self,
        world: &Arc<World>,
        verb: Verb,
        name: String,
        fence: Option<u64>,
        act: impl Fn(&MemoryKubeApi) -> Answer<T> + Clone + Send + Sync + 'static,
    ) -> Answer<T> {
        let slot = self.life.slot;
        let op = Op {
            known: world.with(|state, _| state.judge.known(slot, &name)),
            evidence: world.with(|state, _| state.answered.evidence(&name)),
            verb,
            name,
            fence,
            slot,
            sent: world.now(),
            led: self.leadership.holds(),
            ahead: self.life.ahead.get(),
        };
        let fault = world.with(|state, _| state.faults.kube(&mut state.rng));
        let reads = verb == Verb::Read;
        let fault = fault.filter(|fault| (*fault == KubeFault::Unreadable) == reads);
        let rights = !world.refused.get();
        let unwritable = || world.with(|state, _| state.faults.is_unwritable(&op.name));
        let lands = match fault {
            _ if !rights => Err(KubeApiError::Refused("forbidden".to_owned())),
            _ if verb != Verb::WatchStatus && !reads && unwritable() => {
                Err(KubeApiError::Refused("admission".to_owned()))
            }
            Some(KubeFault::Refused) => Err(KubeApiError::Refused("quota".to_owned())),
            Some(KubeFault::Conflict) => Err(KubeApiError::Conflict),
            Some(KubeFault::Throttled(_)) => Err(KubeApiError::Busy("429".to_owned())),
            Some(KubeFault::Unavailable | KubeFault::Unreadable) => Err(down()),
            _ => Ok(()),
        };
        let known = op.clone();
        let (sender, receiver) = oneshot::channel();
        let (at, life) = (world.clone(), self.life.clone());
        tokio::spawn(async move {
            sleep(if let Some(KubeFault::Slow(seconds)) = fault {
                Duration::from_secs(seconds)
            } else {
                LATENCY
            })
            .await;
            let answer = match lands {
                Ok(()) => land(&at, &life, &op, act).await,
                Err(error) => Err(error),
            };
            let there = at.cluster.mirror(&op.name);
            // The receiver may be gone.
            let _ = sender.send((answer, there.as_ref().and_then(version)));
        });
        let (answer, there) = receiver.await.unwrap_or_else(|_| (Err(down()), None));
        self.life.runs().await;
        if let Some(KubeFault::Throttled(seconds)) = fault {
            self.retry_after.hold(Duration::from_secs(seconds));
        }
        // Reads decide nothing.
        if answer.is_ok() && fault.is_none() && !reads {
            world.with(|state, _| state.judge.knows(&known, there));
        }
        match fault {
            Some(KubeFault::AnswerLost) => Err(down()),
            Some(KubeFault::NoAnswer) => std::future::pending().await,
            _ => answer,
        }
    }

    async fn write<T: Send + 'static>(
        &self,
        namespace: Option<&str>,
        verb: Verb,
        name: String,
        fence: Option<u64>,
        act: impl Fn(&MemoryKubeApi) -> Answer<T> + Clone + Send + Sync + 'static,
    ) -> Answer<T> {
        self.life.runs().await;
        let world = self.world(namespace);
        let call = || self.send(world, verb, name.clone(), fence, act.clone());
        self.gate.write(call).await
    }

    async fn read<T: Send + 'static>(
        &self,
        namespace: &str,
        name: &str,
        act: impl Fn(&MemoryKubeApi) -> Answer<T> + Clone + Send + Sync + 'static,
    ) -> Answer<T> {
        self.life.runs().await;
        let world = self.world(Some(namespace));
        let call = || self.send(world, Verb::Read, name.to_owned(), None, act.clone());
        self.gate.read(call).await
    }
}

fn down() -> KubeApiError {
    KubeApiError::Unavailable("down".to_owned())
}

/// The effect of the request on Kubernetes, unless it never left the process.
async fn land<T>(
    world: &World,
    life: &Life,
    op: &Op,
    act: impl FnOnce(&MemoryKubeApi) -> Answer<T>,
) -> Answer<T> {
    let unsent = life.phase() == Phase::Paused && world.with(|state, _| state.rng.bool());
    if unsent {
        life.unpaused().await;
    }
    if life.phase() == Phase::Dead && world.with(|state, _| state.rng.bool()) {
        return Err(down());
    }
    if op.verb == Verb::Read {
        return act(&world.cluster);
    }
    // A process may be killed before or after one of its writes.
    let crash = world.with(|state, _| state.judge.crash(op.slot));
    if crash == Some(false) {
        life.become_(Phase::Dead);
        return Err(down());
    }
    let before = world.cluster.mirror(&op.name);
    let answer = act(&world.cluster);
    if op.verb == Verb::WatchStatus {
        let answer = answer.as_ref().map(|_| ());
        world.with(|state, now| state.judge_report(&world.cluster, op, answer, now));
        world.watch_changes.modify(|count| *count += 1);
    } else {
        let after = world.cluster.mirror(&op.name);
        let answer = answer.as_ref().map(|_| ());
        world.with(|state, now| {
            state.judge_write(
                &world.cluster,
                op,
                before.as_ref(),
                after.as_ref(),
                answer,
                now,
            );
        });
        world.mirror_changes.modify(|count| *count += 1);
    }
    if crash.is_some() {
        life.become_(Phase::Dead);
    }
    answer
}

/// The result of a request to the model, which never waits.
fn now<T>(answer: impl Future<Output = Answer<T>>) -> Answer<T> {
    answer.now_or_never().unwrap()
}

fn version<K: ResourceExt>(object: &K) -> Option<u64> {
    object
        .resource_version()
        .map(|version| version.parse().unwrap())
}

impl KubeApi for Reach {
    async fn create(&self, mirror: &Remediation) -> Answer<Remediation> {
        let (mirror, namespace) = (mirror.clone(), mirror.namespace());
        self.write(
            namespace.as_deref(),
            Verb::Create,
            mirror.name_any(),
            None,
            move |cluster| now(cluster.create(&mirror)),
        )
        .await
    }

    async fn replace_status(&self, mirror: &Remediation) -> Answer<Remediation> {
        let (mirror, namespace) = (mirror.clone(), mirror.namespace());
        self.write(
            namespace.as_deref(),
            Verb::Status,
            mirror.name_any(),
            version(&mirror),
            move |cluster| now(cluster.replace_status(&mirror)),
        )
        .await
    }

    async fn patch(&self, namespace: &str, name: &str, patch: Value) -> Answer<Remediation> {
        let fence = patch["metadata"]["resourceVersion"].as_str();
        let fence = fence.map(|version| version.parse().unwrap());
        let of = name.to_owned();
        self.write(
            Some(namespace),
            Verb::Patch,
            name.to_owned(),
            fence,
            move |cluster| now(cluster.patch("", &of, patch.clone())),
        )
        .await
    }

    async fn delete(&self, namespace: &str, name: &str, uid: &str, version: u64) -> Answer<()> {
        let (of, uid) = (name.to_owned(), uid.to_owned());
        self.write(
            Some(namespace),
            Verb::Delete,
            name.to_owned(),
            Some(version),
            move |cluster| now(cluster.delete("", &of, &uid, version)),
        )
        .await
    }

    async fn get(&self, namespace: &str, name: &str) -> Answer<Remediation> {
        let of = name.to_owned();
        self.read(namespace, name, move |cluster| now(cluster.get("", &of)))
            .await
    }

    async fn get_watch(&self, namespace: &str, name: &str) -> Answer<ClusterWatch> {
        let of = name.to_owned();
        self.read(namespace, name, move |cluster| {
            now(cluster.get_watch("", &of))
        })
        .await
    }

    async fn replace_watch_status(&self, watch: &ClusterWatch) -> Answer<ClusterWatch> {
        self.life.runs().await;
        let (name, fence) = (watch.name_any(), version(watch));
        let watch_namespace = watch.namespace();
        let watch = watch.clone();
        let act = move |cluster: &MemoryKubeApi| now(cluster.replace_watch_status(&watch));
        let world = self.world(watch_namespace.as_deref());
        let call = || self.send(world, Verb::WatchStatus, name.clone(), fence, act.clone());
        self.gate.write_now(call).await
    }

    async fn secret(&self, namespace: &str, name: &str) -> Answer<Secret> {
        let slot = self.life.slot;
        self.world(Some(namespace))
            .with(|state, now| state.judge_secret_read(slot, now));
        self.read(namespace, name, move |cluster| now(cluster.secret("", "")))
            .await
    }
}
