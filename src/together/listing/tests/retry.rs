//! Pages that fail, and how often they are asked for again.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::{
    network::Cause,
    together::{DecodeError, TransportError},
};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn unavailable(cause: TransportError) -> Error {
    let retry_after = None;
    Error::Unavailable { cause, retry_after }
}

fn limited(retry_after: u64) -> Error {
    let retry_after = Some(seconds(retry_after));
    Error::RateLimited { retry_after }
}

fn cut_off() -> Error {
    let (line, column) = (1, 17);
    Error::InvalidResponse(DecodeError::CutOff { line, column })
}

fn many(pages: u32) -> Vec<Remediation> {
    (0..pages * 2)
        .map(|number| remediation(&number.to_string(), "RUNNING"))
        .collect()
}

/// The API of that many pages, which fails these calls (counted from 0) by this error.
fn failing(pages: u32, fails: impl Fn(usize) -> bool + Send + Sync + 'static, by: &Error) -> Fake {
    let by = by.clone();
    Fake::new(move |query, call| {
        if fails(call) {
            return Err(by.clone());
        }
        Ok(cut(&many(pages), query))
    })
}

#[tokio::test(start_paused = true)]
async fn a_page_that_failed_is_asked_for_again_by_the_same_token() {
    for error in [
        Error::RateLimited { retry_after: None },
        limited(30),
        unavailable(TransportError::Status(503)),
        unavailable(TransportError::Status(500)),
        unavailable(TransportError::Connection(Cause::TimedOut)),
        unavailable(TransportError::Connection(Cause::ConnectionRefused)),
        unavailable(TransportError::Connection(Cause::ConnectionCut)),
        cut_off(),
    ] {
        let api = failing(100, |call| matches!(call, 59 | 60), &error);
        let (ids, complete) = drive(listing(&api, &Dialects::default())).await;
        let pages = complete.map(|complete| complete.pages());
        assert_eq!((pages, ids.len()), (Ok(100), 200), "{error}");
        let queries = api.queries();
        assert_eq!(queries.len(), 102, "{error}");
        assert!(queries[59] == queries[60] && queries[60] == queries[61]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_page_is_asked_for_again_too_unless_that_is_no_use() {
    let error = unavailable(TransportError::Status(503));
    for (once, calls) in [(false, 3), (true, 1)] {
        let api = failing(3, |call| call < 5, &error);
        let listing = listing(&api, &Dialects::default()).first_page_once(once);
        let (_, complete) = drive(listing).await;
        assert_eq!((complete.unwrap_err(), api.calls()), (error.clone(), calls));
    }
    // The pages after it are asked for again all the same.
    let api = failing(3, |call| call == 1, &error);
    let listing = listing(&api, &Dialects::default()).first_page_once(true);
    assert!(drive(listing).await.1.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_page_is_asked_for_three_times_at_most() {
    let error = unavailable(TransportError::Connection(Cause::TimedOut));
    let api = failing(9, |call| call >= 4, &error);
    let mut listing = listing(&api, &Dialects::default());
    let failed = loop {
        if let Err(error) = listing.next_page().await {
            break error;
        }
    };
    assert_eq!((failed, api.calls()), (error, 4 + 3));
    assert_eq!((listing.calls(), listing.retries()), (7, 2));
}

#[tokio::test(start_paused = true)]
async fn a_listing_repeats_ten_calls_at_most_or_a_tenth_of_its_pages() {
    let error = unavailable(TransportError::Status(502));
    // Every other call fails, so that each page comes at the second try.
    for (pages, good_first, most) in [(200, 0, 10), (60, 40, 10), (400, 250, 27), (9, 0, 9)] {
        let api = failing(
            pages,
            move |call| call >= good_first && call % 2 == 0,
            &error,
        );
        let mut listing = listing(&api, &Dialects::default());
        while let Ok(Some(_)) = listing.next_page().await {}
        assert_eq!(listing.retries(), most, "{pages} pages");
        let came = listing.finish().is_ok();
        assert_eq!(came, pages < 10, "{pages} pages");
    }
}

#[tokio::test(start_paused = true)]
async fn what_asking_again_does_not_change_ends_the_listing() {
    for error in [
        Error::Unauthorized,
        Error::Forbidden,
        Error::NotFound,
        Error::InvalidResponse(DecodeError::NotJson { line: 1, column: 0 }),
        Error::TooLarge { limit: 1 },
    ] {
        let api = failing(3, |call| call == 1, &error);
        let (_, complete) = drive(listing(&api, &Dialects::default())).await;
        assert_eq!((complete.unwrap_err(), api.calls()), (error, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_is_waited_for_up_to_thirty_seconds_and_a_longer_one_ends_the_listing() {
    for (retry_after, calls) in [(0, 4), (30, 4), (31, 2), (3600, 2)] {
        let error = limited(retry_after);
        let api = failing(3, |call| call == 1, &error);
        let begun = Instant::now();
        let (_, complete) = drive(listing(&api, &Dialects::default())).await;
        assert_eq!((complete.is_ok(), api.calls()), (calls == 4, calls));
        let waited = if calls == 4 { retry_after } else { 0 };
        assert!(begun.elapsed() >= seconds(waited));
        assert!(begun.elapsed() <= seconds(waited + 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_is_dropped_while_it_waits_asks_no_more() {
    let api = failing(3, |call| call == 1, &limited(20));
    let mut listing = listing(&api, &Dialects::default());
    listing.next_page().await.unwrap();
    let given_up = tokio::time::timeout(seconds(5), listing.next_page()).await;
    assert!(given_up.is_err());
    drop(listing);
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(api.calls(), 2);
}
