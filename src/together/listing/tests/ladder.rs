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

/// What a server that heeds the filter shows.
fn filtered(query: &PageQuery) -> Page {
    let items: Vec<_> = mixed()
        .into_iter()
        .filter(|item| query.filter.admits(&item.state))
        .collect();
    cut(&items, query)
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
    assert_eq!(
        (complete.states(), complete.filter_ignored()),
        (&OPEN.map(str::to_owned)[..], false)
    );
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

    // remembered, whatever the order of the states, and tried again after six hours
    for (hours, calls) in [(3, 2), (2, 2), (1, 3), (1, 2)] {
        tokio::time::advance(std::time::Duration::from_secs(hours * 3600)).await;
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
    let note = dialects.note(&request(&OPEN).states);
    assert!(note.is_some_and(|note| note.contains("joined by commas")));
}

#[tokio::test]
async fn a_server_that_refuses_every_filter_gives_full_listings() {
    let api = Fake::new(|query, _| match query.filter {
        StateFilter::None => Ok(filtered(query)),
        _ => refused(),
    });
    let dialects = Dialects::default();
    for calls in [4 + 3, 3] {
        let before = api.calls();
        let (ids, complete) = drive(open(&api, &dialects)).await;
        let complete = complete.unwrap();
        assert_eq!(
            (
                ids.len(),
                complete.states().len(),
                complete.filter_ignored()
            ),
            (5, 0, false)
        );
        assert_eq!(api.calls() - before, calls);
        assert!(!dialects.filters(&request(&OPEN).states));
    }
}

#[tokio::test]
async fn a_request_that_is_bad_without_a_filter_too_teaches_nothing() {
    let api = Fake::new(|_, _| refused());
    let dialects = Dialects::default();
    let (ids, complete) = drive(open(&api, &dialects)).await;
    assert_eq!(
        (ids.len(), complete.unwrap_err()),
        (0, Error::BadRequest { status: 400 })
    );
    assert_eq!(api.calls(), 5);
    assert!(dialects.filters(&request(&OPEN).states));
}

#[tokio::test]
async fn only_a_refusal_climbs_the_ladder() {
    for error in [
        Error::NotFound,
        Error::Unauthorized,
        Error::RateLimited { retry_after: None },
    ] {
        let told = error.clone();
        let api = Fake::new(move |_, _| Err(told.clone()));
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

    // known from now on, and asked again after six hours
    let states = request(&OPEN).states;
    assert!(!dialects.filters(&states));
    let complete = drive(open(&api, &dialects)).await.1.unwrap();
    assert_eq!(
        (complete.states().len(), complete.filter_ignored()),
        (0, false)
    );
    assert!(
        dialects
            .note(&states)
            .is_some_and(|note| note.contains("ignores"))
    );
    tokio::time::advance(std::time::Duration::from_secs(6 * 3600)).await;
    assert!(dialects.filters(&states));
    assert!(
        drive(open(&api, &dialects))
            .await
            .1
            .unwrap()
            .filter_ignored()
    );
    assert!(!dialects.filters(&states));
}

#[tokio::test]
async fn the_form_that_was_found_outlives_a_change_of_names() {
    let api = Fake::new(|query, _| match (&query.filter, query.names) {
        (StateFilter::Repeated(_), _) => refused(),
        (_, QueryNames::Reference) => Ok(first_page(&mixed()[..4], query)),
        (_, QueryNames::Sdk) => Ok(filtered(query)),
    });
    let (ids, complete) = drive(open(&api, &Dialects::default())).await;
    assert_eq!(ids, ["a", "b", "c", "e"]);
    let complete = complete.unwrap();
    assert_eq!(
        (complete.names(), complete.states().len()),
        (QueryNames::Sdk, 4)
    );
}
