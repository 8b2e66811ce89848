//! What the index knows after what a watch has told.

use futures::{FutureExt, stream};
use watcher::Event;

use super::*;
use crate::{
    api::remediation::{RemediationSpec, RemediationStatus},
    mirror::index::Index,
};

fn object(uid: &str, version: u64, state: &str) -> Remediation {
    let spec = RemediationSpec {
        cluster_id: "c".into(),
        id: "a".into(),
    };
    let mut object = Remediation::new("a", spec);
    object.metadata.namespace = Some("n".into());
    object.metadata.uid = Some(uid.into());
    object.metadata.resource_version = Some(version.to_string());
    object.status = Some(RemediationStatus {
        state: Some(state.into()),
        ..RemediationStatus::default()
    });
    object
}

/// Tells the index all of `events`.
fn tell(index: &Index, events: Vec<Event<Remediation>>) {
    let events = stream::iter(events.into_iter().map(Ok));
    let heeding = heed(events, Some("n".into()), Readiness::new(index.clone()));
    heeding.now_or_never().unwrap();
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
        tell(&index, list([object("u", 9, "SUCCEEDED")]));
        tell(&index, list([object(uid, 4, "RUNNING")]));
        let known = index.get("n", "a").unwrap();
        assert_eq!(
            (&*known.uid, known.resource_version, &*known.state),
            (uid, 4, "RUNNING")
        );
    }
}
