//! A write that panics.

use super::*;

#[tokio::test]
async fn a_write_that_panics_is_a_failure_and_leaves_something_to_write() {
    let world = World::new(target());
    world.cluster.fail(|_| panic!("as the test wants it"));
    let mut queue = world.queue();
    queue.take(vec![Ok(item(1, "RUNNING"))]).await;
    queue.drain().await;
    queue.backlog.end(true);
    assert!(queue.backlog.any());
    let (summary, _) = queue.finish().await;
    assert_eq!((summary.created, summary.failed), (0, 1));
    assert!(summary.error.unwrap().to_string().contains("panicked"));
}
