//! Together's API as one process reaches it.

use std::{sync::Arc, time::Duration};

use k8s_openapi::jiff::SignedDuration;
use tokio::time::sleep;

use super::{
    faults::ApiFault,
    life::Life,
    world::{State, World},
};
use crate::together::{
    Api, ApiClock, ApiKey, Budget, Budgets, Dialects, Error, Outage, Page, PageQuery, Rate,
    Remediation, Service,
};

/// How long an answer takes.
pub(super) const LATENCY: Duration = Duration::from_millis(20);
/// How long the client waits for one.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The API as one process reaches it.
pub(super) struct Remote {
    world: Arc<World>,
    life: Arc<Life>,
    dialects: Dialects,
    budgets: Budgets,
}

impl Remote {
    pub(super) fn new(world: Arc<World>, life: Arc<Life>) -> Self {
        let rate = Rate {
            interval: Duration::from_millis(200),
            burst: 20,
        };
        Self {
            world,
            life,
            dialects: Dialects::default(),
            budgets: Budgets::new(rate),
        }
    }
}

impl Service for Remote {
    type Api = Keyed;

    fn with_key(&self, key: &ApiKey) -> Keyed {
        Keyed {
            world: self.world.clone(),
            life: self.life.clone(),
            key: key.fingerprint(),
            budget: self.budgets.of(key.fingerprint()),
        }
    }

    fn dialects(&self) -> &Dialects {
        &self.dialects
    }

    fn clock(&self) -> ApiClock {
        let ahead = self.world.with(|state, _| state.truth.ahead);
        ApiClock::Known {
            ahead: SignedDuration::try_from(ahead).unwrap(),
            zero: crate::testing::now() + ahead,
        }
    }
}

#[derive(Clone)]
pub(super) struct Keyed {
    world: Arc<World>,
    life: Arc<Life>,
    key: [u8; 32],
    budget: Arc<Budget>,
}

impl Keyed {
    /// One call: what `answer` says after the fault and the time it takes.
    async fn call<T>(
        &self,
        what: impl FnOnce() -> String,
        id: Option<&str>,
        answer: impl FnOnce(&mut State, Duration) -> (Result<T, Error>, Duration),
    ) -> Result<T, Error> {
        self.life.runs().await;
        self.budget.take().await?;
        let (answer, takes) = self.world.with(|state, now| {
            state.judge_call(self.life.slot, now);
            let refused = state.refusal(&self.key);
            if let (Some(ApiFault::Forbidden), Some(id)) = (refused, id) {
                state.answered.forbid(id);
            }
            let (answer, takes) = match refused {
                Some(ApiFault::Hang) => (Err(timeout()), PATIENCE),
                Some(fault) => (Err(error(fault)), LATENCY),
                None => answer(state, now),
            };
            let error = answer.as_ref().err();
            state.log(now, || format!("  api {}: {error:?}", what()));
            (answer, takes)
        });
        sleep(takes).await;
        self.life.runs().await;
        self.budget.heard(answer)
    }
}

pub(super) fn timeout() -> Error {
    Error::Unavailable {
        cause: Outage::Timeout,
        retry_after: None,
    }
}

fn error(fault: ApiFault) -> Error {
    match fault {
        ApiFault::RateLimited(seconds) => Error::RateLimited {
            retry_after: seconds.map(Duration::from_secs),
        },
        ApiFault::Unauthorized => Error::Unauthorized,
        ApiFault::Forbidden => Error::Forbidden,
        ApiFault::Status(status) => unavailable(status),
        _ => unavailable(500),
    }
}

pub(super) fn unavailable(status: u16) -> Error {
    Error::Unavailable {
        cause: Outage::Status(status),
        retry_after: None,
    }
}

impl Api for Keyed {
    async fn list_page(&self, query: &PageQuery) -> Result<Page, Error> {
        let slot = self.life.slot;
        let what = || format!("list {:?} {:?}", query.filter.states(), query.page_token);
        self.call(what, None, |state, now| state.page(slot, query, now))
            .await
    }

    async fn get(&self, _: &str, instance: Option<&str>, id: &str) -> Result<Remediation, Error> {
        let slot = self.life.slot;
        self.call(
            || format!("get {id}"),
            Some(id),
            |state, now| state.one(slot, instance.is_none(), id, now),
        )
        .await
    }

    fn paused(&self) -> Duration {
        self.budget.paused()
    }
}
