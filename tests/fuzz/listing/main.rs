//! Any server behind a listing: it is complete only if it ended properly, loses no id, and asks a bounded number of
//! times; and what it learns of the server's dialect is remembered as described.
#![no_main]

mod server;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use server::{Call, Manners, STATES, Server};
use together_remediation_operator::together::{
    CompleteListing, Dialects, Error, ListRequest, Listing, Malformed, PageQuery, QueryNames,
    Remediation, StateFilter,
};

/// How long what was learned is remembered.
const REMEMBERED: Duration = Duration::from_secs(6 * 60 * 60);
/// The ways to ask for states, at most: three sets, repeated and joined, and none; and once with other names.
const LADDER: usize = 8;

/// A server, and the listings that are asked of it.
#[derive(Debug, Arbitrary)]
struct Course {
    manners: Manners,
    page_size: u8,
    listings: Vec<Asked>,
}

#[derive(Debug, Arbitrary)]
struct Asked {
    /// Bit by bit, of the server's states; none: all.
    states: u8,
    /// Minutes that pass before it.
    minutes: u16,
}

type Item = Result<Remediation, Malformed>;

struct Outcome {
    items: Vec<Item>,
    ended: Result<CompleteListing, Error>,
    log: Vec<Call>,
}

fuzz_target!(|course: Course| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(run(course));
});

async fn run(course: Course) {
    let server = Server::new(course.manners);
    let dialects = Dialects::default();
    let mut outside = HashMap::new();
    for asked in course.listings.iter().take(6) {
        let pause = Duration::from_secs(u64::from(asked.minutes) * 60);
        tokio::time::advance(pause).await;
        let named = STATES
            .iter()
            .enumerate()
            .filter(|(bit, _)| asked.states >> bit & 1 == 1);
        let states: Vec<String> = named.map(|(_, state)| (*state).to_owned()).collect();
        let request = ListRequest {
            cluster: "c".to_owned(),
            instance: None,
            states: states.clone(),
            page_size: u16::from(course.page_size % 8) + 1,
            order_by: None,
        };
        let note = dialects.note(&states).unwrap_or_default();
        let filters = dialects.filters(&states);
        let outcome = drive(&server, request, &dialects).await;
        begins_as_noted(&outcome.log, &states, &note, filters, pause >= REMEMBERED);
        asks_in_order(&outcome.log, server.tokens());
        ends_properly(&outcome);
        loses_nothing(&outcome);
        let last = outside.entry(states.clone()).or_default();
        learns(&outcome, &states, &dialects, last);
    }
}

async fn drive(server: &Server, request: ListRequest, dialects: &Dialects) -> Outcome {
    let mut listing = Listing::start(server.clone(), request, dialects);
    let mut items = Vec::new();
    let failed = loop {
        match listing.next_page().await {
            Ok(Some(page)) => items.extend(page),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    if let Some(error) = &failed {
        assert_eq!(
            listing.next_page().await.err().as_ref(),
            Some(error),
            "a failed listing goes on"
        );
    }
    let ended = listing.finish();
    assert_eq!(ended.as_ref().err(), failed.as_ref());
    Outcome {
        items,
        ended,
        log: without_repeated(server.log()),
    }
}

/// The calls without those that failed for now and were repeated in the same words: at most twice for a page, and ten times
/// in all, or once in ten pages.
fn without_repeated(log: Vec<Call>) -> Vec<Call> {
    let (mut row, mut all) = (0, 0);
    let mut kept: Vec<Call> = Vec::new();
    for call in log {
        let repeats = |(query, answer): &Call| {
            *query == call.0 && matches!(answer, Err(Error::RateLimited { .. }))
        };
        if kept.last().is_some_and(repeats) {
            kept.pop();
            (row, all) = (row + 1, all + 1);
        } else {
            row = 0;
        }
        kept.push(call);
        assert!(row <= 2, "a page was asked for {} times", row + 1);
    }
    assert!(
        all <= (kept.len() / 10).max(10),
        "{all} calls were repeated"
    );
    kept
}

/// The first call matches `note` and `filters`, or the reference page if nothing was learned for a long time.
fn begins_as_noted(log: &[Call], states: &[String], note: &str, filters: bool, forgotten: bool) {
    let (first, _) = log.first().expect("a listing asks");
    assert!(first.page_token.is_none());
    assert_eq!(
        first.names == QueryNames::Sdk,
        note.contains("SDKs"),
        "{note}"
    );
    if states.is_empty() {
        assert_eq!(first.filter, StateFilter::None);
    } else {
        assert_eq!(first.filter != StateFilter::None, filters, "{note}");
        assert_eq!(
            first.filter == StateFilter::None,
            note.contains("lists everything"),
            "{note}"
        );
        assert_eq!(
            matches!(first.filter, StateFilter::Comma(_)),
            note.contains("commas"),
            "{note}"
        );
    }
    if forgotten {
        assert_eq!(first.names, QueryNames::Reference);
        assert!(states.is_empty() || matches!(first.filter, StateFilter::Repeated(_)));
    }
}

/// No page is asked for twice in the same words; names change once, and then from the first page on, after a
/// loop or where everything was refused; the filter changes only after a refusal of the first page, downwards; nothing follows any other error.
fn asks_in_order(log: &[Call], tokens: usize) {
    assert!(log.len() <= 2 * (tokens + LADDER), "{} calls", log.len());
    let mut seen = HashSet::new();
    let mut changes = 0;
    for (query, _) in log {
        let words = (
            query.names == QueryNames::Sdk,
            format!("{:?}", query.filter),
            query.page_token.clone(),
        );
        assert!(seen.insert(words), "asked twice: {query:?}");
    }
    for pair in log.windows(2) {
        let [(before, answer), (after, _)] = pair else {
            unreachable!()
        };
        match answer {
            Ok(page) if before.names == after.names => {
                assert!(page.has_next, "asked on after the end");
                assert_eq!(after.page_token, page.next_page_token);
                assert_eq!(after.filter, before.filter);
            }
            Ok(page) => {
                assert!(page.has_next, "asked on after the end");
                changes += 1;
                assert!(after.page_token.is_none() && after.filter == before.filter);
            }
            Err(error) => {
                assert!(
                    matches!(error, Error::BadRequest { status: 400 | 422 }),
                    "asked on after {error}"
                );
                assert!(before.page_token.is_none() && after.page_token.is_none());
                if before.names != after.names {
                    // Everything was refused: perhaps for the names.
                    assert!(before.filter == StateFilter::None && after.filter == before.filter);
                    changes += 1;
                    continue;
                }
                assert!(
                    steps(before) < steps(after),
                    "{:?} after {:?}",
                    after.filter,
                    before.filter
                );
            }
        }
    }
    assert!(changes <= 1, "the names changed {changes} times");
}

/// How far down the ladder a query is.
fn steps(query: &PageQuery) -> (usize, usize) {
    let fewer = usize::MAX - query.filter.states().len();
    match query.filter {
        StateFilter::Repeated(_) => (0, fewer),
        StateFilter::Comma(_) => (1, fewer),
        StateFilter::None => (2, 0),
    }
}

/// Complete if, and only if, the last answer has no next page.
fn ends_properly(outcome: &Outcome) {
    let (query, last) = outcome.log.last().expect("a listing asks");
    match (&outcome.ended, last) {
        (Ok(complete), Ok(page)) => {
            assert!(!page.has_next, "complete without an end");
            assert_eq!(complete.states(), query.filter.states());
            assert_eq!(complete.names(), query.names);
            assert_eq!(complete.pages(), pass(&outcome.log).len());
        }
        (Ok(_), Err(error)) => panic!("complete after {error}"),
        (Err(error), Ok(page)) => assert!(page.has_next, "not complete though it ended: {error}"),
        (Err(_), Err(_)) => {}
    }
}

/// The answers of the last pass: those since the first page was last asked for.
fn pass(log: &[Call]) -> &[Call] {
    let first = log
        .iter()
        .rposition(|(query, _)| query.page_token.is_none());
    &log[first.unwrap_or_default()..]
}

fn id(item: &Item) -> Option<&str> {
    match item {
        Ok(remediation) => Some(&remediation.id),
        Err(malformed) => malformed.id.as_deref(),
    }
}

/// Every id that came on a page was handed out, once; and the proof knows those of the last pass, and no others.
fn loses_nothing(outcome: &Outcome) {
    let came: Vec<_> = items(&outcome.log).collect();
    let ids: HashSet<&str> = came.iter().filter_map(|item| id(item)).collect();
    let handed: Vec<&str> = outcome.items.iter().filter_map(id).collect();
    assert_eq!(handed.len(), ids.len(), "an id is lost, or came twice");
    assert!(handed.iter().all(|id| ids.contains(id)));
    assert_eq!(
        unnamed(outcome.items.iter()),
        unnamed(came.into_iter()),
        "an item is lost"
    );
    if let Ok(complete) = &outcome.ended {
        let last = pass(&outcome.log);
        let ids: HashSet<&str> = items(last).filter_map(id).collect();
        for number in 0..=u8::MAX {
            let number = number.to_string();
            assert_eq!(
                complete.contains(&number),
                ids.contains(&*number),
                "{number}"
            );
        }
        assert_eq!(complete.skipped_unnamed(), unnamed(items(last)));
        assert_eq!(
            complete.items() + complete.skipped(),
            ids.len() + unnamed(items(last))
        );
    }
}

fn unnamed<'a>(items: impl Iterator<Item = &'a Item>) -> usize {
    items.filter(|item| id(item).is_none()).count()
}

/// All that came on pages.
fn items(log: &[Call]) -> impl Iterator<Item = &Item> {
    log.iter()
        .flat_map(|(_, answer)| answer)
        .flat_map(|page| &page.items)
}

/// An item in a state that was not asked for strikes against the filter, and nothing else does. Two listings of the same
/// states in a row that hold one prove that the filter is ignored; `last`: whether the one before did.
fn learns(outcome: &Outcome, states: &[String], dialects: &Dialects, last: &mut bool) {
    let outside = outcome.log.iter().any(|(query, answer)| {
        let mut items = answer.iter().flat_map(|page| &page.items).flatten();
        items.any(|item| !query.filter.admits(&item.state))
    });
    if let Ok(complete) = &outcome.ended {
        assert_eq!(complete.filter_ignored(), outside);
    }
    let agreed = std::mem::replace(last, outside) && outside;
    if agreed {
        assert!(!dialects.filters(states));
        assert!(
            dialects
                .note(states)
                .is_some_and(|note| note.contains("ignores"))
        );
    }
}
