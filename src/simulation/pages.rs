//! What the API answers: pages and single remediations, with the fault that is on, and what that proves.

use std::time::Duration;

use super::{
    answered::Series,
    faults::{ApiFault, IdFault},
    together::{LATENCY, PATIENCE, timeout, unavailable},
    world::State,
};
use crate::together::{
    Error, Malformed, Page, PageQuery, QueryNames, Remediation, StateFilter, state,
};

impl State {
    /// What the API answers whatever is asked.
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

    pub(super) fn page(
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
        // An item that nobody can name shows nothing.
        let unnamed = usize::from(fault == Some(ApiFault::Unnamed)).min(items.len());
        self.note_page(slot, query, &items[unnamed..], has_next, now);
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
        let admitted = |item: &&Remediation| ignored || query.filter.admits(&item.state);
        items.filter(of_instance).filter(admitted).collect()
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
            .extend(items.iter().map(|item| item.id.to_string()));
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

    pub(super) fn one(
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
                    .not_found += 1;
            }
            Err(Error::Forbidden) => self.answered.forbid(id),
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
        Some(ApiFault::Malformed) if at == 0 => Err(unreadable(Some(item.id.to_string()))),
        Some(ApiFault::Unnamed) if at == 0 => Err(unreadable(None)),
        _ => Ok(item),
    }
}
