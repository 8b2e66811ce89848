//! Writes after etcd was restored from a backup.

use futures::FutureExt;

use super::*;

#[tokio::test]
async fn a_conflict_with_an_older_version_shows_that_etcd_was_restored() {
    for (there, rewound) in [(1, true), (9, false)] {
        let world = World::with("RUNNING").await;
        let rewinds = world.index.rewinds();
        let update = world.update(&item(1, "SUCCEEDED"));
        world.cluster.set_version(1, there);
        world.cluster.calls();
        assert_eq!(world.write(update).await, Ok(Done::Conflict));
        assert_eq!(
            world.cluster.calls(),
            [Call::Status(name()), Call::Get(name())]
        );
        assert_eq!(rewinds.next().now_or_never().is_some(), rewound, "{there}");
    }
}
