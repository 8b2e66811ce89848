//! A write that panics.

use super::*;

#[tokio::test]
async fn a_write_that_panics_is_a_failure_and_leaves_something_to_write() {
    let world = World::new(target());
    world.cluster.fail(|_| panic!("as the test wants it"));
    let mut failed_writes = FailedWrites::default();
    let mut queue = world.queue(&mut failed_writes);
    let writes = world.plan(&mut world.evidence(), vec![Ok(item(1, "RUNNING"))]);
    queue.submit(writes).await;
    let summary = queue.finish(true).await;
    assert!(failed_writes.any());
    assert_eq!((summary.created, summary.failed), (0, 1));
    assert!(summary.error.unwrap().to_string().contains("panicked"));
}
