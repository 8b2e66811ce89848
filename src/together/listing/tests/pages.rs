//! Pages, the end of a list, and ends that prove nothing.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tokio::runtime;

use super::*;

#[tokio::test]
async fn a_listing_of_several_pages_is_complete() {
    let api = Fake::new(|query, _| Ok(cut(&five(), query)));
    let dialects = Dialects::default();
    let (ids, complete) = drive(listing(&api, &dialects)).await;
    let complete = complete.unwrap();
    assert_eq!(ids, ["a", "b", "c", "d", "e"]);
    let counts = (complete.pages(), complete.items(), complete.skipped());
    assert_eq!(counts, (3, 5, 0));
    assert!(complete.states().is_empty() && !complete.filter_ignored());
    assert!(complete.contains("e") && !complete.contains("f"));
    assert_eq!(api.calls(), 3);
}

#[tokio::test]
async fn an_empty_listing_is_complete() {
    let api = Fake::new(|_, _| Ok(page(vec![], None)));
    let (ids, complete) = drive(listing(&api, &Dialects::default())).await;
    assert_eq!((ids.len(), complete.unwrap().items()), (0, 0));
    assert_eq!(api.calls(), 1);
}

#[tokio::test]
async fn one_page_ahead_and_no_further() {
    let api = Fake::new(|query, _| Ok(cut(&five(), query)));
    let mut listing = listing(&api, &Dialects::default());
    listing.next_page().await.unwrap();
    api.called(2).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(api.calls(), 2);
    listing.next_page().await.unwrap();
    api.called(3).await;
}

#[tokio::test]
async fn dropping_a_listing_ends_its_call() {
    let api = Fake::new(|query, _| Ok(cut(&five(), query))).hanging_at(1);
    let mut listing = listing(&api, &Dialects::default());
    listing.next_page().await.unwrap();
    api.called(2).await;
    drop(listing);
    api.released().await;
}

#[tokio::test]
async fn waiting_for_a_page_may_be_given_up_and_taken_up_again() {
    let api = Fake::new(|query, _| Ok(cut(&five(), query)));
    let mut listing = listing(&api, &Dialects::default());
    let mut ids = 0;
    loop {
        tokio::select! {
            biased;
            () = tokio::task::yield_now() => {}
            page = listing.next_page() => match page.unwrap() {
                Some(items) => ids += items.len(),
                None => break,
            }
        }
    }
    assert_eq!((ids, api.calls()), (5, 3));
}

#[tokio::test]
async fn a_failed_page_proves_nothing_and_stays_failed() {
    let api = Fake::new(|query, call| match call {
        1 => Err(Error::Forbidden),
        _ => Ok(cut(&five(), query)),
    });
    let mut listing = listing(&api, &Dialects::default());
    assert_eq!(listing.next_page().await.unwrap().unwrap().len(), 2);
    for _ in 0..2 {
        assert_eq!(listing.next_page().await, Err(Error::Forbidden));
    }
    assert_eq!(listing.finish().unwrap_err(), Error::Forbidden);
    assert_eq!(api.calls(), 2);
}

#[tokio::test]
async fn a_listing_that_was_not_ended_proves_nothing() {
    let api = Fake::new(|query, _| Ok(cut(&five(), query)));
    let dialects = Dialects::default();
    let stopped = incomplete(Incomplete::Stopped);
    assert_eq!(listing(&api, &dialects).finish().unwrap_err(), stopped);
    let mut begun = listing(&api, &dialects);
    begun.next_page().await.unwrap();
    assert_eq!(begun.finish().unwrap_err(), stopped);
}

#[tokio::test]
async fn a_missing_token_proves_nothing_but_its_page_is_handed_out() {
    let mut tokenless = page(five(), None);
    tokenless.has_next = true;
    let api = Fake::new(move |_, _| Ok(tokenless.clone()));
    let failed = fails(listing(&api, &Dialects::default())).await;
    assert_eq!(failed, (5, incomplete(Incomplete::NoToken)));
}

#[tokio::test]
async fn a_refused_token_is_no_bad_request() {
    let api = Fake::new(|query, _| match query.page_token {
        None => Ok(cut(&five(), query)),
        Some(_) => Err(Error::BadRequest { status: 400 }),
    });
    let failed = fails(listing(&api, &Dialects::default())).await;
    assert_eq!(failed, (2, incomplete(Incomplete::TokenRefused)));
    assert_eq!(api.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_server_of_the_sdks_names_is_understood_and_remembered() {
    let api = Fake::new(|query, _| match query.names {
        QueryNames::Reference => Ok(first_page(&five(), query)),
        QueryNames::Sdk => Ok(cut(&five(), query)),
    });
    let dialects = Dialects::default();
    let (ids, complete) = drive(listing(&api, &dialects)).await;
    let complete = complete.unwrap();
    assert_eq!(ids, ["a", "b", "c", "d", "e"]);
    assert_eq!((complete.pages(), complete.items()), (3, 5));
    assert_eq!(complete.names(), QueryNames::Sdk);
    assert_eq!(api.calls(), 5);

    // once another one agrees, each listing asks so at once, until the better form's turn comes again
    for (minutes, calls) in [(1, 5), (9, 3), (1, 5), (19, 3), (1, 5)] {
        tokio::time::advance(std::time::Duration::from_secs(minutes * 60)).await;
        let before = api.calls();
        assert!(drive(listing(&api, &dialects)).await.1.is_ok());
        assert_eq!(api.calls() - before, calls, "{minutes}");
    }
}

#[tokio::test]
async fn a_server_that_has_learned_the_reference_names_is_asked_so_again() {
    let api = Fake::new(|query, _| match query.names {
        QueryNames::Sdk => Ok(first_page(&five(), query)),
        QueryNames::Reference => Ok(cut(&five(), query)),
    });
    let dialects = Dialects::default();
    for _ in 0..2 {
        dialects.names_work(&request(&[]), QueryNames::Sdk);
    }
    assert_eq!(dialects.names(), QueryNames::Sdk);
    assert!(drive(listing(&api, &dialects)).await.1.is_ok());
    assert_eq!(dialects.names(), QueryNames::Reference);
}

#[tokio::test]
async fn a_server_that_loops_in_every_dialect_proves_nothing() {
    let api = Fake::new(|query, _| Ok(first_page(&five(), query)));
    let dialects = Dialects::default();
    let failed = fails(listing(&api, &dialects)).await;
    assert_eq!(failed, (3, incomplete(Incomplete::Loop)));
    assert_eq!((api.calls(), dialects.names()), (4, QueryNames::Reference));
}

#[tokio::test]
async fn a_new_remediation_that_shifts_small_pages_is_no_loop() {
    let api = Fake::new(|query, call| {
        let mut items = five();
        if call > 0 {
            items.insert(0, remediation("new", "RUNNING"));
        }
        match query.names {
            QueryNames::Reference => Ok(cut(&items, query)),
            QueryNames::Sdk => Ok(first_page(&items, query)),
        }
    });
    let request = ListRequest {
        page_size: 1,
        ..request(&[])
    };
    let (ids, complete) = drive(Listing::start(api, request, &Dialects::default())).await;
    let names = complete.map(|complete| complete.names());
    assert_eq!(names, Ok(QueryNames::Reference));
    assert_eq!(ids, ["a", "b", "c", "d", "e"]);
}

/// A server whose list changes between two pages, and which may fail.
#[derive(Debug, Clone)]
struct Course {
    ids: Vec<u16>,
    page_size: u16,
    /// Before which call: the list loses its first or gains a new first.
    shifts: Vec<(usize, bool)>,
    fails_at: Option<usize>,
}

impl Course {
    fn list(&self, call: usize) -> Vec<Remediation> {
        let mut ids = self.ids.clone();
        let shifts = self.shifts.iter().enumerate();
        for (n, (_, gains)) in shifts.filter(|(_, (at, _))| *at <= call) {
            match gains {
                true => ids.insert(0, 1000 + u16::try_from(n).unwrap()),
                false if ids.is_empty() => {}
                false => drop(ids.remove(0)),
            }
        }
        ids.iter()
            .map(|id| remediation(&id.to_string(), "RUNNING"))
            .collect()
    }
}

fn course() -> impl Strategy<Value = Course> {
    (
        prop::collection::vec(0..60_u16, 0..40),
        1..8_u16,
        prop::collection::vec((1..8_usize, any::<bool>()), 0..4),
        prop::option::of(0..8_usize),
    )
        .prop_map(|(ids, page_size, shifts, fails_at)| Course {
            ids,
            page_size,
            shifts,
            fails_at,
        })
}

/// A server whose tokens name the last item handed out, so that pages do not shift, however its list changes.
#[derive(Debug, Clone)]
struct Keyed {
    ids: BTreeSet<u16>,
    page_size: u16,
    /// Before each call: what leaves and what comes.
    changes: Vec<(Option<u16>, Option<u16>)>,
}

impl Keyed {
    fn list(&self, call: usize) -> BTreeSet<u16> {
        let mut ids = self.ids.clone();
        for &(gone, new) in self.changes.iter().take(call + 1) {
            ids.retain(|id| Some(*id) != gone);
            ids.extend(new);
        }
        ids
    }

    fn page(&self, query: &PageQuery, call: usize) -> Page {
        let after = query
            .page_token
            .as_ref()
            .map(|token| token.parse::<u16>().unwrap());
        let ids: Vec<_> = self
            .list(call)
            .into_iter()
            .filter(|id| Some(*id) > after)
            .collect();
        let size = usize::from(query.page_size).min(ids.len());
        let next = (size < ids.len()).then(|| ids[size - 1].to_string());
        let items = ids[..size]
            .iter()
            .map(|id| remediation(&id.to_string(), "RUNNING"));
        page(items.collect(), next.as_deref())
    }

    /// There from the first call to the last.
    fn throughout(&self, calls: usize) -> Vec<String> {
        let steady = |id: &&u16| (0..calls).all(|call| self.list(call).contains(id));
        self.ids.iter().filter(steady).map(u16::to_string).collect()
    }
}

fn keyed() -> impl Strategy<Value = Keyed> {
    let id = || prop::option::of(0..80_u16);
    (
        prop::collection::btree_set(0..80_u16, 0..40),
        1..8_u16,
        prop::collection::vec((id(), id()), 0..20),
    )
        .prop_map(|(ids, page_size, changes)| Keyed {
            ids,
            page_size,
            changes,
        })
}

proptest! {
    #[test]
    fn what_was_there_throughout_is_in_the_proof(course in keyed()) {
        let runtime = runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let served = course.clone();
            let api = Fake::new(move |query, call| Ok(served.page(query, call)));
            let ask = ListRequest { page_size: course.page_size, ..request(&[]) };
            let (ids, complete) = drive(Listing::start(api.clone(), ask, &Dialects::default())).await;
            let complete = complete.unwrap();
            for id in course.throughout(api.calls()) {
                prop_assert!(complete.contains(&id) && ids.contains(&id), "{} is lost", id);
            }
            Ok(())
        })?;
    }

    #[test]
    fn complete_only_if_the_api_ended_it(course in course()) {
        let runtime = runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let served = course.clone();
            let api = Fake::new(move |query, call| {
                if served.fails_at == Some(call) {
                    return Err(Error::NotFound);
                }
                Ok(cut(&served.list(call), query))
            });
            let ask = ListRequest { page_size: course.page_size, ..request(&[]) };
            let listing = Listing::start(api.clone(), ask, &Dialects::default());
            let (ids, complete) = drive(listing).await;

            let mut once = ids.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), ids.len(), "an id came twice");
            let failed = course.fails_at.is_some_and(|at| at < api.calls());
            prop_assert!(!(failed && complete.is_ok()), "a failed listing proves nothing");
            if let Ok(complete) = complete {
                for id in course.ids.iter().map(u16::to_string) {
                    // a page that begins one item late, because one before it has gone, loses what no reader can know of
                    let shifted = course.shifts.iter().any(|(_, gains)| !gains);
                    let listed = complete.contains(&id);
                    prop_assert!(listed || shifted, "{} is lost", id);
                    prop_assert!(ids.contains(&id) || !listed, "{} was not handed out", id);
                }
            }
            Ok(())
        })?;
    }
}
