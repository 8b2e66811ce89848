//! A Secret that comes late, or is repaired.

use super::*;

impl World {
    /// Polls each hour, and has no Secret.
    async fn keyless() -> Self {
        let world = Self::new(1, DeletionPolicy::Delete, false).await;
        world.cluster.remove_key();
        world.polls_each_hour();
        world
    }

    fn waits(&self, reason: &str) {
        self.stands_so("False", reason, "Reconciling");
    }

    fn gave_up(&self, reason: &str) {
        self.stands_so("False", reason, "Stalled");
    }

    /// The next generation.
    fn edit(&self, change: impl FnOnce(&mut ClusterWatchSpec)) {
        let mut watch = self.cluster.watches().remove(0);
        change(&mut watch.spec);
        self.cluster.put_watch(watch);
    }

    fn fail_secrets(&self, fails: bool) {
        let fault = || KubeApiError::Unavailable("down".into());
        self.cluster.fail_secrets(fails.then(fault));
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_secret_is_waited_for_two_minutes_and_then_stalls() {
    let world = World::keyless().await;
    world.lives(1, None).await;
    world.waits("SecretNotFound");
    let grace = async {
        for seconds in (10..115).step_by(5) {
            world.env.clock.sleep_until(second(seconds)).await;
            world.waits("SecretNotFound");
        }
    };
    tokio::join!(grace, world.lives(130, None));
    world.gave_up("SecretNotFound");
    assert!(world.env.together.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_comes_late_works_within_fifteen_seconds_though_polls_are_an_hour_apart() {
    let world = World::keyless().await;
    world.env.together.show(item(0, "RUNNING"));
    let late = async {
        let comes = second(1801);
        world.env.clock.sleep_until(comes).await;
        world.gave_up("SecretNotFound");
        world.cluster.set_key(b"key-1");
        let works = comes + Duration::from_secs(15);
        world.env.clock.sleep_until(works).await;
        world.stands_so("True", "Synced", "neither");
        assert_eq!(world.env.together.asked(), [Asked::Page(vec![])]);
    };
    tokio::join!(late, world.lives(1900, None));
    assert_eq!(world.env.together.asked(), [], "the interval holds again");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_with_one_secret_read_it_once_every_ten_seconds_and_no_api() {
    let world = World::keyless().await;
    let all = futures::future::join_all((0..100).map(|_| world.lives(100, None)));
    let counted = async {
        world.env.clock.sleep_until(second(5)).await;
        assert_eq!(world.cluster.secrets_read(), ["together"]);
        world.env.clock.sleep_until(second(95)).await;
        assert_eq!(world.cluster.secrets_read().len(), 9);
    };
    tokio::join!(counted, all);
    assert!(world.env.together.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_reason_after_the_other_is_one_grace() {
    let world = World::keyless().await;
    world.lives(100, None).await;
    world.waits("SecretNotFound");
    world.cluster.set_secret(&[("other", b"key-1")], "Opaque");
    world.lives(15, None).await;
    world.waits("SecretInvalid");
    world
        .cluster
        .fail_secrets(Some(KubeApiError::Refused("forbidden".into())));
    world.lives(30, None).await;
    world.gave_up("SecretInvalid");
    world.cluster.fail_secrets(None);
    world.cluster.remove_key();
    world.lives(15, None).await;
    world.gave_up("SecretNotFound");
}

#[tokio::test(start_paused = true)]
async fn neither_a_restart_nor_an_edit_nor_another_secret_grants_a_second_grace() {
    let edits: [fn(&mut ClusterWatchSpec); 3] = [
        |_| {},
        |spec| spec.interval = Some("2h".into()),
        |spec| spec.api_key_secret_ref.name = "another".into(),
    ];
    for edit in edits {
        let world = World::keyless().await;
        world.lives(60, None).await;
        world.waits("SecretNotFound");
        world.edit(edit);
        world.lives(50, None).await;
        world.waits("SecretNotFound");
        world.edit(|spec| spec.active_interval = Some("11s".into()));
        world.lives(15, None).await;
        world.gave_up("SecretNotFound");
        world.edit(|spec| spec.active_interval = Some("12s".into()));
        world.lives(1, None).await;
        world.gave_up("SecretNotFound");
        let generation = world.cluster.watches()[0].metadata.generation;
        assert_eq!(world.status().observed_generation, generation);
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_does_not_answer_grants_no_second_grace_and_is_no_missing_secret() {
    let world = World::keyless().await;
    world.fail_secrets(true);
    world.lives(30, None).await;
    world.stands_so("Unknown", "Progressing", "Reconciling");
    world.fail_secrets(false);
    world.lives(100, None).await;
    world.waits("SecretNotFound");
    world.fail_secrets(true);
    world.edit(|spec| spec.interval = Some("2h".into()));
    world.lives(10, None).await;
    world.waits("SecretNotFound");
    world.lives(30, None).await;
    world.gave_up("SecretNotFound");
    world.fail_secrets(false);
    world.lives(15, None).await;
    world.gave_up("SecretNotFound");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_vanishes_is_waited_for_and_mirrors_become_stale_in_their_time() {
    let world = World::new(1, DeletionPolicy::Delete, false).await;
    world.env.together.show(item(0, "RUNNING"));
    world.cluster.set_key(b"key-1");
    let synced = |world: &World| {
        let status = world.cluster.status(0);
        word(&status.conditions, "Synced").1.to_owned()
    };
    let follow = async {
        let clock = &world.env.clock;
        clock.sleep_until(second(5)).await;
        world.stands_so("True", "Synced", "neither");
        world.env.index.apply(world.cluster.object(0).unwrap());
        world.cluster.remove_key();
        clock.sleep_until(second(70)).await;
        world.waits("SecretNotFound");
        clock.sleep_until(second(200)).await;
        world.gave_up("SecretNotFound");
        assert_ne!(synced(&world), "Stale");
        // Three intervals and two minutes.
        clock.sleep_until(second(315)).await;
        assert_eq!(synced(&world), "Stale");
    };
    tokio::join!(follow, world.lives(320, None));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_each_time_that_the_secret_is_read() {
    let world = World::keyless().await;
    let version = || world.cluster.watches()[0].metadata.resource_version.clone();
    let counted = async {
        world.env.clock.sleep_until(second(15)).await;
        let before = version();
        world.env.clock.sleep_until(second(110)).await;
        assert_eq!(version(), before, "nothing is written every ten seconds");
    };
    tokio::join!(counted, world.lives(115, None));
}

#[tokio::test(start_paused = true)]
async fn an_edit_for_want_of_a_key_gives_the_mirrors_their_owners_at_once() {
    let world = World::keyless().await;
    world.lives(1, None).await;
    assert_eq!(world.owned(), 1);
    world.edit(|spec| spec.deletion_policy = DeletionPolicy::Retain);
    world.lives(1, None).await;
    assert_eq!(world.owned(), 0);
}
