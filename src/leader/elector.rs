//! Leader election by Lease: of all replicas that name the same one, a single one leads.
//!
//! As client-go does it: a holder renews every 2 s and stops 10 s after its last renewal was sent; others wait until the
//! Lease has stood unchanged for its 15 s, by their own monotonic clocks. The 5 s between the two are for writes under way,
//! and the fence of every write (uid and resourceVersion) is for what is slower.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};

use crate::{
    clock::{Clock, jittered},
    k8s::{api::KubeApiError, leadership::Leadership, lease::Leases},
    leader::decision::{Decision, ObservedLease, decide, held, holder, released, sighted},
};

/// How long a holder counts after a renewal.
pub(crate) const LEASE_DURATION: Duration = Duration::from_secs(15);
/// How long after sending its last good renewal a holder stops.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// Between two looks at the Lease; replicas spread theirs by 5 %.
const RETRY_PERIOD: Duration = Duration::from_secs(2);
/// What one call may take: half the deadline, so that one that hangs can be followed by another.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How often giving up is tried where a renewal under way comes in between.
const RELEASE_TRIES: usize = 3;

/// Leadership came to an end that nobody here asked for.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("leadership is lost: the Lease {lease} {why}. Ended, so that one replica alone writes")]
pub struct Lost {
    /// Namespace and name of the Lease.
    pub lease: String,
    /// What became of it.
    pub why: String,
}

/// One replica's part in the election.
pub struct Elector<L> {
    leases: L,
    /// Namespace and name, for the log.
    lease: String,
    me: String,
    clock: Arc<dyn Clock>,
    leadership: Leadership,
    seen: Option<ObservedLease>,
    /// The Lease as this replica last wrote it.
    written: Option<Lease>,
    /// It was to be created, and no answer has come.
    creating: bool,
    /// The newest resourceVersion of the Lease that an answer has shown.
    newest: u64,
    filled: Box<dyn Fn() -> bool + Send + Sync>,
    rewound: Box<dyn Fn() + Send + Sync>,
}

impl<L: Leases> Elector<L> {
    /// An elector for the replica `me`, which no other replica may be called. `lease`: namespace and name of what is
    /// behind `leases`; `leadership` tells the writers what the election comes to.
    #[must_use]
    pub fn new(
        leases: L,
        lease: String,
        me: String,
        clock: Arc<dyn Clock>,
        leadership: Leadership,
    ) -> Self {
        Self {
            leases,
            lease,
            me,
            clock,
            leadership,
            seen: None,
            written: None,
            creating: false,
            newest: 0,
            filled: Box::new(|| true),
            rewound: Box::new(|| {}),
        }
    }

    /// The same, which takes the Lease only while this replica is `filled`: it knows what it must know to lead. Calls
    /// `rewound` whenever the Lease is older than it was before: etcd was restored.
    #[must_use]
    pub fn guarded(
        mut self,
        filled: impl Fn() -> bool + Send + Sync + 'static,
        rewound: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        (self.filled, self.rewound) = (Box::new(filled), Box::new(rewound));
        self
    }

    /// Waits until this replica leads. Faults of the cluster are logged and waited out.
    pub async fn acquire(&mut self) {
        let mut told = String::new();
        for look in 0.. {
            let outcome = self.attempt(false, self.call_deadline()).await;
            let (news, failed) = match outcome {
                Ok(Decision::Acquire) => {
                    tracing::info!(lease = %self.lease, identity = %self.me, "leading");
                    return;
                }
                // Another standby was quicker: the next look tells who.
                Err(KubeApiError::Conflict) | Ok(Decision::Unready) => (told.clone(), false),
                Ok(_) => (self.holder().to_owned(), false),
                Err(error) => (error.to_string(), true),
            };
            if news != told && failed {
                tracing::warn!(lease = %self.lease, error = %news, "the Lease cannot be had, and is tried again; it takes the rights to get, create and update leases in its namespace");
            } else if news != told {
                tracing::info!(lease = %self.lease, holder = %news, "standing by: another replica leads");
            }
            told = news;
            let pause = jittered(RETRY_PERIOD, &self.me, look);
            self.clock.sleep_until(self.clock.elapsed() + pause).await;
        }
    }

    /// Renews until leadership is lost.
    pub async fn keep(&mut self) -> Lost {
        let mut failure = None;
        for look in 0.. {
            let until = self.leadership.until();
            let pause = jittered(RETRY_PERIOD, &self.me, look);
            let next = until.min(self.clock.elapsed() + pause);
            self.clock.sleep_until(next).await;
            if !self.leadership.holds() {
                break;
            }
            match self.renew(until.min(self.call_deadline())).await {
                Ok(Decision::Renew) => failure = None,
                Ok(_) => {
                    self.leadership.end();
                    let why = match self.holder() {
                        "" => "names no holder any more".to_owned(),
                        other => format!("names {other} now"),
                    };
                    return self.lost(why);
                }
                Err(error) => {
                    tracing::warn!(lease = %self.lease, %error, "the Lease could not be renewed and is tried again");
                    failure = Some(error);
                }
            }
        }
        self.leadership.end();
        let failure = failure.map(|error| format!(" ({error})"));
        self.lost(format!(
            "was not renewed for {} s{}",
            RENEW_DEADLINE.as_secs(),
            failure.unwrap_or_default()
        ))
    }

    /// Gives leadership up, so that another replica need not wait. From its first instant on nothing more is written.
    pub async fn release(&mut self) {
        self.leadership.end();
        let deadline = self.call_deadline();
        for _ in 0..RELEASE_TRIES {
            match self.give_up(deadline).await {
                Ok(()) => return,
                Err(KubeApiError::Conflict) => {}
                Err(error) => {
                    tracing::warn!(lease = %self.lease, %error, "the Lease was not released: another replica leads after {} s", LEASE_DURATION.as_secs());
                    return;
                }
            }
        }
    }

    async fn give_up(&mut self, deadline: Duration) -> Result<(), KubeApiError> {
        let now = self.clock.now();
        let Some(lease) = self.bounded(deadline, self.leases.get()).await? else {
            if self.creating {
                // So that ours, where it is still under way, comes too late.
                let spec = released(&LeaseSpec::default(), now);
                self.bounded(deadline, self.leases.create(spec)).await?;
            }
            return Ok(());
        };
        let spec = lease.spec.clone().unwrap_or_default();
        if holder(&spec) != Some(&self.me) {
            return Ok(());
        }
        let lease = Lease {
            spec: Some(released(&spec, now)),
            ..lease
        };
        self.bounded(deadline, self.leases.replace(&lease)).await?;
        tracing::info!(lease = %self.lease, "released");
        Ok(())
    }

    /// Looks at the Lease and does what it calls for.
    async fn attempt(
        &mut self,
        leading: bool,
        deadline: Duration,
    ) -> Result<Decision, KubeApiError> {
        let lease = self.bounded(deadline, self.leases.get()).await?;
        if let Some(lease) = &lease {
            self.compare(lease);
        }
        let now = self.clock.elapsed();
        let answer = lease
            .as_ref()
            .map(|lease| lease.spec.clone().unwrap_or_default());
        self.seen = sighted(self.seen.take(), answer, now);
        let decision = decide(&self.me, leading, self.seen.as_ref(), now);
        if matches!(decision, Decision::Wait | Decision::Lost) {
            return Ok(decision);
        }
        // Asked after the look, which may have shown that what is known must be listed again.
        if decision == Decision::Acquire && !(self.filled)() {
            return Ok(Decision::Unready);
        }
        self.write(lease, deadline).await?;
        Ok(decision)
    }

    /// Renews what was written last, which nobody may have touched since; else looks at the Lease first.
    async fn renew(&mut self, deadline: Duration) -> Result<Decision, KubeApiError> {
        if let Some(lease) = self.written.take() {
            match self.write(Some(lease), deadline).await {
                Err(KubeApiError::Conflict | KubeApiError::NotFound) => {}
                done => return done.map(|()| Decision::Renew),
            }
        }
        self.attempt(true, deadline).await
    }

    /// Puts our name and this time into the Lease as it was in `lease`; `None`: it is created.
    async fn write(
        &mut self,
        lease: Option<Lease>,
        deadline: Duration,
    ) -> Result<(), KubeApiError> {
        let before = lease.as_ref().and_then(|lease| lease.spec.as_ref());
        let spec = held(before, &self.me, self.clock.now());
        let sent = self.clock.elapsed();
        let written = if let Some(lease) = lease {
            let lease = Lease {
                spec: Some(spec),
                ..lease
            };
            self.bounded(deadline, self.leases.replace(&lease)).await?
        } else {
            self.creating = true;
            self.bounded(deadline, self.leases.create(spec)).await?
        };
        self.compare(&written);
        self.creating = false;
        self.leadership.extend(sent + RENEW_DEADLINE);
        self.written = Some(written);
        Ok(())
    }

    /// Compares the Lease with what answers have shown of it before.
    fn compare(&mut self, lease: &Lease) {
        let version = lease.metadata.resource_version.as_deref();
        let Some(version) = version.and_then(|version| version.parse().ok()) else {
            return;
        };
        if version < self.newest {
            (self.rewound)();
        }
        self.newest = version;
    }

    /// An answer of `call`, unless `deadline` (monotonic) comes first; past it nothing is begun.
    async fn bounded<T>(
        &self,
        deadline: Duration,
        call: impl Future<Output = Result<T, KubeApiError>>,
    ) -> Result<T, KubeApiError> {
        let late = || Err(KubeApiError::Unavailable("no answer in time".to_owned()));
        if self.clock.elapsed() >= deadline {
            return late();
        }
        tokio::select! {
            biased;
            () = self.clock.sleep_until(deadline) => late(),
            answer = call => answer,
        }
    }

    fn call_deadline(&self) -> Duration {
        self.clock.elapsed() + CALL_TIMEOUT
    }

    /// Who was last seen to hold it; empty: nobody.
    fn holder(&self) -> &str {
        let seen = self.seen.as_ref();
        seen.and_then(|seen| holder(&seen.spec)).unwrap_or_default()
    }

    fn lost(&self, why: String) -> Lost {
        Lost {
            lease: self.lease.clone(),
            why,
        }
    }
}

/// A name for this replica that no other has: the host's (in a pod, the pod's) and a random part.
#[must_use]
pub fn identity() -> String {
    let host = hostname::get().unwrap_or_default();
    format!("{}_{}", host.to_string_lossy(), uuid::Uuid::new_v4())
}
