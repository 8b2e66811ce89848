//! How states are asked for where the server does not take the reference page's way.

use super::*;

const OPEN: [&str; 4] = ["PENDING", "PENDING_APPROVAL", "QUARANTINED", "RUNNING"];
const REFERENCE: [&str; 3] = ["PENDING", "PENDING_APPROVAL", "RUNNING"];

fn refused() -> Result<Page, Error> {
    Err(Error::BadRequest { status: 400 })
}

fn mixed() -> Vec<Remediation> {
    vec![
        remediation("a", "PENDING"),
        remediation("b", "RUNNING"),
        remediation("c", "QUARANTINED"),
        remediation("d", "SUCCEEDED"),
        remediation("e", "RUNNING"),
    ]
}

/// The page of a server that honors the filter.
fn filtered(query: &PageQuery) -> Page {
    let items: Vec<_> = mixed()
        .into_iter()
        .filter(|item| query.filter.admits(&item.state))
        .collect();
    cut(&items, query)
}

/// A server that knows the names of the SDKs alone.
fn of_the_sdks() -> Fake {
    Fake::new(|query, _| match query.names {
        QueryNames::Reference => refused(),
        QueryNames::Sdk => Ok(filtered(query)),
    })
}

/// A server of joined states that repeats its first page if it is asked in other names than those of the SDKs.
fn joined_of_the_sdks() -> Fake {
    Fake::new(|query, _| match (&query.filter, query.names) {
        (StateFilter::Repeated(_), _) => refused(),
        (_, QueryNames::Reference) => Ok(first_page(&mixed()[..4], query)),
        (_, QueryNames::Sdk) => Ok(filtered(query)),
    })
}

/// A server that applies the filter, except that the first item of these calls has just ended.
fn odd_at(odd: &'static [usize]) -> Fake {
    Fake::new(move |query, call| {
        let mut page = filtered(query);
        if odd.contains(&call) {
            page.items[0] = Ok(remediation("a", "SUCCEEDED"));
        }
        Ok(page)
    })
}

fn open(api: &Fake, dialects: &Dialects) -> Listing<Fake> {
    Listing::start(api.clone(), request(&OPEN), dialects)
}

#[tokio::test]
async fn the_reference_pages_form_costs_no_call_more() {
    let api = Fake::new(|query, _| Ok(filtered(query)));
    let dialects = Dialects::default();
    let (ids, complete) = drive(open(&api, &dialects)).await;
    let complete = complete.unwrap();
    assert_eq!(ids, ["a", "b", "c", "e"]);
    assert_eq!(complete.states(), OPEN.map(str::to_owned));
    assert!(!complete.filter_ignored());
    assert_eq!(api.calls(), 2);
    let repeated = StateFilter::Repeated(OPEN.map(str::to_owned).to_vec());
    assert!(api.queries().iter().all(|query| query.filter == repeated));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_newer_states_is_asked_without_them() {
    let api = Fake::new(|query, _| match query.filter {
        StateFilter::Repeated(ref states) if !states.contains(&"QUARANTINED".to_owned()) => {
            Ok(filtered(query))
        }
        _ => refused(),
    });
    let dialects = Dialects::default();
    let (ids, complete) = drive(open(&api, &dialects)).await;
    assert_eq!(ids, ["a", "b", "e"]);
    assert_eq!(complete.unwrap().states(), REFERENCE.map(str::to_owned));

    // remembered once two agree, whatever the order of the states, and tried again after ten minutes, then after twenty
    for (minutes, calls) in [(1, 3), (9, 2), (1, 3), (19, 2), (1, 3)] {
        tokio::time::advance(std::time::Duration::from_secs(minutes * 60)).await;
        let before = api.calls();
        let mut states = OPEN;
        states.reverse();
        let listing = Listing::start(api.clone(), request(&states), &dialects);
        assert!(drive(listing).await.1.is_ok());
        assert_eq!(api.calls() - before, calls);
    }
}

#[tokio::test]
async fn a_server_of_joined_states_is_asked_so() {
    let api = Fake::new(|query, _| match query.filter {
        StateFilter::Comma(_) => Ok(filtered(query)),
        _ => refused(),
    });
    let dialects = Dialects::default();
    let (ids, complete) = drive(open(&api, &dialects)).await;
    assert_eq!(ids, ["a", "b", "c", "e"]);
    assert_eq!(complete.unwrap().states(), OPEN.map(str::to_owned));
    drive(open(&api, &dialects)).await.1.unwrap();
    let note = dialects.note(&request(&OPEN).states);
    assert!(note.is_some_and(|note| note.contains("joins states by commas")));
}

#[tokio::test]
async fn a_server_that_refuses_every_filter_gives_full_listings() {
    let api = Fake::new(|query, _| match query.filter {
        StateFilter::None => Ok(filtered(query)),
        _ => refused(),
    });
    let dialects = Dialects::default();
    for (calls, filters) in [(4 + 3, true), (4 + 3, false), (3, false)] {
        let before = api.calls();
        let (ids, complete) = drive(open(&api, &dialects)).await;
        let complete = complete.unwrap();
        assert_eq!((ids.len(), complete.states().len()), (5, 0));
        assert!(!complete.filter_ignored());
        assert_eq!(api.calls() - before, calls);
        assert_eq!(dialects.filters(&request(&OPEN).states), filters);
    }
}

#[tokio::test]
async fn a_request_that_is_bad_without_a_filter_too_teaches_nothing() {
    let api = Fake::new(|_, _| refused());
    let dialects = Dialects::default();
    for _ in 0..2 {
        let before = api.calls();
        let failed = fails(open(&api, &dialects)).await;
        assert_eq!(failed, (0, Error::BadRequest { status: 400 }));
        assert_eq!(api.calls() - before, 5 + 1, "and once in other names");
        assert_eq!(dialects.note(&request(&OPEN).states), None);
    }
}

#[tokio::test]
async fn only_a_refusal_climbs_the_ladder() {
    for error in [
        Error::NotFound,
        Error::Unauthorized,
        Error::RateLimited { retry_after: None },
    ] {
        let returned = error.clone();
        let api = Fake::new(move |_, _| Err(returned.clone()));
        let listing = open(&api, &Dialects::default()).first_page_once(true);
        let (_, complete) = drive(listing).await;
        assert_eq!((complete.unwrap_err(), api.calls()), (error, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ignores_the_filter_is_found_out_and_nothing_is_hidden() {
    let api = Fake::new(|query, _| Ok(cut(&mixed(), query)));
    let dialects = Dialects::default();
    let mut listing = open(&api, &dialects);
    listing.next_page().await.unwrap();
    assert!(!listing.filter_ignored());
    listing.next_page().await.unwrap();
    assert!(listing.filter_ignored());
    let (ids, complete) = drive(listing).await;
    assert!(complete.unwrap().filter_ignored());
    assert_eq!(ids, ["e"]);

    // another listing agrees: known for ten minutes, and then for twenty
    let states = request(&OPEN).states;
    for minutes in [10, 20] {
        assert!(dialects.filters(&states));
        let complete = drive(open(&api, &dialects)).await.1.unwrap();
        assert!(complete.filter_ignored());
        assert!(!dialects.filters(&states));
        let complete = drive(open(&api, &dialects)).await.1.unwrap();
        let asked = (complete.states().len(), complete.filter_ignored());
        assert_eq!(asked, (0, false));
        let note = dialects.note(&states);
        assert!(note.is_some_and(|note| note.contains("ignores")));
        tokio::time::advance(std::time::Duration::from_secs(minutes * 60)).await;
    }
}

#[tokio::test]
async fn the_form_that_was_found_outlives_a_change_of_names() {
    let api = joined_of_the_sdks();
    let (ids, complete) = drive(open(&api, &Dialects::default())).await;
    assert_eq!(ids, ["a", "b", "c", "e"]);
    let complete = complete.unwrap();
    assert_eq!(complete.names(), QueryNames::Sdk);
    assert_eq!(complete.states().len(), 4);
}

#[tokio::test]
async fn one_stray_refusal_counts_for_its_listing_alone() {
    let api = Fake::new(|query, call| match call {
        0 => refused(),
        _ => Ok(filtered(query)),
    });
    let dialects = Dialects::default();
    assert!(drive(open(&api, &dialects)).await.1.is_ok());
    assert_eq!(dialects.note(&request(&OPEN).states), None);
    let complete = drive(open(&api, &dialects)).await.1.unwrap();
    assert_eq!(complete.states(), OPEN.map(str::to_owned));
}

#[tokio::test]
async fn one_item_that_changed_while_it_was_listed_counts_for_its_listing_alone() {
    let api = odd_at(&[0]);
    let dialects = Dialects::default();
    let complete = drive(open(&api, &dialects)).await.1.unwrap();
    assert!(complete.filter_ignored());
    assert_eq!(dialects.note(&request(&OPEN).states), None);
    let complete = drive(open(&api, &dialects)).await.1.unwrap();
    assert_eq!(complete.states(), OPEN.map(str::to_owned));
}

#[tokio::test]
async fn a_server_that_refuses_the_reference_pages_names_is_asked_with_those_of_the_sdks() {
    let api = of_the_sdks();
    for (listing, ids) in [
        (listing(&api, &Dialects::default()), "abcde"),
        (open(&api, &Dialects::default()), "abce"),
    ] {
        let (listed, complete) = drive(listing).await;
        let names = complete.map(|complete| complete.names());
        assert_eq!(names, Ok(QueryNames::Sdk));
        let mut ids = ids.chars().map(|id| id.to_string());
        assert!(ids.all(|id| listed.contains(&id)), "{listed:?}");
    }
}

#[tokio::test]
async fn a_refused_order_is_an_error_and_not_dropped() {
    let api = of_the_sdks();
    let request = ListRequest {
        order_by: Some("nonsense".to_owned()),
        ..request(&[])
    };
    let listing = Listing::start(api, request, &Dialects::default());
    let (_, complete) = drive(listing).await;
    assert_eq!(complete.err(), Some(Error::BadRequest { status: 400 }));
}

#[tokio::test]
async fn one_refused_unknown_state_does_not_cost_the_newer_ones() {
    let api = Fake::new(|query, _| {
        let mut states = query.filter.states().iter();
        if states.any(|state| state == "DREAMING") {
            refused()
        } else {
            Ok(filtered(query))
        }
    });
    let mut states = OPEN.to_vec();
    states.push("DREAMING");
    let listing = Listing::start(api.clone(), request(&states), &Dialects::default());
    let (ids, complete) = drive(listing).await;
    assert_eq!(complete.unwrap().states(), OPEN.map(str::to_owned));
    assert_eq!(ids, ["a", "b", "c", "e"]);
}

#[tokio::test]
async fn two_odd_listings_with_a_good_one_between_change_nothing() {
    // The first pages of the first listing and of the third, of two pages each.
    let api = odd_at(&[0, 4]);
    let dialects = Dialects::default();
    for ignored in [true, false, true] {
        let complete = drive(open(&api, &dialects)).await.1.unwrap();
        assert_eq!(complete.filter_ignored(), ignored);
        assert_eq!(dialects.note(&request(&OPEN).states), None);
    }
}

#[tokio::test]
async fn one_listing_that_begins_again_with_other_names_strikes_once() {
    let api = joined_of_the_sdks();
    let dialects = Dialects::default();
    drive(open(&api, &dialects)).await.1.unwrap();
    assert_eq!(dialects.note(&request(&OPEN).states), None);
    drive(open(&api, &dialects)).await.1.unwrap();
    let note = dialects.note(&request(&OPEN).states).unwrap();
    assert!(note.contains("SDKs") && note.contains("commas"), "{note}");
}

#[tokio::test]
async fn where_the_names_are_refused_the_filter_is_found_by_the_next_listing() {
    let api = of_the_sdks();
    let dialects = Dialects::default();
    for (calls, states) in [(5 + 3, 0), (5 + 3, 0), (2, 4)] {
        let before = api.calls();
        let complete = drive(open(&api, &dialects)).await.1.unwrap();
        assert_eq!(api.calls() - before, calls);
        assert_eq!(complete.states().len(), states);
    }
}
