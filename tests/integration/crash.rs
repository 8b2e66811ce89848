//! A first mirror whose operator is killed after its k-th write, for each k: the next start finishes it, and over both
//! lives each mirror is created once and given its status once.
//!
//! `CRASH_EVERY` selects k: each number that it divides (seven without it: `1` is all).

use std::env;

use futures::{StreamExt, stream};
use rustix::process::Signal;
use testbed::{
    api_proxy::{ApiProxy, Asked, Fault, Which},
    control_plane::OperatorAccount,
    simulator::Remediation as Truth,
};

use crate::{
    books::{Book, assert_each_written_once, is_object},
    fixture::{CLUSTER, Fixture},
    process::Process,
    setup,
    steps::becomes,
};

const REMEDIATIONS: u32 = 40;
/// Of the watch: that it is seen, and that it is synced.
const WATCH_WRITES: usize = 2;
/// All that a first mirror costs.
const WRITES: u64 = 2 * REMEDIATIONS as u64 + WATCH_WRITES as u64;
/// How many crash at the same time.
const AT_ONCE: usize = 6;
const ALONE: [&str; 3] = ["--leader-elect=false", "--kube-qps", "0"];

/// What becomes of the answer to the last write before the end.
#[derive(Clone, Copy, Debug)]
enum LastAnswer {
    Sent,
    Lost,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_mirror_is_finished_after_a_crash_at_any_write_with_no_write_too_many() {
    let every = env::var("CRASH_EVERY").map_or(7, |every| every.parse().unwrap());
    let control_plane = setup::control_plane().await;
    let account = control_plane.operator_account("default").await.unwrap();
    let points = (0..=WRITES).filter(|point| point % every == 0 || *point == WRITES);
    let crashes =
        points.flat_map(|point| [LastAnswer::Sent, LastAnswer::Lost].map(|last| (point, last)));
    let crashes: Vec<_> = crashes
        .filter(|(point, last)| *point > 0 || matches!(last, LastAnswer::Sent))
        .collect();
    let count = crashes.len();
    let done = stream::iter(crashes)
        .map(|(point, last)| crash(&account, point, last))
        .buffer_unordered(AT_ONCE)
        .count()
        .await;
    assert_eq!(done, count);
    setup::print_line(&format!(
        "{count} crashes after 0 to {WRITES} writes of a first mirror of {REMEDIATIONS}: each finished, no write too many"
    ));
}

/// Killed after `point` writes, then started again.
async fn crash(account: &OperatorAccount, point: u64, last: LastAnswer) {
    let fixture = Fixture::idle("crash").await;
    for number in 0..REMEDIATIONS {
        let truth = Truth::numbered(CLUSTER, number);
        let id = truth.id.clone();
        fixture.simulator.put(truth);
        if number % 2 == 0 {
            fixture.enter(&id, "SUCCEEDED");
        }
    }
    fixture.watch("training", |_| {}).await;
    let first = ApiProxy::start(account).await.unwrap();
    if matches!(last, LastAnswer::Lost) {
        first.fault(Fault::LoseAnswer, Which::Nth(point), Asked::is_write);
    }
    first.fault(Fault::Hang, Which::From(point + 1), Asked::is_write);
    let process = Process::behind(&fixture, &first, &ALONE);
    becomes("answered writes", point, async || {
        let writes = first.writes();
        let answered = writes.iter().filter(|write| write.answer.is_some());
        u64::try_from(answered.count()).unwrap()
    })
    .await;
    process.signal(Signal::KILL);
    process.ended().await;
    let killed = first.writes();

    let second = ApiProxy::start(account).await.unwrap();
    let process = Process::behind(&fixture, &second, &ALONE);
    fixture.ready("training", "Synced").await;
    fixture.sync("training").await;
    fixture.agrees().await;
    process.signal(Signal::TERM);
    let (status, log) = process.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
    let books = [killed, second.writes()];
    let watch = assert_each_written_once(&books, REMEDIATIONS as usize);
    // The sync that was asked for is echoed, sometimes in the same write as a pending change.
    let echoed = WATCH_WRITES + 1;
    assert!(
        (WATCH_WRITES..=echoed).contains(&watch),
        "{watch} writes of the watch's status, after {point} ({last:?})"
    );
    assert_eq!(refused(&books), 0, "after {point} ({last:?})");
}

/// Writes to mirrors that the server was asked for in vain.
fn refused(books: &[Book]) -> usize {
    let writes = books.iter().flatten();
    let mirrors = writes.filter(|write| is_object(write) && write.asked.writes_to("remediations"));
    mirrors
        .filter(|write| write.answer.is_some() && !write.succeeded())
        .count()
}
