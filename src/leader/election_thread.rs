//! Runs the election on its own thread, so that a busy runtime does not lose the Lease.

use std::{io, thread};

use tokio::{
    runtime::{Builder, Runtime},
    sync::{oneshot, watch},
};

use crate::{
    k8s::{leadership::Leadership, lease::Leases},
    leader::elector::{Elector, Lost},
};

/// A participant of an election.
pub trait Election {
    /// Waits until this replica leads.
    ///
    /// # Errors
    /// It can no longer lead.
    fn acquire(&mut self) -> impl Future<Output = Result<(), Lost>> + Send;
    /// Resolves when leadership is lost.
    fn keep(&mut self) -> impl Future<Output = Lost> + Send;
    /// Releases leadership, so that another replica need not wait.
    fn release(&mut self) -> impl Future<Output = ()> + Send;
}

impl<L: Leases> Election for Elector<L> {
    async fn acquire(&mut self) -> Result<(), Lost> {
        Elector::acquire(self).await;
        Ok(())
    }

    async fn keep(&mut self) -> Lost {
        Elector::keep(self).await
    }

    async fn release(&mut self) {
        Elector::release(self).await;
    }
}

/// What the thread should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    /// Not participate.
    Idle,
    Lead,
    /// Release leadership, and end.
    Release,
}

/// An [`Elector`] on its own thread, which ends with it.
pub struct ElectionThread {
    goal: watch::Sender<Goal>,
    leads: watch::Receiver<bool>,
    lost: oneshot::Receiver<Lost>,
    pub(super) leadership: Leadership,
    /// For the log.
    lease: String,
}

impl ElectionThread {
    /// Starts the thread, which creates its elector with `make` there, because a client's connections belong to the
    /// runtime that created it. `lease` is its namespace and name; `leadership` receives the result of the election.
    ///
    /// # Errors
    /// The error of `make`, or the system cannot start a thread.
    pub async fn start<L, E>(
        lease: String,
        leadership: Leadership,
        make: impl FnOnce() -> Result<Elector<L>, E> + Send + 'static,
    ) -> Result<Self, E>
    where
        L: Leases + 'static,
        E: From<io::Error> + Send + 'static,
    {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Self::start_on(runtime, lease, leadership, make).await
    }

    pub(super) async fn start_on<L, E>(
        runtime: Runtime,
        lease: String,
        leadership: Leadership,
        make: impl FnOnce() -> Result<Elector<L>, E> + Send + 'static,
    ) -> Result<Self, E>
    where
        L: Leases + 'static,
        E: From<io::Error> + Send + 'static,
    {
        let (goal, goals) = watch::channel(Goal::Idle);
        let (leads_sender, leads) = watch::channel(false);
        let (lost_sender, lost) = oneshot::channel();
        let (made_sender, made) = oneshot::channel();
        let body = async move {
            match make() {
                Err(error) => drop(made_sender.send(Err(error))),
                Ok(elector) => {
                    // No receiver is left: then the requests have ended too.
                    let _ = made_sender.send(Ok(()));
                    run(elector, goals, leads_sender, lost_sender).await;
                }
            }
        };
        let thread = thread::Builder::new().name("election".to_owned());
        thread.spawn(move || {
            runtime.block_on(body);
            // A hanging DNS lookup must not keep the thread alive.
            runtime.shutdown_background();
        })?;
        let gone = |_| Err(io::Error::other("the leader election thread exited").into());
        made.await.unwrap_or_else(gone)?;
        Ok(Self {
            goal,
            leads,
            lost,
            leadership,
            lease,
        })
    }

    /// The thread ended without a reason: it panicked, and the log shows where.
    fn gone(&self) -> Lost {
        self.leadership.end();
        Lost {
            lease: self.lease.clone(),
            why: "is no longer renewed, because the renewal thread panicked".to_owned(),
        }
    }
}

/// Follows the goals until their sender is gone.
async fn run<L: Leases>(
    mut elector: Elector<L>,
    mut goals: watch::Receiver<Goal>,
    leads: watch::Sender<bool>,
    lost: oneshot::Sender<Lost>,
) {
    let mut goal = *goals.borrow_and_update();
    while goal != Goal::Release {
        let elect = async {
            if goal == Goal::Idle {
                return std::future::pending().await;
            }
            if !*leads.borrow() {
                elector.acquire().await;
                leads.send_replace(true);
            }
            elector.keep().await
        };
        tokio::select! {
            biased;
            changed = goals.changed() => match changed {
                Ok(()) => goal = *goals.borrow_and_update(),
                Err(_) => return,
            },
            reason = elect => {
                // No receiver is left: then the requests have ended too.
                let _ = lost.send(reason);
                return;
            }
        }
    }
    elector.release().await;
}

impl Election for ElectionThread {
    async fn acquire(&mut self) -> Result<(), Lost> {
        // No receiver is left; the next step reports it.
        let _ = self.goal.send(Goal::Lead);
        match self.leads.wait_for(|leads| *leads).await.map(drop) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.gone()),
        }
    }

    async fn keep(&mut self) -> Lost {
        match (&mut self.lost).await {
            Ok(lost) => lost,
            Err(_) => self.gone(),
        }
    }

    async fn release(&mut self) {
        let _ = self.goal.send(Goal::Release);
        // Until the thread has ended.
        self.goal.closed().await;
    }
}
