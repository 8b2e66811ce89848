//! The Together API as seen by one process. Responses pass through the client's own parsing of statuses, headers and
//! bodies.

use std::{sync::Arc, time::Duration};

use hyper::body::Bytes;
use tokio::time::sleep;

use super::{
    faults::ApiFault,
    life::Life,
    wire::Response,
    world::{State, World},
};
use crate::{
    clock::{Clock, MonoTime},
    network::Cause,
    together::{
        Api, ApiClock, ApiKey, Budget, Budgets, Dialects, Error, Moment, Page, PageQuery, Rate,
        Remediation, Service, Skew, TransportError, decode_one, decode_page,
    },
};

/// Duration of a response.
pub(super) const LATENCY: Duration = Duration::from_millis(20);
/// The client's timeout.
pub(super) const CLIENT_TIMEOUT: Duration = Duration::from_secs(60);

/// The response (`None`: none), and its delay.
pub(super) type Answer = (Option<Response>, Duration);

/// The API as seen by one process.
pub(super) struct Remote {
    worlds: Vec<Arc<World>>,
    life: Arc<Life>,
    clock: Arc<dyn Clock>,
    skew: Skew,
    dialects: Dialects,
    budgets: Budgets,
}

impl Remote {
    pub(super) fn new(worlds: Vec<Arc<World>>, life: Arc<Life>, clock: Arc<dyn Clock>) -> Self {
        let rate = Rate {
            interval: Duration::from_millis(200),
            burst: 20,
        };
        Self {
            worlds,
            life,
            clock,
            skew: Skew::default(),
            dialects: Dialects::default(),
            budgets: Budgets::new(rate),
        }
    }
}

impl Service for Remote {
    type Api = Keyed;

    fn with_key(&self, key: &ApiKey) -> Keyed {
        Keyed {
            worlds: self.worlds.clone(),
            life: self.life.clone(),
            clock: self.clock.clone(),
            skew: self.skew.clone(),
            key: key.fingerprint(),
            budget: self.budgets.of(key.fingerprint()),
        }
    }

    fn dialects(&self) -> &Dialects {
        &self.dialects
    }

    fn clock(&self) -> ApiClock {
        self.skew.clock()
    }
}

#[derive(Clone)]
pub(super) struct Keyed {
    worlds: Vec<Arc<World>>,
    life: Arc<Life>,
    clock: Arc<dyn Clock>,
    skew: Skew,
    key: [u8; 32],
    budget: Arc<Budget>,
}

impl Keyed {
    fn world(&self, cluster: &str) -> &World {
        let mut worlds = self.worlds.iter();
        worlds.find(|world| world.together == cluster).unwrap()
    }

    /// One request: the body that `answer` returns, after the active fault and the delay.
    async fn call(
        &self,
        world: &World,
        what: impl FnOnce() -> String,
        id: Option<&str>,
        answer: impl FnOnce(&mut State, MonoTime) -> Answer,
    ) -> Result<Bytes, Error> {
        self.life.runs().await;
        self.budget.take().await?;
        let asked = Moment::of(&*self.clock);
        let panics = |state: &mut State| {
            let panics = &mut state.faults.panics;
            panics.take_if(|slot| *slot == self.life.slot).is_some()
        };
        if world.with(|state, _| panics(state)) {
            // As a panic, without its report.
            std::panic::resume_unwind(Box::new("planted"));
        }
        let (answer, takes) = world.with(|state, now| {
            state.judge_call(self.life.slot, now);
            let refused = state.refusal(&self.key);
            if let (Some(ApiFault::Forbidden), Some(id)) = (refused, id) {
                state.answered.forbid(id);
            }
            let (mut answer, takes) = match refused {
                Some(ApiFault::Hang) => {
                    state.answered.hung.push(now);
                    (None, CLIENT_TIMEOUT)
                }
                Some(fault) => (Some(error(fault)), LATENCY),
                None => answer(state, now),
            };
            let status = answer.as_ref().map(|answer| answer.status.as_u16());
            state.log(now, || format!("  api {}: {status:?}", what()));
            if let Some(answer) = &mut answer {
                answer.date(state.truth.clock(now + takes / 2));
            }
            (answer, takes)
        });
        sleep(takes).await;
        self.life.runs().await;
        let Some(answer) = answer else {
            return Err(timeout());
        };
        if answer.status.is_success() {
            let answered = Moment::of(&*self.clock);
            self.skew.note(&answer.headers, asked, answered);
        }
        self.budget.record(answer.checked())?;
        Ok(answer.body)
    }
}

fn timeout() -> Error {
    Error::Unavailable {
        cause: TransportError::Connection(Cause::TimedOut),
        retry_after: None,
    }
}

fn error(fault: ApiFault) -> Response {
    match fault {
        ApiFault::RateLimited(seconds) => Response::busy(seconds),
        ApiFault::Unauthorized => Response::error(401),
        ApiFault::Forbidden => Response::error(403),
        ApiFault::Status(status) => Response::error(status),
        _ => Response::error(500),
    }
}

impl Api for Keyed {
    async fn list_page(&self, query: &PageQuery) -> Result<Page, Error> {
        let slot = self.life.slot;
        let what = || format!("list {:?} {:?}", query.filter.states(), query.page_token);
        let world = self.world(&query.cluster);
        let page = |state: &mut State, now| state.page(slot, query, now);
        decode_page(&self.call(world, what, None, page).await?)
    }

    async fn get(
        &self,
        cluster: &str,
        instance: Option<&str>,
        id: &str,
    ) -> Result<Remediation, Error> {
        let slot = self.life.slot;
        let what = || format!("get {id}");
        let one = |state: &mut State, now| state.one(slot, instance, id, now);
        let body = self.call(self.world(cluster), what, Some(id), one).await?;
        decode_one(&body)
    }

    fn paused(&self) -> Duration {
        self.budget.paused()
    }
}
