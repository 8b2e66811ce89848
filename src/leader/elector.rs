//! Leader election by Lease: one of all replicas that name the same Lease leads.
//!
//! As in client-go, a holder renews every 2 s and stops 10 s after it sent its last successful renewal. The others wait
//! until the Lease has not changed for its 15 s, by their own monotonic clocks. The 5 s in between are for writes in
//! flight; the fence of every write (uid and resourceVersion) protects against slower ones.
//!
//! docs/project/dependencies.md explains why no crate is used for it.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};

use crate::{
    clock::{Clock, MonoTime, jittered},
    k8s::{error::KubeApiError, leadership::Leadership, lease::Leases},
    leader::{
        decision::{Decision, LEASE_DURATION, holder, released, renewed_spec},
        known_lease::KnownLease,
    },
};

/// How long after it sent its last successful renewal a holder stops.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// Time between two reads of the Lease, with a jitter of 5 %.
const RETRY_PERIOD: Duration = Duration::from_secs(2);
/// Timeout of one request: half the deadline, so that a second one fits after one that hangs.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a release is retried if it conflicts with a renewal in flight.
const RELEASE_TRIES: usize = 3;

/// Leadership was lost unintentionally.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("lost leadership: the Lease {lease} {why}; exiting so that only one replica writes")]
pub struct Lost {
    /// Namespace and name of the Lease.
    pub lease: String,
    /// What happened to it.
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
    known: KnownLease,
    filled: Box<dyn Fn() -> bool + Send + Sync>,
    rewound: Box<dyn Fn() + Send + Sync>,
}

impl<L: Leases> Elector<L> {
    /// An elector for the replica `me`, whose name must be unique. `lease` is the namespace and name behind `leases`;
    /// `leadership` passes the result to the writers.
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
            known: KnownLease::default(),
            filled: Box::new(|| true),
            rewound: Box::new(|| {}),
        }
    }

    /// The same; it takes the Lease only while this replica is `filled`, that is, knows enough to lead. Calls `rewound`
    /// whenever the Lease is older than before, because etcd was restored.
    #[must_use]
    pub fn guarded(
        mut self,
        filled: impl Fn() -> bool + Send + Sync + 'static,
        rewound: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        (self.filled, self.rewound) = (Box::new(filled), Box::new(rewound));
        self
    }

    /// Acquires leadership. Failures are logged and retried.
    pub async fn acquire(&mut self) {
        let mut last = String::new();
        for attempt in 0.. {
            let outcome = self.attempt(false, self.call_deadline()).await;
            let (current, failed) = match outcome {
                Ok(Decision::Acquire) => {
                    tracing::info!(lease = %self.lease, identity = %self.me, "leading");
                    return;
                }
                // Another standby was faster: the next read shows which.
                Err(KubeApiError::Conflict) | Ok(Decision::Unready) => (last.clone(), false),
                Ok(_) => (self.known.holder().to_owned(), false),
                Err(error) => (error.to_string(), true),
            };
            if current != last && failed {
                tracing::warn!(lease = %self.lease, error = %current, "failed to acquire the Lease; retrying. Check that the service account may get, create and update leases in this namespace");
            } else if current != last {
                tracing::info!(lease = %self.lease, holder = %current, "standing by; another replica leads");
            }
            last = current;
            let pause = jittered(RETRY_PERIOD, &self.me, attempt);
            self.clock.sleep_until(self.clock.elapsed() + pause).await;
        }
    }

    /// Renews until leadership is lost.
    pub async fn keep(&mut self) -> Lost {
        let mut failure = None;
        for attempt in 0.. {
            let until = self.leadership.until();
            let pause = jittered(RETRY_PERIOD, &self.me, attempt);
            let next = until.min(self.clock.elapsed() + pause);
            self.clock.sleep_until(next).await;
            if !self.leadership.holds() {
                break;
            }
            match self.renew(until.min(self.call_deadline())).await {
                Ok(Decision::Renew) => failure = None,
                Ok(_) => {
                    self.leadership.end();
                    let why = match self.known.holder() {
                        "" => "no longer has a holder".to_owned(),
                        other => format!("is now held by {other}"),
                    };
                    return self.lost(why);
                }
                Err(error) => {
                    tracing::warn!(lease = %self.lease, %error, "failed to renew the Lease; retrying");
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

    /// Releases leadership, so that another replica need not wait. It starts no write from then on.
    pub async fn release(&mut self) {
        self.leadership.end();
        let deadline = self.call_deadline();
        for _ in 0..RELEASE_TRIES {
            match self.give_up(deadline).await {
                Ok(()) => return,
                Err(KubeApiError::Conflict) => {}
                Err(error) => {
                    tracing::warn!(lease = %self.lease, %error, "failed to release the Lease; another replica takes over in {} s", LEASE_DURATION.as_secs());
                    return;
                }
            }
        }
    }

    async fn give_up(&mut self, deadline: MonoTime) -> Result<(), KubeApiError> {
        let now = self.clock.now();
        let Some(lease) = self.bounded(deadline, self.leases.get()).await? else {
            if self.known.is_creation_in_flight() {
                // Replaces our creation, which may still be in flight and then comes too late.
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

    /// Reads the Lease and acts on it.
    async fn attempt(
        &mut self,
        leading: bool,
        deadline: MonoTime,
    ) -> Result<Decision, KubeApiError> {
        let lease = self.bounded(deadline, self.leases.get()).await?;
        if let Some(lease) = &lease {
            self.compare(lease);
        }
        let now = self.clock.elapsed();
        self.known.observe(lease.as_ref(), now);
        let decision = self.known.decide(&self.me, leading, now);
        if matches!(decision, Decision::Wait | Decision::Lost) {
            return Ok(decision);
        }
        // Checked after the read, which may have shown that everything must be listed again.
        if decision == Decision::Acquire && !(self.filled)() {
            return Ok(Decision::Unready);
        }
        self.write(lease, deadline).await?;
        Ok(decision)
    }

    /// Renews the Lease that was written last, without a read if no other replica can have changed it.
    async fn renew(&mut self, deadline: MonoTime) -> Result<Decision, KubeApiError> {
        if let Some(lease) = self.known.take_written() {
            match self.write(Some(lease), deadline).await {
                Err(KubeApiError::Conflict | KubeApiError::NotFound) => {}
                done => return done.map(|()| Decision::Renew),
            }
        }
        self.attempt(true, deadline).await
    }

    /// Writes our name and the time into the Lease `lease`; `None`: creates it.
    async fn write(
        &mut self,
        lease: Option<Lease>,
        deadline: MonoTime,
    ) -> Result<(), KubeApiError> {
        let before = lease.as_ref().and_then(|lease| lease.spec.as_ref());
        let spec = renewed_spec(before, &self.me, self.clock.now());
        let sent = self.clock.elapsed();
        let written = if let Some(lease) = lease {
            let lease = Lease {
                spec: Some(spec),
                ..lease
            };
            self.bounded(deadline, self.leases.replace(&lease)).await?
        } else {
            self.known.creation_sent();
            self.bounded(deadline, self.leases.create(spec)).await?
        };
        self.compare(&written);
        self.known.wrote(written);
        self.leadership.extend(sent + RENEW_DEADLINE);
        Ok(())
    }

    /// Compares the Lease with earlier responses.
    fn compare(&mut self, lease: &Lease) {
        if self.known.went_back(lease) {
            (self.rewound)();
        }
    }

    /// The response of `call`, unless `deadline` passes first. Nothing starts after it.
    async fn bounded<T>(
        &self,
        deadline: MonoTime,
        call: impl Future<Output = Result<T, KubeApiError>>,
    ) -> Result<T, KubeApiError> {
        let late = || Err(KubeApiError::Unavailable("no response in time".to_owned()));
        if self.clock.elapsed() >= deadline {
            return late();
        }
        tokio::select! {
            biased;
            () = self.clock.sleep_until(deadline) => late(),
            answer = call => answer,
        }
    }

    fn call_deadline(&self) -> MonoTime {
        self.clock.elapsed() + CALL_TIMEOUT
    }

    fn lost(&self, why: String) -> Lost {
        Lost {
            lease: self.lease.clone(),
            why,
        }
    }
}

/// A unique name for this replica: the host's name (in a pod, the pod's) and a random part.
#[must_use]
pub fn identity() -> String {
    let host = hostname::get().unwrap_or_default();
    format!("{}_{}", host.to_string_lossy(), uuid::Uuid::new_v4())
}
