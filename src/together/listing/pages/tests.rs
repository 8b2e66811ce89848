#![allow(clippy::unwrap_used, clippy::expect_used, clippy::unnecessary_wraps)]

use super::*;

fn item(id: &str) -> Item {
    Ok(Remediation {
        id: id.into(),
        state: "RUNNING".into(),
        ..Remediation::default()
    })
}

fn bad(id: Option<&str>) -> Item {
    let id = id.map(str::to_owned);
    Err(Malformed {
        position: 0,
        id,
        field: "state".into(),
        problem: "absent or empty",
    })
}

fn page(items: Vec<Item>, token: Option<&str>) -> Page {
    Page {
        items,
        has_next: token.is_some(),
        next_page_token: token.map(str::to_owned),
    }
}

fn ids(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| id(item).unwrap_or("?")).collect()
}

#[test]
fn counts_each_id_once_and_numbers_the_bad_ones() {
    let mut pass = Pass::default();
    let items = vec![item("a"), bad(Some("b")), item("a"), bad(None)];
    let (new, next) = pass.take(page(items, Some("t")));
    assert_eq!(ids(&new), ["a", "b", "?"]);
    assert_eq!(next, Next::Token("t".into()));
    let (new, next) = pass.take(page(vec![item("b"), item("c"), bad(None)], None));
    assert_eq!((ids(&new), next), (vec!["c", "?"], Next::End));
    assert_eq!(new[1].as_ref().unwrap_err().position, 6);
    assert_eq!((pass.pages(), pass.items()), (2, 2));
    assert_eq!((pass.skipped(), pass.unnamed()), (3, 2));
    assert!(["a", "b", "c"].iter().all(|id| pass.contains(id)));
    assert!(!pass.contains("d"));
}

#[test]
fn a_repeated_token_is_a_loop_and_its_page_is_not_lost() {
    let mut pass = Pass::default();
    pass.take(page(vec![item("a")], Some("t")));
    pass.take(page(vec![item("b")], Some("u")));
    let (new, next) = pass.take(page(vec![item("c")], Some("t")));
    assert_eq!(ids(&new), ["c"]);
    assert_eq!(next, Next::Broken(Incomplete::Loop));
}

#[test]
fn two_pages_in_a_row_of_known_ids_are_a_loop_unless_the_second_is_the_last() {
    let repeat = || vec![item("b"), item("a")];
    let taken = || {
        let mut pass = Pass::default();
        pass.take(page(vec![item("a"), bad(Some("b"))], Some("t")));
        let (new, next) = pass.take(page(repeat(), Some("u")));
        assert_eq!((ids(&new).len(), next), (0, Next::Token("u".into())));
        pass
    };
    let (new, next) = taken().take(page(repeat(), Some("v")));
    assert_eq!((ids(&new).len(), next), (0, Next::Broken(Incomplete::Loop)));
    assert_eq!(taken().take(page(repeat(), None)).1, Next::End);

    let mut pass = taken();
    pass.take(page(vec![item("c"), item("a")], Some("v")));
    let (_, next) = pass.take(page(repeat(), Some("w")));
    assert_eq!(next, Next::Token("w".into()), "not in a row");
}

#[test]
fn pages_without_ids_are_no_loop() {
    let mut pass = Pass::default();
    for (items, token) in [(vec![], "t"), (vec![], "u"), (vec![bad(None)], "v")] {
        let (_, next) = pass.take(page(items, Some(token)));
        assert_eq!(next, Next::Token(token.into()));
    }
}

#[test]
fn pages_are_capped() {
    let mut pass = Pass::default();
    for n in 1..MAX_PAGES {
        let token = n.to_string();
        let (_, next) = pass.take(page(vec![item(&token)], Some(&token)));
        assert_eq!(next, Next::Token(token));
    }
    let mut last = Pass {
        pages: pass.pages,
        ..Pass::default()
    };
    assert_eq!(last.take(page(vec![], None)).1, Next::End);
    let over = pass.take(page(vec![item("x")], Some("x"))).1;
    assert_eq!(over, Next::Broken(Incomplete::TooManyPages(MAX_PAGES)));
}

#[test]
fn a_second_pass_proves_by_itself_and_hands_out_only_what_is_new() {
    let mut pass = Pass::default();
    pass.take(page(vec![item("a"), item("gone")], Some("t")));
    let mut pass = pass.start_over();
    assert!(!pass.contains("a"));
    let (new, next) = pass.take(page(vec![item("a"), item("b")], Some("t")));
    assert_eq!((ids(&new), next), (vec!["b"], Next::Token("t".into())));
    assert_eq!((pass.pages(), pass.items()), (1, 2));
    assert!(pass.contains("a") && pass.contains("b") && !pass.contains("gone"));
}

#[test]
fn only_the_first_item_of_an_id_decides_whether_it_is_readable() {
    let mut ids = SeenIds::default();
    assert_eq!(ids.record("a", true), Sighting::New);
    assert_eq!(ids.record("a", false), Sighting::Repeated);
    assert_eq!(ids.record("b", false), Sighting::New);
    assert_eq!(ids.record("b", true), Sighting::Repeated);
    assert!(ids.is_readable("a") && !ids.is_readable("b"));
}

#[test]
fn a_new_pass_knows_what_all_earlier_ones_returned() {
    let mut ids = SeenIds::default();
    ids.record("a", true);
    let mut ids = ids.start_over();
    ids.record("b", false);
    let mut ids = ids.start_over();
    assert!(!ids.contains("a") && !ids.contains("b"));
    let again = ["a", "b", "c"].map(|id| ids.record(id, true));
    let returned = Sighting::Returned;
    assert_eq!(again, [returned, returned, Sighting::New]);
    assert!(ids.is_readable("b"), "this pass could read it");
}
