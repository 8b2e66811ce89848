//! Watches of the same machines in two shards.

use super::{Shard, clusters, watch_of};
use crate::{
    conditions::condition,
    fixture::{CLUSTER, until},
    truth::assert_mirrors,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_wins_whichever_shard_has_it() {
    let fixture = clusters("across", 4).await;
    let (a, b) = (
        Shard::start(&fixture, "a", &[]).await,
        Shard::start(&fixture, "b", &[]).await,
    );
    // Of two that are created within one second the first by name counts as the older.
    watch_of(&fixture, "a-older", CLUSTER, "b").await;
    fixture.ready("a-older", "Synced").await;
    watch_of(&fixture, "b-newer", CLUSTER, "").await;
    let newer = fixture.ready("b-newer", "OverlappingClusterWatch").await;
    assert!(condition(&newer, "Stalled").message.contains("a-older"));
    b.sync(&fixture, "a-older").await;
    assert_eq!((a.calls(), a.written().len()), (0, 0), "it is the other's");
    assert_eq!(b.written().len(), 4);

    fixture.delete_watch("a-older").await;
    let truth = fixture.truth();
    until("the newer one has all", || async {
        a.sync(&fixture, "b-newer").await;
        let owned = fixture.all().await.into_iter().filter(|mirror| {
            let owners = mirror.metadata.owner_references.iter().flatten();
            owners.map(|owner| &*owner.name).eq(["b-newer"])
        });
        match owned.count() {
            4 => Ok(()),
            few => Err(format!("{few}")),
        }
    })
    .await;
    // A write that met the garbage collector counts as not made until the next poll.
    a.sync(&fixture, "b-newer").await;
    fixture.ready("b-newer", "Synced").await;
    assert_mirrors(&fixture.all().await, &truth);
}
