//! The election on a thread of its own, so that whatever keeps the others busy does not cost the Lease.

use std::{io, thread};

use tokio::{
    runtime::{Builder, Runtime},
    sync::{oneshot, watch},
};

use crate::{
    k8s::{leadership::Leadership, lease::Leases},
    leader::elector::{Elector, Lost},
};

/// What takes part in an election.
pub trait Election {
    /// Waits until this replica leads.
    ///
    /// # Errors
    /// It cannot lead any more.
    fn acquire(&mut self) -> impl Future<Output = Result<(), Lost>> + Send;
    /// Ends when leadership is lost.
    fn keep(&mut self) -> impl Future<Output = Lost> + Send;
    /// Gives leadership up, so that another replica need not wait.
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

/// What the thread is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// Not to take part.
    Idle,
    Lead,
    /// To give leadership up, and end.
    Release,
}

/// An [`Elector`] that runs on a thread of its own; the thread ends with it.
pub struct Apart {
    wish: watch::Sender<Wish>,
    leads: watch::Receiver<bool>,
    lost: oneshot::Receiver<Lost>,
    pub(super) leadership: Leadership,
    /// For the log.
    lease: String,
}

impl Apart {
    /// Starts the thread, which makes its elector by `make`: on that thread, for a client's connections belong to the runtime
    /// that it was made in. `lease`: its namespace and name; `leadership` is what the election comes to.
    ///
    /// # Errors
    /// What `make` failed with; the system starts no thread.
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
        let (wish, wishes) = watch::channel(Wish::Idle);
        let (tell_leads, leads) = watch::channel(false);
        let (tell_lost, lost) = oneshot::channel();
        let (tell_made, made) = oneshot::channel();
        let body = async move {
            match make() {
                Err(error) => drop(tell_made.send(Err(error))),
                Ok(elector) => {
                    // Nobody waits any more: then the wishes have ended too.
                    let _ = tell_made.send(Ok(()));
                    run(elector, wishes, tell_leads, tell_lost).await;
                }
            }
        };
        let thread = thread::Builder::new().name("election".to_owned());
        thread.spawn(move || {
            runtime.block_on(body);
            // A name look-up that hangs must not keep the thread.
            runtime.shutdown_background();
        })?;
        let gone = |_| Err(io::Error::other("the thread of the election ended").into());
        made.await.unwrap_or_else(gone)?;
        Ok(Self {
            wish,
            leads,
            lost,
            leadership,
            lease,
        })
    }

    /// The thread is no more, and it did not say why: it panicked, which the log tells.
    fn gone(&self) -> Lost {
        self.leadership.end();
        Lost {
            lease: self.lease.clone(),
            why: "is renewed no more, because the thread that renews it panicked".to_owned(),
        }
    }
}

/// Does what is wished until that ends.
async fn run<L: Leases>(
    mut elector: Elector<L>,
    mut wishes: watch::Receiver<Wish>,
    leads: watch::Sender<bool>,
    lost: oneshot::Sender<Lost>,
) {
    let mut wish = *wishes.borrow_and_update();
    while wish != Wish::Release {
        let elect = async {
            if wish == Wish::Idle {
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
            changed = wishes.changed() => match changed {
                Ok(()) => wish = *wishes.borrow_and_update(),
                Err(_) => return,
            },
            told = elect => {
                // Nobody waits any more: then the wishes have ended too.
                let _ = lost.send(told);
                return;
            }
        }
    }
    elector.release().await;
}

impl Election for Apart {
    async fn acquire(&mut self) -> Result<(), Lost> {
        // Nobody hears it any more: told by what follows.
        let _ = self.wish.send(Wish::Lead);
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
        let _ = self.wish.send(Wish::Release);
        // Until the thread has ended.
        self.wish.closed().await;
    }
}
