//! A write that panics.

use super::*;

#[tokio::test]
async fn a_write_that_panics_is_a_failure_and_leaves_something_to_write() {
    let world = World::new(scope());
    world.cluster.fail(|_| panic!("as the test wants it"));
    let mut round = world.round();
    round.take(vec![Ok(item(1, "RUNNING"))]).await;
    round.drain().await;
    round.backlog.end(true);
    assert!(round.backlog.any());
    let (tally, _) = round.finish().await;
    assert_eq!((tally.created, tally.failed), (0, 1));
    assert!(tally.error.unwrap().to_string().contains("panicked"));
}
