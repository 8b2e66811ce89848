//! A first mirror, a change, and what a reader sees of both.

use crate::{
    fixture::{Fixture, mirror_condition},
    truth::assert_mirrors,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_written_and_remembered() {
    let fixture = Fixture::new("change").await;
    let truth = fixture.put_in(1, "RUNNING");
    fixture.synced_watch(|_| {}).await;
    fixture.enter(&truth.id, "SUCCEEDED");
    fixture.sync("training").await;
    let mirror = fixture.mirror(&truth.id).await;
    assert_mirrors(std::slice::from_ref(&mirror), &fixture.truth());
    assert_eq!(mirror_condition(&mirror, "Synced"), ["True", "Final"]);
    assert_eq!(
        mirror_condition(&mirror, "Succeeded"),
        ["True", "Succeeded"]
    );
    let transitions = mirror.status.unwrap().transitions;
    assert_eq!(transitions.len(), 2);
    assert_eq!(
        (transitions[1].from.as_deref(), transitions[1].to.as_str()),
        (Some("RUNNING"), "SUCCEEDED")
    );
}
