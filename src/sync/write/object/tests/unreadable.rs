//! Mirrors whose status cannot be read: it counts as absent.

use super::*;

#[tokio::test]
async fn a_status_that_cannot_be_read_is_marked_and_written_again() {
    let world = World::with("RUNNING").await;
    world.cluster.touch(1, |object| object.status = None);
    world.index.apply(world.cluster.object(1).unwrap());
    assert!(world.mirror().needs_stale_mark(), "it may show anything");
    let marked = world.write(world.mark(Synced::Stale)).await;
    assert_eq!(marked, Ok(Done::Updated));
    let status = world.cluster.status(1);
    assert_eq!(word(&status.conditions, "Synced"), ("Unknown", "Stale"));
    let updated = world.write(world.update(&item(1, "RUNNING"))).await;
    assert_eq!(updated, Ok(Done::Updated));
    assert_eq!(world.cluster.status(1).state, some("RUNNING"));
    assert!(world.agrees());
}
