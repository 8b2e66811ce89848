//! A model of a server: a list that changes between calls, a dialect, and a mishap for each call.

use std::sync::{Arc, Mutex};

use arbitrary::Arbitrary;
use together_remediation_operator::together::{
    Api, Error, Malformed, Page, PageQuery, QueryNames, Remediation, StateFilter,
};

/// States that items are in; the first five are open.
pub const STATES: [&str; 8] = [
    "PENDING_APPROVAL",
    "PENDING",
    "RUNNING",
    "QUARANTINED",
    "DEFROSTING",
    "SUCCEEDED",
    "FAILED",
    "CANCELLED",
];

/// What a server is like.
#[derive(Debug, Clone, Arbitrary)]
pub struct Manners {
    understands: Names,
    filter: Filter,
    /// Its own page size, where the query's is not understood.
    page_size: u8,
    items: Vec<Item>,
    /// What goes wrong at each call; afterwards nothing does.
    mishaps: Vec<Mishap>,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Names {
    Reference,
    Sdk,
    Both,
    Neither,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Filter {
    Heeded,
    Ignored,
    /// Only the reference page's states are taken.
    ReferenceStates,
    /// Only joined by commas.
    Comma,
    /// Joined by commas, the reference page's states only.
    CommaReferenceStates,
    Refused,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
struct Item {
    id: u8,
    state: u8,
    as_read: AsRead,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum AsRead {
    Well,
    Well2,
    Badly,
    WithoutId,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Mishap {
    None,
    /// The list loses its first, before the call.
    Gone,
    /// The list gains a new first, before the call.
    New {
        id: u8,
        state: u8,
    },
    Fails(Failure),
    NoToken,
    /// The next token is one that was given before, or the same again.
    Token(u8),
    /// More is promised after the last page.
    NeverEnds,
    /// The page ends the listing though there is more.
    EndsEarly,
    Empty,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Failure {
    Refused,
    Unprocessable,
    Unauthorized,
    Forbidden,
    NotFound,
    RateLimited,
    TooLarge,
}

impl Failure {
    fn error(self) -> Error {
        match self {
            Self::Refused => Error::BadRequest { status: 400 },
            Self::Unprocessable => Error::BadRequest { status: 422 },
            Self::Unauthorized => Error::Unauthorized,
            Self::Forbidden => Error::Forbidden,
            Self::NotFound => Error::NotFound,
            Self::RateLimited => Error::RateLimited { retry_after: None },
            Self::TooLarge => Error::TooLarge { limit: 1 },
        }
    }
}

/// A call and its answer.
pub type Call = (PageQuery, Result<Page, Error>);

/// The server. Clones are the same one.
#[derive(Clone)]
pub struct Server(Arc<Mutex<State>>);

struct State {
    manners: Manners,
    calls: usize,
    log: Vec<Call>,
}

impl Server {
    pub fn new(manners: Manners) -> Self {
        Self(Arc::new(Mutex::new(State {
            manners,
            calls: 0,
            log: Vec::new(),
        })))
    }

    /// The calls since this was last asked.
    pub fn log(&self) -> Vec<Call> {
        std::mem::take(&mut self.0.lock().unwrap().log)
    }

    /// More tokens than it can ever give.
    pub fn tokens(&self) -> usize {
        let state = self.0.lock().unwrap();
        state.manners.items.len() + 2 * state.manners.mishaps.len() + 260
    }
}

impl Api for Server {
    async fn list_page(&self, query: &PageQuery) -> Result<Page, Error> {
        let mut state = self.0.lock().unwrap();
        let answer = state.answer(query);
        state.log.push((query.clone(), answer.clone()));
        answer
    }

    async fn get(&self, _: &str, _: Option<&str>, _: &str) -> Result<Remediation, Error> {
        Err(Error::NotFound)
    }
}

impl State {
    fn answer(&mut self, query: &PageQuery) -> Result<Page, Error> {
        let mishap = self
            .manners
            .mishaps
            .get(self.calls)
            .copied()
            .unwrap_or(Mishap::None);
        self.calls += 1;
        match mishap {
            Mishap::Gone if !self.manners.items.is_empty() => drop(self.manners.items.remove(0)),
            Mishap::New { id, state } => {
                self.manners.items.insert(
                    0,
                    Item {
                        id,
                        state,
                        as_read: AsRead::Well,
                    },
                );
            }
            Mishap::Fails(failure) => return Err(failure.error()),
            _ => {}
        }
        if !self.manners.takes(&query.filter) {
            return Err(Error::BadRequest { status: 400 });
        }
        let mut page = self.manners.page(query);
        match mishap {
            Mishap::NoToken => (page.has_next, page.next_page_token) = (true, None),
            Mishap::Token(token) => {
                (page.has_next, page.next_page_token) = (true, Some(token.to_string()))
            }
            Mishap::NeverEnds if !page.has_next => {
                (page.has_next, page.next_page_token) =
                    (true, Some(format!("more-{}", self.calls)));
            }
            // A token without a promise is no promise.
            Mishap::EndsEarly => page.has_next = false,
            Mishap::Empty => page.items.clear(),
            _ => {}
        }
        Ok(page)
    }
}

impl Manners {
    fn takes(&self, filter: &StateFilter) -> bool {
        let reference = !filter
            .states()
            .iter()
            .any(|state| matches!(&**state, "QUARANTINED" | "DEFROSTING"));
        let joined = matches!(filter, StateFilter::Comma(_));
        match (filter, self.filter) {
            (StateFilter::None, _) | (_, Filter::Heeded | Filter::Ignored) => true,
            (_, Filter::Refused) => false,
            (_, Filter::ReferenceStates) => !joined && reference,
            (_, Filter::Comma) => joined,
            (_, Filter::CommaReferenceStates) => joined && reference,
        }
    }

    fn page(&self, query: &PageQuery) -> Page {
        let understood = matches!(
            (self.understands, query.names),
            (Names::Both, _)
                | (Names::Reference, QueryNames::Reference)
                | (Names::Sdk, QueryNames::Sdk)
        );
        let size = if understood {
            usize::from(query.page_size)
        } else {
            usize::from(self.page_size % 8) + 1
        };
        let token = query.page_token.as_deref().filter(|_| understood);
        let from = token.map_or(0, |token| token.parse().unwrap_or(usize::MAX));
        let matching = |item: &&Item| {
            matches!(self.filter, Filter::Ignored) || query.filter.admits(item.state())
        };
        let listed: Vec<&Item> = self.items.iter().filter(matching).collect();
        let (from, to) = (
            from.min(listed.len()),
            from.saturating_add(size).min(listed.len()),
        );
        let has_next = to < listed.len();
        Page {
            items: listed[from..to]
                .iter()
                .enumerate()
                .map(|(at, item)| item.read(at))
                .collect(),
            has_next,
            next_page_token: has_next.then(|| to.to_string()),
        }
    }
}

impl Item {
    fn state(&self) -> &'static str {
        STATES[usize::from(self.state) % STATES.len()]
    }

    fn read(&self, position: usize) -> Result<Remediation, Malformed> {
        let id = match self.as_read {
            AsRead::Well | AsRead::Well2 => {
                let (id, state) = (self.id.to_string(), self.state());
                return Ok(Remediation {
                    id: id.into(),
                    state: state.into(),
                    ..Remediation::default()
                });
            }
            AsRead::Badly => Some(self.id.to_string()),
            AsRead::WithoutId => None,
        };
        Err(Malformed {
            position,
            id,
            field: "state".to_owned(),
            problem: "absent or empty",
        })
    }
}
