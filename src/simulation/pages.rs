//! The API's responses: pages and single remediations, with the active fault, and what they prove.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    answered::Series,
    faults::{ApiFault, IdFault, Timed},
    together::{Answer, CLIENT_TIMEOUT, LATENCY},
    truth::updated,
    wire::{self, Response},
    world::State,
};
use crate::{
    clock::MonoTime,
    together::{PageQuery, QueryNames, Remediation, StateFilter, wire::state},
};

impl State {
    /// What the API returns, whatever is requested.
    pub(super) fn refusal(&mut self, key: &[u8; 32]) -> Option<ApiFault> {
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

    pub(super) fn page(&mut self, slot: usize, query: &PageQuery, now: MonoTime) -> Answer {
        let fault = self.faults.api(&mut self.rng);
        let mut takes = LATENCY;
        if let Some(ApiFault::Slow(seconds)) = fault {
            takes = Duration::from_secs(seconds);
            self.answered.slow = Some(now);
        }
        if query.page_token.is_none() {
            self.judge_listing(query, now);
        }
        let strays = query.filter != StateFilter::None && query.page_token.is_none();
        let strays = strays && std::mem::take(&mut self.faults.refuses_once);
        if strays {
            self.judge.newer.strays.push(now + takes);
        }
        if strays || refuses(fault, &query.filter) {
            return (Some(Response::error(400)), takes);
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
            return (Some(Response::error(502)), takes);
        }
        if fault == Some(ApiFault::Stutters) && number % 3 == 2 && self.stutters(slot, query) {
            return (Some(Response::error(503)), takes);
        }
        let first = number * size;
        let first = match fault {
            Some(ApiFault::Shifted) if number > 0 => first + 1,
            Some(ApiFault::Doubled) if number > 0 => first - 1,
            _ => first,
        };
        let mut rest = self.listed(query, fault).into_iter().skip(first);
        let items: Vec<_> = rest.by_ref().take(size).cloned().collect();
        let has_next = rest.next().is_some();
        let next = match fault {
            Some(ApiFault::Lost) if number == 0 => 2,
            Some(ApiFault::Looping) => number,
            _ => number + 1,
        };
        let token = (has_next && fault != Some(ApiFault::NoToken)).then(|| next.to_string());
        // An item with an unreadable id proves nothing.
        let unnamed = usize::from(fault == Some(ApiFault::Unnamed)).min(items.len());
        self.note_page(slot, query, &items[unnamed..], has_next, now);
        let items = items.iter().enumerate();
        let items: Vec<_> = items.map(|(at, item)| spoil(fault, at, item)).collect();
        (
            Some(Response::page(&items, has_next, token.as_deref())),
            takes,
        )
    }

    /// Whether the page fails: the first time in its list.
    fn stutters(&mut self, slot: usize, query: &PageQuery) -> bool {
        let series = (slot, query.instance.clone());
        let series = self.answered.series.entry(series).or_default();
        // Beyond this number, retries are given up by rule.
        series.stuttered.len() < 10 && series.stuttered.insert(query.page_token.clone())
    }

    /// What a list contains, newest first.
    fn listed(&self, query: &PageQuery, fault: Option<ApiFault>) -> Vec<&Remediation> {
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
        let of_instance = |item: &&Remediation| {
            query.instance.is_none() || item.instance_id.as_deref() == query.instance.as_deref()
        };
        let first_only = fault == Some(ApiFault::FirstStateOnly);
        let first_only = first_only && matches!(query.filter, StateFilter::Repeated(_));
        let first = query.filter.states().first();
        let admitted = |item: &&Remediation| {
            ignored
                || query.filter.admits(&item.state)
                    && !(first_only && first.is_some_and(|first| item.state != *first))
        };
        items.filter(of_instance).filter(admitted).collect()
    }

    fn note_page(
        &mut self,
        slot: usize,
        query: &PageQuery,
        items: &[Remediation],
        has_next: bool,
        now: MonoTime,
    ) {
        let series = (slot, query.instance.clone());
        let series = self.answered.series.entry(series).or_default();
        if query.page_token.is_none() {
            *series = Series {
                asked: query.filter.states().to_vec(),
                began: now,
                ..Series::default()
            };
        }
        series.pages += 1;
        series
            .shown
            .extend(items.iter().map(|item| item.id.to_string()));
        if !has_next {
            for id in &series.shown {
                // A remediation of another cluster confirms nothing.
                let entry = self.truth.entries.get(id);
                if entry.is_none_or(|entry| !entry.is_anothers()) {
                    self.answered.confirmed.insert(id.clone(), now);
                }
            }
            if query.filter == StateFilter::None {
                let entries = self.truth.entries.iter();
                let lacking = entries.filter(|(id, entry)| {
                    entry.is_of(query.instance.as_deref()) && !series.shown.contains(*id)
                });
                for (id, _) in lacking {
                    let evidence = self.answered.evidence.entry(id.clone());
                    evidence.or_default().lacking += 1;
                }
            }
            self.answered.end(query.instance.as_ref(), now);
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

    pub(super) fn one(
        &mut self,
        slot: usize,
        instance: Option<&str>,
        id: &str,
        now: MonoTime,
    ) -> Answer {
        self.count_question(slot, id);
        let known = self.truth.entries.get(id).and_then(|entry| entry.current());
        let status = match self.faults.id(&mut self.rng) {
            Some(IdFault::NotFound) => 404,
            Some(IdFault::Forbidden) => 403,
            Some(IdFault::Status(status)) => status,
            Some(IdFault::Hang) => return (None, CLIENT_TIMEOUT),
            None if known.is_none() => 404,
            None => 200,
        };
        let answer = match (status, known) {
            (200, Some(item)) => {
                let item = item.clone();
                self.answered.show(&item, now);
                Response::ok(&wire::item(&item))
            }
            _ => Response::error(status),
        };
        match status {
            404 if instance.is_none() => {
                let evidence = self.answered.evidence.entry(id.to_owned());
                evidence.or_default().not_found += 1;
            }
            403 => self.answered.forbid(id),
            _ => {}
        }
        (Some(answer), LATENCY)
    }

    /// Requests by id belong to the list before them, of the id's instance or of all.
    fn count_question(&mut self, slot: usize, id: &str) {
        let entry = self.truth.entries.get(id);
        let instance = entry.and_then(|entry| entry.instance().map(str::to_owned));
        let series = &self.answered.series;
        let began =
            |listed: &(usize, Option<String>)| series.get(listed).map(|series| series.began);
        let listed = [(slot, instance), (slot, None)];
        let Some(listed) = listed.into_iter().max_by_key(began) else {
            return;
        };
        let of = listed.1.clone();
        let series = self.answered.series.entry(listed).or_default();
        let listed_at = series.began;
        let first_only = |fault: &Timed<ApiFault>| fault.fault == ApiFault::FirstStateOnly;
        // By the API's own times, otherwise it cannot be known.
        let before = self.truth.clock(listed_at) - Duration::from_secs(10);
        if self.faults.api.as_ref().is_some_and(first_only)
            && self.faults.id.is_none()
            && let Some(entry) = entry.filter(|entry| entry.listed && entry.since() < series.began)
            && let Some(item) = entry.current()
            && series.asked.iter().any(|asked| *asked == *item.state)
            && updated(item).is_some_and(|updated| updated < before)
        {
            self.judge.newer.lacked.insert((of, series.began));
        }
        series.questions += 1;
        if series.questions > series.pages.max(10) {
            let (questions, pages) = (series.questions, series.pages);
            self.violated(|| {
                format!("{questions} questions by id after a listing of {pages} pages")
            });
        }
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
fn spoil(fault: Option<ApiFault>, at: usize, item: &Remediation) -> Value {
    match fault {
        Some(ApiFault::Malformed) if at == 0 => json!({ "id": &*item.id }),
        Some(ApiFault::Unnamed) if at == 0 => json!({}),
        _ => wire::item(item),
    }
}
