//! What the index takes in and forgets.

mod cases;
mod rewinds;

use std::sync::Arc;

use futures::FutureExt;

use super::*;
use crate::testing::{id, mirror_at as object};

fn state(index: &Index, name: &str) -> Option<String> {
    index.get("n", name).map(|mirror| mirror.state.to_string())
}

#[test]
fn an_older_event_changes_nothing() {
    let index = Index::new(1);
    index.apply(object("a", 7, "RUNNING"));
    index.apply(object("a", 5, "PENDING"));
    assert_eq!(state(&index, "a").unwrap(), "RUNNING");
    index.removed("n", "c", "a", 6);
    assert!(state(&index, "a").is_some());
    index.removed("n", "c", "a", 8);
    assert!(state(&index, "a").is_none());
}

#[test]
fn whatever_changes_a_mirror_changes_the_number_of_its_cluster() {
    let index = Index::new(1);
    let mut numbers = vec![index.changed("n", "c")];
    let mut note = |index: &Index| numbers.push(index.changed("n", "c"));
    index.apply(object("a", 1, "RUNNING"));
    note(&index);
    index.show(None, object("a", 2, "FAILED"));
    note(&index);
    let epoch = index.begin(None);
    index.list(None, epoch, object("a", 2, "SUCCEEDED"));
    note(&index);
    index.show(None, object("b", 3, "RUNNING"));
    note(&index);
    index.hide(None, &object("b", 4, "RUNNING"));
    note(&index);
    let epoch = index.begin(None);
    index.list(None, epoch, object("b", 5, "RUNNING"));
    note(&index);
    index.end(epoch, None);
    note(&index);
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    let last = index.changed("n", "c");
    index.show(None, object("b", 3, "FAILED"));
    assert_eq!(index.changed("n", "c"), last, "an older event");
    index.forget(1);
    assert_eq!(index.changed("n", "c"), 0);
}

#[test]
fn a_listing_forgets_what_it_did_not_show_but_not_what_was_written_meanwhile() {
    let index = Index::new(1);
    index.apply(object("gone", 1, "RUNNING"));
    index.apply(object("kept", 2, "RUNNING"));
    let epoch = index.begin(None);
    index.list(None, epoch, object("kept", 2, "RUNNING"));
    index.apply(object("written", 9, "RUNNING"));
    index.end(epoch, None);
    assert!(state(&index, "gone").is_none());
    assert!(state(&index, "kept").is_some());
    assert!(state(&index, "written").is_some());
}

#[test]
fn a_listing_keeps_what_it_shows_older_than_an_answer_did() {
    let index = Index::new(1);
    let epoch = index.begin(None);
    index.apply(object("a", 5, "FAILED"));
    index.list(None, epoch, object("a", 4, "RUNNING"));
    index.list(None, epoch, object("b", 9, "RUNNING"));
    index.end(epoch, None);
    assert_eq!(state(&index, "a").unwrap(), "FAILED");
}

#[test]
fn the_answer_to_a_write_brings_nothing_back_whose_deletion_was_shown() {
    for watched in [None, Some("n")] {
        let index = Index::new(1);
        index.show(watched, object("a", 3, "RUNNING"));
        index.hide(watched, &object("a", 6, "RUNNING"));
        index.apply(object("a", 5, "RUNNING"));
        assert!(state(&index, "a").is_none());
        // A recreated mirror is another object.
        index.apply(object("a", 7, "RUNNING"));
        assert!(state(&index, "a").is_some());
    }
}

#[test]
fn a_listing_forgets_what_was_written_and_deleted_before_it() {
    let index = Index::new(1);
    let epoch = index.begin(None);
    index.apply(object("a", 5, "RUNNING"));
    index.list(None, epoch, object("b", 9, "RUNNING"));
    index.end(epoch, None);
    assert!(state(&index, "a").is_none());
    assert!(state(&index, "b").is_some());
}

#[test]
fn a_listing_of_one_namespace_leaves_the_others() {
    let index = Index::new(2);
    index.apply(object("a", 1, "RUNNING"));
    let epoch = index.begin(None);
    index.end(epoch, Some("other"));
    assert!(state(&index, "a").is_some());
}

#[test]
fn names_are_kept_once_and_dropped_when_unused() {
    let mut names = Names::default();
    assert!(Arc::ptr_eq(&names.keep("a"), &names.keep("a")));
    for name in 0..Names::SWEEP * 4 {
        names.keep(&name.to_string());
    }
    assert!(names.0.len() <= Names::SWEEP + 1);
}

#[test]
fn a_listing_forgets_what_was_written_before_it_and_is_gone() {
    let index = Index::new(1);
    index.show(None, object("kept", 3, "RUNNING"));
    index.apply(object("written", 9, "RUNNING"));
    // The watch was cut, somebody deleted it meanwhile, and nothing newer is there to see.
    let epoch = index.begin(None);
    index.list(None, epoch, object("kept", 3, "RUNNING"));
    index.end(epoch, None);
    assert!(state(&index, "kept").is_some());
    assert!(state(&index, "written").is_none());
}

#[test]
fn a_cluster_has_its_own_mirrors_and_a_name_is_found_whosever_it_is() {
    let index = Index::new(1);
    let theirs = |name: &str, version| {
        let mut object = object(name, version, "RUNNING");
        object.spec.cluster_id = "d".into();
        object
    };
    let [ours, other] = [1, 2].map(id);
    index.show(None, object(&ours, 1, "RUNNING"));
    index.show(None, theirs(&other, 2));
    let names = |cluster| {
        let found = index.open("n", cluster, None).into_iter();
        found.map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!((&*names("c")[0], &*names("d")[0]), (&*ours, &*other));
    assert_eq!((names("c").len(), names("d").len()), (1, 1));
    assert!(index.mirror("n", "c", &other).is_none() && index.mirror("n", "d", &other).is_some());
    assert!(index.get("n", &other).is_some());
    // Somebody makes one of the same name for another cluster.
    index.hide(None, &theirs(&other, 3));
    index.show(None, object(&other, 4, "RUNNING"));
    assert_eq!((names("c").len(), names("d").len()), (2, 0));
}

#[test]
fn a_mirror_is_open_for_its_own_instance_alone() {
    let index = Index::new(1);
    let show = |number, instance: &str, state: &str| {
        let mut object = object(&id(number), 1, state);
        let status = object.status.as_mut().unwrap();
        status.instance_id = Some(instance.into());
        status.open = Some(state == "RUNNING");
        index.show(None, object);
    };
    let open = |instance| index.any_open("n", "c", instance);
    show(1, "one", "SUCCEEDED");
    assert!(!open(None) && !open(Some("one")));
    show(2, "two", "RUNNING");
    show(3, "two", "SUCCEEDED");
    assert!(open(None) && open(Some("two")));
    assert!(!open(Some("one")));
}

#[test]
fn an_object_that_is_no_mirror_is_never_open() {
    let index = Index::new(1);
    let mut copy = object("copy", 1, "RUNNING");
    copy.spec.id = id(1);
    index.show(None, copy);
    assert!(index.get("n", "copy").unwrap().lifecycle.open);
    assert!(!index.any_open("n", "c", None));
}

#[test]
fn what_was_confirmed_of_an_older_version_does_not_hold_for_a_newer_one() {
    let index = Index::new(1);
    index.show(None, object("a", 1, "RUNNING"));
    let before = index.get("n", "a").unwrap();
    index.show(None, object("a", 2, "RUNNING"));
    index.confirm("n", "a", before, 7);
    assert!(!index.get("n", "a").unwrap().confirms(7));
    index.confirm("n", "a", index.get("n", "a").unwrap(), 7);
    assert!(index.get("n", "a").unwrap().confirms(7));
}

#[test]
fn a_namespace_without_a_watch_is_neither_listed_nor_refused() {
    let index = Index::new(1);
    assert!(!index.is_listed("n"));
    assert!(index.refused("n").now_or_never().is_none());
}

#[test]
fn the_newest_version_is_that_of_any_watch() {
    let index = Index::new(2);
    index.show(Some("n"), object("a", 9, "RUNNING"));
    index.show(Some("other"), object("b", 5, "RUNNING"));
    assert_eq!(index.newest(), 9);
}
