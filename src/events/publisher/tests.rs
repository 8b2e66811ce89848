use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, PoisonError},
};

use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use serde_json::Value;
use tokio::sync::mpsc::channel;

use super::*;
use crate::{
    api::Reason,
    testing::{NAMESPACE, clock::TestClock},
};

/// The Events of a cluster, by name.
#[derive(Clone, Default)]
struct EventStore(Arc<Mutex<BTreeMap<String, Value>>>);

impl EventStore {
    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<String, Value>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes, and how often each was published.
    fn notes(&self) -> Vec<(String, u64)> {
        let line = |event: &Value| {
            let note = event["note"].as_str().unwrap().to_owned();
            (note, event["series"]["count"].as_u64().unwrap_or(1))
        };
        let mut notes: Vec<_> = self.with(|events| events.values().map(line).collect());
        notes.sort();
        notes
    }

    fn answer(&self, method: &Method, name: &str, body: Value) -> (StatusCode, Value) {
        self.with(|events| match *method {
            Method::POST => {
                let name = body["metadata"]["name"].as_str().unwrap().to_owned();
                let before = events.insert(name, body.clone());
                assert_eq!(before, None, "a name is given once");
                (StatusCode::CREATED, body)
            }
            Method::PATCH => match events.get_mut(name) {
                Some(event) => {
                    event["series"] = body["series"].clone();
                    (StatusCode::OK, event.clone())
                }
                None => (StatusCode::NOT_FOUND, json!({"code": 404})),
            },
            _ => (StatusCode::METHOD_NOT_ALLOWED, json!({"code": 405})),
        })
    }

    fn client(&self) -> Client {
        let store = self.clone();
        let answer = move |request: Request<Body>| {
            let store = store.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let name = parts.uri.path().rsplit('/').next().unwrap().to_owned();
                let body = serde_json::from_slice(&body).unwrap();
                let (status, body) = store.answer(&parts.method, &name, body);
                let response = Response::builder().status(status);
                let body = Body::from(body.to_string().into_bytes());
                Ok::<_, io::Error>(response.body(body).unwrap())
            }
        };
        Client::new(tower::service_fn(answer), NAMESPACE)
    }
}

struct World {
    store: EventStore,
    clock: Arc<TestClock>,
    publisher: Publisher,
}

impl World {
    fn new() -> Self {
        let (store, clock) = (EventStore::default(), Arc::new(TestClock::default()));
        let leadership = Leadership::unelected(clock.clone());
        let queue = (channel(1).1, Counter::default());
        let publisher = Publisher::new(store.client(), clock.clone(), leadership, queue);
        Self {
            store,
            clock,
            publisher,
        }
    }

    async fn publish(&mut self, note: &str) {
        let object = ObjectReference {
            namespace: Some(NAMESPACE.to_owned()),
            name: Some("a".to_owned()),
            ..ObjectReference::default()
        };
        let draft = EventDraft::normal(Reason::ModeChanged, note.to_owned());
        self.publisher.publish(&object, &draft).await.unwrap();
    }
}

fn notes<const N: usize>(notes: [(&str, u64); N]) -> Vec<(String, u64)> {
    notes.map(|(note, count)| (note.to_owned(), count)).to_vec()
}

#[tokio::test]
async fn two_notes_of_one_reason_are_two_events_and_one_note_is_counted() {
    let mut world = World::new();
    for note in ["one", "two", "one", "one"] {
        world.publish(note).await;
    }
    assert_eq!(world.store.notes(), notes([("one", 3), ("two", 1)]));
}

#[tokio::test]
async fn a_deleted_event_is_published_as_a_new_one() {
    let mut world = World::new();
    world.publish("one").await;
    world.store.with(BTreeMap::clear);
    world.publish("one").await;
    world.publish("one").await;
    assert_eq!(world.store.notes(), notes([("one", 2)]));
}

#[tokio::test]
async fn a_note_from_long_ago_is_published_as_a_new_event() {
    let mut world = World::new();
    world.publish("one").await;
    world.clock.advance(Duration::from_secs(6 * 60));
    world.publish("one").await;
    assert_eq!(world.store.notes(), notes([("one", 1), ("one", 1)]));
}
