//! What makes the index list again: a version that goes backwards.

use std::{pin::pin, time::Duration};

use futures::FutureExt;
use tokio::time::advance;

use super::*;

/// An index of one namespace that was listed, with mirror `a` at version 5 and `b` at 9.
fn listed() -> Index {
    let index = Index::new(1);
    list(&index, [at(5), object("b", 9, "RUNNING")]);
    assert!(index.is_ready());
    index
}

fn list(index: &Index, objects: impl IntoIterator<Item = Remediation>) {
    let epoch = index.begin(Some("n"));
    for object in objects {
        index.list(Some("n"), epoch, object);
    }
    index.end(epoch, Some("n"));
}

/// Whether all is to be listed again, and does not count as known until then.
fn is_rewound(index: &Index, rewinds: &Rewinds) -> bool {
    let again = rewinds.next().now_or_never().is_some();
    assert_eq!(again, !index.is_ready() && !index.is_listed("n"));
    again
}

fn at(version: u64) -> Remediation {
    object("a", version, "RUNNING")
}

/// Reads `a` after a conflict; the index knows version 5.
fn reads(index: &Index, version: u64) {
    index.compare(Some(5), &at(version), "c");
}

/// A creation for cluster `c` finds an existing object of `cluster`.
fn finds(index: &Index, version: u64, cluster: &str) {
    let mut found = object("c", version, "RUNNING");
    found.spec.cluster_id = cluster.into();
    index.compare(None, &found, "c");
}

/// What happens, whether it shows an older version than before, and the call that does it.
type Shown = (&'static str, bool, fn(&Index));

#[tokio::test(start_paused = true)]
async fn any_older_version_than_before_makes_all_be_listed_again() {
    let cases: [Shown; 14] = [
        ("a list shows the same", false, |it| list(it, [at(5)])),
        ("a list shows a newer one", false, |it| list(it, [at(6)])),
        ("a list shows an older one", true, |it| list(it, [at(4)])),
        ("an event is newer", false, |it| it.show(Some("n"), at(10))),
        ("an event is as new", false, |it| it.show(Some("n"), at(9))),
        ("an event is older", true, |it| it.show(Some("n"), at(8))),
        ("a deletion is older", true, |it| it.hide(Some("n"), &at(8))),
        ("the object read is newer", false, |it| reads(it, 6)),
        ("the object read is the same", false, |it| reads(it, 5)),
        ("the object read is older", true, |it| reads(it, 4)),
        ("what was created is unseen", true, |it| finds(it, 7, "c")),
        ("the newest created is unseen", true, |it| finds(it, 9, "c")),
        ("what was created is new", false, |it| finds(it, 10, "c")),
        ("it is another cluster's", false, |it| finds(it, 7, "d")),
    ];
    for (what, back, act) in cases {
        let index = listed();
        let rewinds = index.rewinds();
        act(&index);
        assert_eq!(is_rewound(&index, &rewinds), back, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_rewind_a_namespace_is_known_once_a_list_that_began_since_has_ended() {
    let index = listed();
    let under_way = index.begin(Some("n"));
    index.rewound(None);
    index.end(under_way, Some("n"));
    assert!(!index.is_ready());
    assert_eq!(index.restores(), 0, "no list shows what was restored");
    list(&index, [at(3)]);
    assert!(index.is_ready() && index.is_listed("n"));
    assert_eq!(index.restores(), 1);
    list(&index, [at(3)]);
    assert_eq!(index.restores(), 1, "a list without a restore");
    assert_eq!(index.get("n", "a").unwrap().object.resource_version, 3);
    // Answers count from there on.
    index.apply(object("new", 4, "RUNNING"));
    assert!(state(&index, "new").is_some());
}

#[tokio::test(start_paused = true)]
async fn all_is_listed_again_at_once_but_at_most_twice_a_minute() {
    let index = listed();
    let rewinds = index.rewinds();
    assert!(rewinds.next().now_or_never().is_none());
    for _ in 0..100 {
        // One poll meets many conflicts.
        reads(&index, 4);
    }
    assert!(rewinds.next().now_or_never().is_some());
    assert!(rewinds.next().now_or_never().is_none(), "it is one rewind");
    let epoch = index.begin(Some("n"));
    reads(&index, 4);
    index.end(epoch, Some("n"));
    assert!(index.is_ready(), "this list has shown it");
    index.rewound(Some("n"));
    assert!(rewinds.next().now_or_never().is_some(), "the second");
    list(&index, [at(4)]);
    index.rewound(Some("n"));
    let mut next = pin!(rewinds.next());
    assert!(next.as_mut().now_or_never().is_none());
    advance(Duration::from_secs(61)).await;
    assert!(next.now_or_never().is_some());
}

#[test]
fn a_list_after_a_rewind_is_no_further_rewind() {
    let index = listed();
    index.rewound(None);
    list(&index, [at(4)]);
    assert!(index.is_ready());
}
