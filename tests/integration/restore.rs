//! etcd is put back to a snapshot, by its own tools, under operators that go on running: objects come back as they were, or
//! again with another uid, or are gone, and a resourceVersion that was given out once is given out for something else. After
//! it the mirrors match the API again without intervention.

mod alone;
mod elected;
mod story;

use testbed::{control_plane::Revisions, tools::Tool};

use self::{alone::Alone, elected::Elected};
use crate::setup::{self, own_control_plane};

/// Whether etcd's own tools are on this machine; else the test is noted as not run.
fn tools_are_here() -> bool {
    [Tool::Etcdctl, Tool::Etcdutl]
        .into_iter()
        .all(|tool| tool.find_or_note().is_some())
}

/// One cluster with both operators at work; it is put back once.
async fn restored(revisions: Revisions) {
    if !tools_are_here() {
        return;
    }
    let control_plane = own_control_plane().await;
    let mut alone = Alone::start(&control_plane).await;
    let elected = Elected::start(&control_plane).await;
    alone.begin().await;
    elected.begin().await;
    let snapshot = control_plane.snapshot().await.unwrap();
    alone.go_on().await;
    elected.go_on().await;
    control_plane.restore(&snapshot, revisions).await.unwrap();
    let (alone, elected) = tokio::join!(alone.recovers(), elected.recovers());
    let outcomes = [("the operator alone", alone), ("the elected one", elected)];
    let mut wrong = Vec::new();
    for (who, found) in outcomes {
        match found {
            Ok(took) => setup::print_line(&format!(
                "etcd restored, revisions {revisions:?}: the mirrors of {who} are the truth after {:.0} s",
                took.as_secs_f64()
            )),
            Err(last) => wrong.push(format!("{who}: {last}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn mirrors_are_the_truth_after_a_restore_that_bumps_the_revisions() {
    restored(Revisions::Bumped).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mirrors_are_the_truth_after_a_restore_that_gives_the_revisions_out_again() {
    restored(Revisions::Reused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mirrors_are_the_truth_after_a_restore_that_the_operator_slept_through() {
    if !tools_are_here() {
        return;
    }
    let control_plane = own_control_plane().await;
    let mut alone = Alone::start(&control_plane).await;
    alone.begin().await;
    let snapshot = control_plane.snapshot().await.unwrap();
    alone.go_on().await;
    alone.sleep();
    let revisions = Revisions::Reused;
    control_plane.restore(&snapshot, revisions).await.unwrap();
    alone.wake().await;
    alone.recovers().await.unwrap();
}
