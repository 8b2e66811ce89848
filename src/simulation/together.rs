//! Together's API as one process reaches it: pages, the call by id, faults, and what that proves.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::sleep;

use super::{
    faults::{ApiFault, IdFault},
    life::Life,
    world::{State, World},
};
use crate::together::{
    Api, ApiKey, Budget, Budgets, Dialects, Error, Malformed, Outage, Page, PageQuery, QueryNames,
    Rate, Remediation, Service, StateFilter, state,
};

/// How long an answer takes.
const LATENCY: Duration = Duration::from_millis(20);
/// How long the client waits for one.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the API has proven about one id since it last showed it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    pub(super) not_found: u32,
    pub(super) forbidden: u32,
    /// Full listings that came to their end and lacked it.
    pub(super) lacking: u32,
}

/// What one process has asked since its last listing began.
#[derive(Debug, Default)]
struct Series {
    shown: BTreeSet<String>,
    pages: usize,
    questions: usize,
}

/// What all answers so far amount to.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) evidence: BTreeMap<String, Evidence>,
    series: BTreeMap<usize, Series>,
    /// When which version (by its `update_time`) of an id was shown first and last, since another one was.
    pub(super) shown: BTreeMap<String, BTreeMap<String, (Duration, Duration)>>,
    /// When a listing that came to its end last showed each id.
    pub(super) confirmed: BTreeMap<String, Duration>,
    /// When a listing last came to its end.
    pub(super) ended: Duration,
    /// When items were last unreadable.
    pub(super) malformed: Option<Duration>,
    /// When answers were last slow.
    pub(super) slow: Option<Duration>,
    /// When each call came.
    pub(super) calls: Vec<Duration>,
}

impl Answered {
    fn show(&mut self, item: &Remediation, now: Duration) {
        self.evidence.remove(&item.id);
        let versions = self.shown.entry(item.id.clone()).or_default();
        let time = item.update_time.clone().unwrap();
        versions.entry(time).or_insert((now, now)).1 = now;
    }
}

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
        what: String,
        answer: impl FnOnce(&mut State, Duration) -> (Result<T, Error>, Duration),
    ) -> Result<T, Error> {
        self.life.runs().await;
        self.budget.take().await?;
        let (answer, takes) = self.world.with(|state, now| {
            state.judge_call(self.life.slot, now);
            let refused = state.refusal(&self.key);
            let (answer, takes) = match refused {
                Some(ApiFault::Hang) => (Err(timeout()), PATIENCE),
                Some(fault) => (Err(error(fault)), LATENCY),
                None => answer(state, now),
            };
            let outcome = answer
                .as_ref()
                .err()
                .map_or_else(|| "ok".to_owned(), ToString::to_string);
            state.log(now, || format!("  api {what}: {outcome}"));
            (answer, takes)
        });
        sleep(takes).await;
        self.life.runs().await;
        if let Err(Error::RateLimited {
            retry_after: Some(time),
        }) = answer
        {
            self.budget.pause(time);
        }
        answer
    }
}

fn timeout() -> Error {
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

fn unavailable(status: u16) -> Error {
    Error::Unavailable {
        cause: Outage::Status(status),
        retry_after: None,
    }
}

impl State {
    /// What the API answers whatever is asked.
    fn refusal(&mut self, key: &[u8; 32]) -> Option<ApiFault> {
        if *key != self.valid_key {
            return Some(ApiFault::Unauthorized);
        }
        let fault = self.faults.api(&mut self.rng)?;
        matches!(
            fault,
            ApiFault::Status(_)
                | ApiFault::RateLimited(_)
                | ApiFault::Unauthorized
                | ApiFault::Forbidden
                | ApiFault::Hang
        )
        .then_some(fault)
    }

    fn page(
        &mut self,
        slot: usize,
        query: &PageQuery,
        now: Duration,
    ) -> (Result<Page, Error>, Duration) {
        let fault = self.faults.api(&mut self.rng);
        let mut takes = LATENCY;
        if let Some(ApiFault::Slow(seconds)) = fault {
            takes = Duration::from_secs(seconds);
            self.answered.slow = Some(now);
        }
        if refuses(fault, &query.filter) {
            return (Err(Error::BadRequest { status: 400 }), takes);
        }
        let deaf = fault == Some(ApiFault::SdkNames) && query.names == QueryNames::Reference;
        let token = query.page_token.as_deref().filter(|_| !deaf);
        let size = if deaf {
            2
        } else {
            usize::from(query.page_size)
        };
        let number: usize = token.map_or(0, |token| token.parse().unwrap());
        if fault == Some(ApiFault::Cut) && number > 0 {
            return (Err(unavailable(502)), takes);
        }
        let listed = self.listed(query, fault);
        let first = number * size;
        let first = match fault {
            Some(ApiFault::Shifted) if number > 0 => first + 1,
            Some(ApiFault::Doubled) if number > 0 => first - 1,
            _ => first,
        };
        let has_next = listed.len() > first + size;
        let items: Vec<_> = listed.into_iter().skip(first).take(size).collect();
        let next = match fault {
            Some(ApiFault::Lost) if number == 0 => 2,
            Some(ApiFault::Looping) => number,
            _ => number + 1,
        };
        let token = (has_next && fault != Some(ApiFault::NoToken)).then(|| next.to_string());
        self.note_page(slot, query, &items, has_next, now);
        let items = items
            .into_iter()
            .enumerate()
            .map(|(at, item)| spoil(fault, at, item))
            .collect();
        let page = Page {
            items,
            has_next,
            next_page_token: token,
        };
        (Ok(page), takes)
    }

    /// What a listing shows, newest first.
    fn listed(&mut self, query: &PageQuery, fault: Option<ApiFault>) -> Vec<Remediation> {
        if fault == Some(ApiFault::Empty) {
            return Vec::new();
        }
        let ignored = fault == Some(ApiFault::FilterIgnored);
        let entries = self
            .truth
            .entries
            .values()
            .rev()
            .filter(|entry| entry.listed);
        let items = entries.filter_map(|entry| {
            let current = entry.current()?;
            let lags = fault == Some(ApiFault::Lagging);
            Some(if lags {
                entry.lagging().unwrap_or(current)
            } else {
                current
            })
        });
        let of_instance =
            |item: &&Remediation| query.instance.is_none() || item.instance_id == query.instance;
        let admitted = |item: &&Remediation| ignored || query.filter.admits(&item.state);
        items
            .filter(of_instance)
            .filter(admitted)
            .cloned()
            .collect()
    }

    fn note_page(
        &mut self,
        slot: usize,
        query: &PageQuery,
        items: &[Remediation],
        has_next: bool,
        now: Duration,
    ) {
        let series = self.answered.series.entry(slot).or_default();
        if query.page_token.is_none() {
            *series = Series::default();
        }
        series.pages += 1;
        series
            .shown
            .extend(items.iter().map(|item| item.id.clone()));
        if !has_next {
            self.answered.ended = now;
            for id in &series.shown {
                self.answered.confirmed.insert(id.clone(), now);
            }
            if query.filter == StateFilter::None {
                for id in self
                    .truth
                    .entries
                    .keys()
                    .filter(|id| !series.shown.contains(*id))
                {
                    self.answered
                        .evidence
                        .entry(id.clone())
                        .or_default()
                        .lacking += 1;
                }
            }
        }
        for item in items {
            self.answered.show(item, now);
        }
        if self
            .faults
            .api
            .is_some_and(|timed| matches!(timed.fault, ApiFault::Malformed | ApiFault::Unnamed))
        {
            self.answered.malformed = Some(now);
        }
    }

    fn one(
        &mut self,
        slot: usize,
        last: bool,
        id: &str,
        now: Duration,
    ) -> (Result<Remediation, Error>, Duration) {
        let series = self.answered.series.entry(slot).or_default();
        series.questions += 1;
        if series.questions > series.pages.max(10) {
            let (questions, pages) = (series.questions, series.pages);
            self.violated(|| {
                format!("{questions} questions by id after a listing of {pages} pages")
            });
        }
        let answer = match self.faults.id(&mut self.rng) {
            Some(IdFault::NotFound) => Err(Error::NotFound),
            Some(IdFault::Forbidden) => Err(Error::Forbidden),
            Some(IdFault::Status(status)) => Err(unavailable(status)),
            Some(IdFault::Hang) => return (Err(timeout()), PATIENCE),
            None => {
                let known = self.truth.entries.get(id).and_then(|entry| entry.current());
                known.cloned().ok_or(Error::NotFound)
            }
        };
        match &answer {
            Ok(item) => self.answered.show(item, now),
            Err(Error::NotFound) if last => {
                self.answered
                    .evidence
                    .entry(id.to_owned())
                    .or_default()
                    .not_found += 1
            }
            Err(Error::Forbidden) => {
                self.answered
                    .evidence
                    .entry(id.to_owned())
                    .or_default()
                    .forbidden += 1
            }
            Err(_) => {}
        }
        (answer, LATENCY)
    }
}

fn refuses(fault: Option<ApiFault>, filter: &StateFilter) -> bool {
    match fault {
        Some(ApiFault::FilterRefused) => *filter != StateFilter::None,
        Some(ApiFault::NewerRefused) => {
            !filter.states().iter().all(|name| state::is_reference(name))
        }
        _ => false,
    }
}

/// The item as it arrives.
fn spoil(fault: Option<ApiFault>, at: usize, item: Remediation) -> Result<Remediation, Malformed> {
    let unreadable = |id| Malformed {
        position: at,
        id,
        field: "state".into(),
        problem: "missing",
    };
    match fault {
        Some(ApiFault::Malformed) if at == 0 => Err(unreadable(Some(item.id))),
        Some(ApiFault::Unnamed) if at == 0 => Err(unreadable(None)),
        _ => Ok(item),
    }
}

impl Api for Keyed {
    async fn list_page(&self, query: &PageQuery) -> Result<Page, Error> {
        let slot = self.life.slot;
        let what = format!("list {:?} {:?}", query.filter.states(), query.page_token);
        self.call(what, |state, now| state.page(slot, query, now))
            .await
    }

    async fn get(&self, _: &str, instance: Option<&str>, id: &str) -> Result<Remediation, Error> {
        let slot = self.life.slot;
        self.call(format!("get {id}"), |state, now| {
            state.one(slot, instance.is_none(), id, now)
        })
        .await
    }
}
