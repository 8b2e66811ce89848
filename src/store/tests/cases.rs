//! Every state that a mirror can be in, and the state after each event.

use super::*;
use crate::api::remediation::RemediationSpec;

/// What the index knows of the mirror before the event. Versions are resourceVersions; the index knows 5.
#[derive(Clone, Copy, Debug)]
enum State {
    /// It was never seen.
    Unknown,
    /// The watch has shown it.
    Shown,
    /// A write has returned it, before the list under way began.
    Answered,
    /// The same, since the list under way began.
    AnsweredSince,
    /// The watch has shown it, and then its deletion, as 6.
    Deleted,
}

/// What happens to it.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The list under way shows it and ends.
    Listed { version: u64, uid: &'static str },
    /// The list under way ends without it.
    NotListed,
    /// The watch shows a change.
    Changed(u64),
    /// The watch shows its deletion.
    Gone(u64),
    /// A write returns it.
    Answered(u64),
    /// The answer to a deletion that was decided on this version.
    Removed(u64),
}

use Event::{Answered, Changed, Gone, Listed, NotListed, Removed};

const SAME: &str = "uid-a";
const OTHER: &str = "another";

const fn listed(version: u64, uid: &'static str) -> Event {
    Listed { version, uid }
}

/// The events of the table's columns.
const EVENTS: [Event; 11] = [
    listed(4, SAME),
    listed(8, SAME),
    listed(4, OTHER),
    NotListed,
    Changed(4),
    Changed(8),
    Gone(4),
    Gone(8),
    Answered(4),
    Answered(8),
    Removed(5),
];

/// State × event → the version that is known then; 0: nothing is.
#[rustfmt::skip]
const CASES: [(State, [u64; 11]); 5] = [
    //                     listed      another    not     event     deleted   answer    delete
    //                     4     8     uid, 4     listed  4     8   4     8   4     8   answered 5
    (State::Unknown,       [4,    8,    4,         0,      4,    8,  0,    0,  4,    8,  0]),
    (State::Shown,         [4,    8,    4,         0,      5,    8,  5,    0,  5,    8,  0]),
    (State::Answered,      [4,    8,    4,         0,      5,    8,  5,    0,  5,    8,  0]),
    (State::AnsweredSince, [5,    8,    5,         5,      5,    8,  5,    0,  5,    8,  0]),
    (State::Deleted,       [4,    8,    4,         0,      4,    8,  0,    0,  0,    8,  0]),
];

/// An index in this state with a list under way, which began as this epoch.
fn index(state: State) -> (Index, u32) {
    let index = Index::new(1);
    let known = || object("a", 5, "RUNNING");
    match state {
        State::Unknown | State::AnsweredSince => {}
        State::Shown => index.show(None, known()),
        State::Answered => index.apply(known()),
        State::Deleted => {
            index.show(None, known());
            index.hide(None, &object("a", 6, "RUNNING"));
        }
    }
    let epoch = index.begin(None);
    if let State::AnsweredSince = state {
        index.apply(known());
    }
    (index, epoch)
}

fn after(state: State, event: Event) -> Option<(Box<str>, u64)> {
    let (index, epoch) = index(state);
    let at = |version| object("a", version, "RUNNING");
    match event {
        Listed { version, uid } => {
            let mut listed = at(version);
            listed.metadata.uid = Some(uid.to_owned());
            index.list(None, epoch, listed);
            index.end(epoch, None);
        }
        NotListed => index.end(epoch, None),
        Changed(version) => index.show(None, at(version)),
        Gone(version) => index.hide(None, &at(version)),
        Answered(version) => index.apply(at(version)),
        Removed(version) => index.removed("n", "c", "a", version),
    }
    let known = index.get("n", "a")?;
    Some((known.object.uid.clone(), known.object.resource_version))
}

#[test]
fn each_event_leads_from_each_state_to_the_one_in_the_table() {
    for (state, results) in CASES {
        for (event, version) in EVENTS.into_iter().zip(results) {
            let uid = match event {
                Listed { version: 4, uid } if version == 4 => uid,
                _ => SAME,
            };
            let result = Some((uid.into(), version)).filter(|_| version > 0);
            assert_eq!(after(state, event), result, "{state:?}, {event:?}");
        }
    }
}

/// A name that is the id, as that of a mirror is.
const NAME: &str = "0123abcd-0000-0000-0000-000000000001";

/// An object whose spec cannot be read, as it is shown.
fn unreadable(version: u64) -> Remediation {
    let mut object = object(NAME, version, "");
    object.spec = RemediationSpec::default();
    object.status = None;
    object
}

#[test]
fn the_name_of_an_object_that_cannot_be_read_is_taken_until_it_can() {
    let index = Index::new(0);
    index.show(None, object(NAME, 5, "RUNNING"));
    index.show(None, unreadable(6));
    let known = index.get("n", NAME).unwrap();
    assert!(known.foreign && known.object.resource_version == 6);
    assert!(index.all_open(None).is_empty() && index.mirror("n", "c", NAME).is_none());
    assert_eq!(index.unreadable().into_values().sum::<usize>(), 1);
    // An older version changes nothing.
    index.show(None, object(NAME, 5, "RUNNING"));
    assert!(index.get("n", NAME).unwrap().foreign && index.mirror("n", "c", NAME).is_none());
    index.show(None, object(NAME, 7, "RUNNING"));
    assert_eq!(state(&index, NAME).unwrap(), "RUNNING");
    assert!(index.unreadable().is_empty());
    index.show(None, unreadable(8));
    index.hide(None, &unreadable(9));
    assert!(index.get("n", NAME).is_none());
}
