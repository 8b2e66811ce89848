//! Watches with one Secret read it together.

use super::*;
use crate::{api::cluster_watch::Query, together::ApiKey};

impl World {
    /// Another watch has read this key so long before the next poll.
    fn read_before(&self, key: &[u8], before: Duration) {
        let wanted = &self.spec.api_key_secret_ref;
        let next = self.clock.elapsed() + MINUTE;
        let read = next.checked_sub(before).unwrap();
        let key = ApiKey::parse(key).unwrap();
        (self.tools.keys).put(&self.scope.namespace, wanted, read, &key);
    }
}

#[tokio::test]
async fn a_key_that_was_just_read_is_taken_and_an_older_one_is_read_anew() {
    let mut world = World::with([item(1, "RUNNING")]).await;
    world.tools.cluster.remove_key();
    world.read_before(b"key-1", Duration::from_secs(29));
    assert!(world.poll().await.is_ok());
    world.read_before(b"key-1", Duration::from_secs(30));
    let gone = world.poll().await.unwrap_err();
    assert!(matches!(gone, PollError::Credentials(_)), "{gone}");
}

#[tokio::test]
async fn a_key_of_its_own_is_read_at_each_poll() {
    let mut world = World::with([item(1, "RUNNING")]).await;
    world.tools.cluster.remove_key();
    assert!(world.poll().await.is_err());
}

#[tokio::test]
async fn a_shared_key_that_is_refused_is_read_anew_and_a_changed_one_is_tried_in_the_same_poll() {
    let mut world = World::with([item(1, "RUNNING")]).await;
    world.api().state().page_fault = Some((0, Error::Unauthorized));
    for (there, calls) in [(b"key-1", 1), (b"key-2", 2)] {
        world.tools.cluster.set_key(there);
        world.memory = Memory::default();
        world.read_before(b"key-1", Duration::from_secs(1));
        assert!(world.poll().await.is_err());
        assert_eq!(world.api().asked().len(), calls, "{there:?}");
    }
    // It stays refused, whoever else reads it.
    world.read_before(b"key-2", Duration::from_secs(1));
    assert!(world.poll().await.is_err());
}

/// From the second page on the API refuses the first key so, and the Secret holds another one; from then on each page
/// changes it again, where `ever`, up to the tenth.
async fn rotated_while_listing(error: Error, ever: bool) -> (World, Result<Polled, PollError>) {
    let mut world = World::with((0..3).map(|number| item(number, "RUNNING"))).await;
    world.spec.query = Some(Query {
        page_size: Some(1),
        order_by: None,
    });
    let first = ApiKey::parse(b"key-1").unwrap().fingerprint();
    let (cluster, mut pages) = (world.tools.cluster.clone(), 0);
    world.api().state().key_fault = Some(Box::new(move |key| {
        pages += 1;
        let refused = pages >= 2 && (key == first || ever && pages < 10);
        if refused {
            cluster.set_key(format!("key-{pages}").as_bytes());
        }
        refused.then(|| error.clone())
    }));
    let polled = world.poll().await;
    (world, polled)
}

#[tokio::test]
async fn a_key_that_was_rotated_while_it_was_used_is_read_again_and_the_new_one_tried_at_once() {
    for error in [Error::Unauthorized, Error::Forbidden, Error::NotFound] {
        let (mut world, polled) = rotated_while_listing(error.clone(), false).await;
        let pages = polled.map(|polled| polled.pages);
        assert_eq!(pages.map_err(|error| error.to_string()), Ok(3), "{error}");
        assert_eq!(world.api().asked().len(), 2 + 3);
        assert!(world.poll().await.is_ok());
    }
}

#[tokio::test]
async fn a_key_that_changes_without_end_is_tried_once_more_in_a_poll() {
    let (world, polled) = rotated_while_listing(Error::Unauthorized, true).await;
    let refused = polled.unwrap_err();
    assert!(matches!(refused, PollError::Api(Error::Unauthorized)));
    assert_eq!(world.api().asked().len(), 2 + 1);
}
