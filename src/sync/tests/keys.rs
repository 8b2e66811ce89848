//! Watches with one Secret read it together.

use super::*;
use crate::{
    api::Reason,
    controller::status::reason::Failure,
    k8s::error::KubeApiError,
    sync::credentials::{AGAIN, CredentialsError},
    together::ApiKey,
};

impl World {
    /// Another watch has read this key so long before the next poll.
    async fn read_before(&self, key: &[u8], before: Duration) {
        let (cluster, clock) = (MemoryKubeApi::default(), TestClock::default());
        cluster.set_key(key);
        let next = self.clock.elapsed() + MINUTE;
        clock.advance(next.saturating_sub(before).since_zero());
        let of = (&*self.target.namespace, &self.spec.api_key_secret_ref);
        let keys = &self.env.keys;
        let (_, own) = keys.find(&cluster, &clock, of, |_| false).await;
        assert!(own);
    }

    /// Looks for a key as another `ClusterWatch` that names this key of the Secret.
    async fn looks(&self, key: &str) -> Result<(), CredentialsError> {
        let mut spec = self.spec.clone();
        spec.api_key_secret_ref.key = key.to_owned();
        let mut sync_state = SyncState::default();
        let ctx = SyncContext {
            env: &self.env,
            spec: &spec,
            target: &self.target,
            cadence: &CADENCE,
        };
        look_for_key(ctx, &mut sync_state).await
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_used_is_read_once_in_ten_seconds_for_all_that_name_it() {
    let mut world = World::new();
    world.env.kube.remove_key();
    assert!(world.poll().await.is_err());
    for _ in 0..3 {
        for watch in 0..100 {
            assert!(world.looks(&format!("key-{}", watch % 2)).await.is_err());
        }
        // Each key is asked for once before all are read together.
        let reads = world.env.kube.secrets_read().len();
        assert!(reads <= 3, "{reads}");
        world.clock.advance(AGAIN);
    }
    world.env.kube.secrets_read();
    for watch in 0..100 {
        assert!(world.looks(&format!("key-{}", watch % 2)).await.is_err());
    }
    assert_eq!(world.env.kube.secrets_read().len(), 1);
    assert!(world.api().asked().is_empty());
}

#[tokio::test]
async fn a_key_whose_secret_is_gone_is_not_used_even_if_another_watch_noticed() {
    let mut world = World::new();
    world.env.kube.set_key(b"key-1");
    world.spec.api_key_secret_ref.key = "api-key".into();
    assert!(world.looks("api-key").await.is_ok());
    world.env.kube.remove_key();
    world.clock.advance(Duration::from_secs(1));
    assert!(world.looks("another").await.is_err());
    assert!(world.poll_now().await.is_err());
    assert!(world.api().asked().is_empty());
}

#[tokio::test]
async fn a_request_reads_an_unusable_secret_again() {
    let mut world = World::new();
    world.env.kube.remove_key();
    assert!(world.poll().await.is_err());
    world.clock.advance(Duration::from_secs(1));
    world.env.kube.set_key(b"key-1");
    assert!(world.looks("api-key").await.is_err(), "read a second ago");
    world.sync_state.want_everything_now();
    assert!(world.poll_now().await.is_ok());
}

#[tokio::test]
async fn a_secret_that_was_repaired_is_used_by_the_poll_that_follows() {
    let mut world = World::new();
    world.env.kube.remove_key();
    assert!(world.poll().await.is_err());
    world.env.kube.set_key(b"key-1");
    world.clock.advance(AGAIN);
    assert!(world.looks("api-key").await.is_ok());
    world.env.kube.secrets_read();
    assert!(world.poll_now().await.is_ok());
    assert!(world.env.kube.secrets_read().is_empty());
}

#[tokio::test]
async fn the_reasons_for_an_unusable_secret_are_distinguished() {
    let refused = KubeApiError::Refused("forbidden".into());
    let down = KubeApiError::Unavailable("down".into());
    let faults = [
        (refused, Reason::SecretInvalid),
        (down, Reason::Unavailable),
    ];
    for (fault, reason) in faults {
        let mut world = World::new();
        world.env.kube.fail_secrets(Some(fault));
        let failed = Failure::of(&world.poll().await, &world.target, None);
        assert_eq!(failed.unwrap().reason, reason);
    }
    for (data, type_) in [
        ([("other", b"key-1".as_slice())], "Opaque"),
        ([("api-key", b"")], "Opaque"),
        ([("api-key", b"two words")], "Opaque"),
        ([("api-key", b"key-1")], "kubernetes.io/tls"),
    ] {
        let mut world = World::new();
        world.spec.api_key_secret_ref.key = "api-key".into();
        world.env.kube.set_secret(&data, type_);
        let failed = Failure::of(&world.poll().await, &world.target, None);
        assert_eq!(failed.unwrap().reason, Reason::SecretInvalid, "{type_}");
    }
}

#[tokio::test]
async fn a_key_that_was_just_read_is_taken_and_an_older_one_is_read_again() {
    let mut world = World::with([item(1, "RUNNING")]).await;
    world.env.kube.remove_key();
    world.read_before(b"key-1", Duration::from_secs(29)).await;
    assert!(world.poll().await.is_ok());
    world.read_before(b"key-1", Duration::from_secs(30)).await;
    let gone = world.poll().await.unwrap_err();
    assert!(matches!(gone, SyncError::Credentials(_)), "{gone}");
}

#[tokio::test]
async fn a_key_of_its_own_is_read_at_each_poll() {
    let mut world = World::with([item(1, "RUNNING")]).await;
    world.env.kube.remove_key();
    assert!(world.poll().await.is_err());
}

#[tokio::test]
async fn a_shared_key_that_is_refused_is_read_again_and_a_changed_one_is_tried_in_the_same_poll() {
    let mut world = World::with([item(1, "RUNNING")]).await;
    world.api().state().faults.page = Some((0, Error::Unauthorized));
    for (there, calls) in [(b"key-1", 1), (b"key-2", 2)] {
        world.env.kube.set_key(there);
        world.sync_state = SyncState::default();
        world.read_before(b"key-1", Duration::from_secs(1)).await;
        assert!(world.poll().await.is_err());
        assert_eq!(world.api().asked().len(), calls, "{there:?}");
    }
    // It stays refused, even if another ClusterWatch reads it.
    world.read_before(b"key-2", Duration::from_secs(1)).await;
    assert!(world.poll().await.is_err());
}

/// From the second page on the API refuses the first key so, and the Secret holds another one; from then on each page
/// changes it again, where `ever`, up to the tenth.
async fn rotated_while_listing(
    error: Error,
    ever: bool,
) -> (World, Result<SyncOutcome, SyncError>) {
    let mut world = World::with(running(0..3)).await;
    world.pages_of(1);
    let first = ApiKey::parse(b"key-1").unwrap().fingerprint();
    let (cluster, mut pages) = (world.env.kube.clone(), 0);
    world.api().state().faults.key = Some(Box::new(move |key| {
        pages += 1;
        let refused = pages >= 2 && (key == first || ever && pages < 10);
        if refused {
            cluster.set_key(format!("key-{pages}").as_bytes());
        }
        refused.then(|| error.clone())
    }));
    let outcome = world.poll().await;
    (world, outcome)
}

#[tokio::test]
async fn a_key_that_was_rotated_while_it_was_used_is_read_again_and_the_new_one_tried_at_once() {
    for error in [Error::Unauthorized, Error::Forbidden, Error::NotFound] {
        let (mut world, outcome) = rotated_while_listing(error.clone(), false).await;
        let pages = outcome.map(|outcome| outcome.pages);
        assert_eq!(pages.map_err(|error| error.to_string()), Ok(3), "{error}");
        assert_eq!(world.api().asked().len(), 2 + 3);
        assert!(world.poll().await.is_ok());
    }
}

#[tokio::test]
async fn a_key_that_changes_without_end_is_tried_once_more_in_a_poll() {
    let (world, outcome) = rotated_while_listing(Error::Unauthorized, true).await;
    let refused = outcome.unwrap_err();
    assert!(matches!(refused, SyncError::Api(Error::Unauthorized)));
    assert_eq!(world.api().asked().len(), 2 + 1);
}
