#![allow(clippy::unwrap_used, clippy::expect_used)]

pub(super) mod fake;
mod ladder;
mod many;
mod pages;
mod retry;

use super::*;
use crate::together::query::dialect::{QueryNames, StateFilter};
use fake::{Fake, cut, first_page, page, remediation};

pub(super) fn request(states: &[&str]) -> ListRequest {
    ListRequest {
        cluster: "c".into(),
        instance: None,
        states: states.iter().map(|state| (*state).to_owned()).collect(),
        page_size: 2,
        order_by: None,
    }
}

fn listing(api: &Fake, dialects: &Dialects) -> Listing<Fake> {
    Listing::start(api.clone(), request(&[]), dialects)
}

/// Drives a listing to its end: every id handed out, and the proof or the error.
async fn drive(mut listing: Listing<Fake>) -> (Vec<String>, Result<CompleteListing, Error>) {
    let mut ids = Vec::new();
    while let Ok(Some(items)) = listing.next_page().await {
        ids.extend(items.into_iter().map(|item| match item {
            Ok(remediation) => remediation.id.to_string(),
            Err(bad) => bad.id.unwrap(),
        }));
    }
    (ids, listing.finish())
}

/// How many ids a listing hands out that then fails, and how it fails.
async fn fails(listing: Listing<Fake>) -> (usize, Error) {
    let (ids, complete) = drive(listing).await;
    (ids.len(), complete.unwrap_err())
}

fn five() -> Vec<Remediation> {
    ["a", "b", "c", "d", "e"]
        .map(|id| remediation(id, "RUNNING"))
        .to_vec()
}

fn incomplete(why: Incomplete) -> Error {
    Error::IncompleteListing { why }
}
