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
struct Told(Arc<Mutex<BTreeMap<String, Value>>>);

impl Told {
    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<String, Value>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes, and how often each was said.
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
        let told = self.clone();
        let answer = move |request: Request<Body>| {
            let told = told.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let name = parts.uri.path().rsplit('/').next().unwrap().to_owned();
                let body = serde_json::from_slice(&body).unwrap();
                let (status, body) = told.answer(&parts.method, &name, body);
                let response = Response::builder().status(status);
                let body = Body::from(body.to_string().into_bytes());
                Ok::<_, io::Error>(response.body(body).unwrap())
            }
        };
        Client::new(tower::service_fn(answer), NAMESPACE)
    }
}

struct World {
    told: Told,
    clock: Arc<TestClock>,
    publisher: Publisher,
}

impl World {
    fn new() -> Self {
        let (told, clock) = (Told::default(), Arc::new(TestClock::default()));
        let leadership = Leadership::unelected(clock.clone());
        let queue = (channel(1).1, Counter::default());
        let publisher = Publisher::new(told.client(), clock.clone(), leadership, queue);
        Self {
            told,
            clock,
            publisher,
        }
    }

    async fn say(&mut self, note: &str) {
        let object = ObjectReference {
            namespace: Some(NAMESPACE.to_owned()),
            name: Some("a".to_owned()),
            ..ObjectReference::default()
        };
        let said = EventDraft::normal(Reason::ModeChanged, note.to_owned());
        self.publisher.publish(&object, &said).await.unwrap();
    }
}

fn notes<const N: usize>(notes: [(&str, u64); N]) -> Vec<(String, u64)> {
    notes.map(|(note, count)| (note.to_owned(), count)).to_vec()
}

#[tokio::test]
async fn two_notes_of_one_reason_are_two_events_and_one_note_is_counted() {
    let mut world = World::new();
    for note in ["one", "two", "one", "one"] {
        world.say(note).await;
    }
    assert_eq!(world.told.notes(), notes([("one", 3), ("two", 1)]));
}

#[tokio::test]
async fn an_event_that_was_deleted_is_told_as_a_new_one() {
    let mut world = World::new();
    world.say("one").await;
    world.told.with(BTreeMap::clear);
    world.say("one").await;
    world.say("one").await;
    assert_eq!(world.told.notes(), notes([("one", 2)]));
}

#[tokio::test]
async fn what_was_said_long_ago_is_told_as_a_new_one() {
    let mut world = World::new();
    world.say("one").await;
    world.clock.advance(Duration::from_secs(6 * 60));
    world.say("one").await;
    assert_eq!(world.told.notes(), notes([("one", 1), ("one", 1)]));
}
