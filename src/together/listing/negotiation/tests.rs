use super::*;
use crate::together::listing::tests::{fake, request};

const STATES: [&str; 2] = ["RUNNING", "PENDING"];

fn states(states: &[&str]) -> Vec<String> {
    request(states).states
}

/// A page with one remediation in this state.
fn page(state: &str) -> Page {
    fake::page(vec![fake::remediation("a", state)], None)
}

/// The formats in the order in which they are tried, if the server rejects all of them.
fn tried(mut negotiation: Negotiation) -> Vec<(QueryNames, StateFilter)> {
    let mut tried = vec![(negotiation.names(), negotiation.filter())];
    while negotiation.fall_back() {
        tried.push((negotiation.names(), negotiation.filter()));
    }
    tried
}

#[test]
fn starts_with_the_reference_format_and_each_state_once() {
    let request = request(&["RUNNING", "PENDING", "RUNNING"]);
    let negotiation = Negotiation::start(request, &Dialects::default());
    let query = negotiation.query(Some("t".into()));
    let sorted = states(&["PENDING", "RUNNING"]);
    assert_eq!(query.filter, StateFilter::Repeated(sorted));
    assert_eq!(query.names, QueryNames::Reference);
    assert_eq!(query.page_token.as_deref(), Some("t"));
    assert!(!negotiation.names_switched() && !negotiation.filter_ignored());
}

#[test]
fn after_rejections_tries_each_form_of_the_filter_and_then_the_other_names_once() {
    use QueryNames::{Reference, Sdk};
    let both = states(&["PENDING", "RUNNING"]);
    let negotiation = Negotiation::start(request(&STATES), &Dialects::default());
    let expected = [
        (Reference, StateFilter::Repeated(both.clone())),
        (Reference, StateFilter::Comma(both)),
        (Reference, StateFilter::None),
        (Sdk, StateFilter::None),
    ];
    assert_eq!(tried(negotiation), expected);
}

#[test]
fn keeps_the_names_if_an_order_is_requested() {
    let request = ListRequest {
        order_by: Some("createdAt".into()),
        ..request(&[])
    };
    let negotiation = Negotiation::start(request, &Dialects::default());
    assert_eq!(tried(negotiation).len(), 1);
}

#[test]
fn a_form_that_two_lists_found_is_the_first_of_the_third() {
    let dialects = Dialects::default();
    for _ in 0..2 {
        let mut negotiation = Negotiation::start(request(&STATES), &dialects);
        assert!(negotiation.fall_back());
        // Its second page must not count as a second list.
        negotiation.page_arrived(&page("RUNNING"));
        negotiation.page_arrived(&page("PENDING"));
    }
    let negotiation = Negotiation::start(request(&STATES), &dialects);
    assert!(matches!(negotiation.filter(), StateFilter::Comma(_)));
}

#[test]
fn one_list_alone_is_not_remembered() {
    let dialects = Dialects::default();
    let mut negotiation = Negotiation::start(request(&STATES), &dialects);
    negotiation.fall_back();
    negotiation.page_arrived(&page("RUNNING"));
    negotiation.page_arrived(&page("RUNNING"));
    let negotiation = Negotiation::start(request(&STATES), &dialects);
    assert!(matches!(negotiation.filter(), StateFilter::Repeated(_)));
}

#[test]
fn a_state_that_was_not_requested_shows_that_the_filter_is_ignored() {
    let mut negotiation = Negotiation::start(request(&STATES), &Dialects::default());
    negotiation.page_arrived(&page("RUNNING"));
    assert!(!negotiation.filter_ignored());
    negotiation.page_arrived(&page("SUCCEEDED"));
    assert!(negotiation.filter_ignored());
    let mut full = Negotiation::start(request(&[]), &Dialects::default());
    full.page_arrived(&page("SUCCEEDED"));
    assert!(!full.filter_ignored(), "a full list has no filter");
}

#[test]
fn other_names_are_remembered_once_two_lists_used_them_to_the_end() {
    let dialects = Dialects::default();
    for _ in 0..2 {
        let mut negotiation = Negotiation::start(request(&[]), &dialects);
        assert_eq!(negotiation.names(), QueryNames::Reference);
        negotiation.switch_names();
        negotiation.page_continues(1);
        assert_eq!(dialects.names(), QueryNames::Reference, "not proven yet");
        negotiation.list_completed(1);
    }
    assert_eq!(dialects.names(), QueryNames::Sdk);
}
