//! What the index knows after the events of a watch.

use futures::{FutureExt, stream};
use kube::core::Status;
use watcher::Event;

use super::*;
use crate::{
    api::published::Installed,
    health::readiness::{Definitions, Readiness},
    testing::mirror_at,
};

fn object(uid: &str, version: u64, state: &str) -> Remediation {
    let mut object = mirror_at("a", version, state);
    object.metadata.uid = Some(uid.into());
    object
}

/// Applies all of `events` to the index.
fn apply(index: &Index, events: Vec<Event<Remediation>>) {
    let events = stream::iter(events.into_iter().map(Ok));
    let applying = apply_events(events, Some("n".into()), index, || {});
    applying.now_or_never().unwrap();
}

fn list(objects: impl IntoIterator<Item = Remediation>) -> Vec<Event<Remediation>> {
    let shown = objects.into_iter().map(Event::InitApply);
    let begun = std::iter::once(Event::Init).chain(shown);
    begun.chain([Event::InitDone]).collect()
}

#[test]
fn after_a_restore_of_etcd_the_next_list_replaces_what_was_known() {
    for uid in ["u", "another"] {
        let index = Index::new(1);
        apply(&index, list([object("u", 9, "SUCCEEDED")]));
        apply(&index, list([object(uid, 4, "RUNNING")]));
        let known = index.get("n", "a").unwrap();
        let object = &known.object;
        assert_eq!((&*object.uid, object.resource_version), (uid, 4));
        assert_eq!(&*known.state, "RUNNING");
    }
}

/// The error of a watch whose list is refused.
fn refused(code: u16) -> watcher::Error {
    let status = Status::failure("no", "Forbidden").with_code(code);
    watcher::Error::InitialListFailed(kube::Error::Api(status.boxed()))
}

#[test]
fn a_namespace_whose_list_is_refused_does_not_stop_the_others() {
    for code in [403, 404] {
        let index = Index::new(2);
        let readiness = Readiness::new(index.clone());
        let _ = readiness.definitions(Definitions::Seen(Installed::Fit));
        apply(&index, list([object("u", 4, "RUNNING")]));
        let events = stream::iter([Ok(Event::<Remediation>::Init), Err(refused(code))]);
        let applying = apply_events(events, Some("gone".into()), &index, || {
            readiness.report_watch_error();
        });
        applying.now_or_never().unwrap();
        assert_eq!(readiness.missing(), None);
    }
}
