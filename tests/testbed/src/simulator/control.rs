//! The control interface, below `/control`, JSON in and out, whatever the `Content-Type` is: `kubectl create --raw` sends none. No
//! key is asked for.
//!
//! | call | what it does |
//! |---|---|
//! | `GET clusters/{cluster}/remediations` | all that the API holds of the cluster |
//! | `PUT remediations` | inserts or replaces the remediation in the body |
//! | `DELETE clusters/{cluster}/remediations/{id}` | removes it, as if the API had forgotten it |
//! | `PUT clusters/{cluster}/instances/{id}` | makes cluster and machine known; body `{"name": "gpu-dp-17"}` |
//! | `POST clusters/{cluster}/life` | a cast that lives by itself; body `{"seed": 7, "machines": 6}` |
//! | `POST advance` | moves the clock; body `{"seconds": 60}` |
//! | `GET counters` | what was asked so far |
//! | `POST faults` | body `{"fault": {"kind": "status", "status": 503}, "times": {"next": 3}}` |
//! | `DELETE faults` | no more faults |
//! | `PUT keys/{key}` | a key; body `{"clusters": null}` (all) or a list |
//! | `DELETE keys/{key}` | revokes it |
//! | `PUT dialect` | body `{"names": "snake", "stateForm": "comma"}`; `{"names": "both", "stateForm": "either"}` takes all |
//! | `PUT by-id` | questions by id answer this instead; body `{"status": 404}` or `{"status": null}` |
//! | `PUT date` | body `"soon"`: every answer's `Date`; `null`: as it is |
//! | `PUT limit` | body `{"perSecond": 5, "burst": 20}`, or `null` |

use std::collections::BTreeSet;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_request;
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use serde::Deserialize;

use super::{Counters, Dialect, Fault, RateLimit, Remediation, Shared, Times};

/// The routes, relative to `/control`.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/clusters/{cluster}/remediations", get(truth))
        .route("/clusters/{cluster}/remediations/{id}", delete(remove))
        .route("/clusters/{cluster}/instances/{id}", put(instance))
        .route("/clusters/{cluster}/life", post(life))
        .route("/remediations", put(insert))
        .route("/advance", post(advance))
        .route("/counters", get(counters))
        .route("/faults", post(fault).delete(clear_faults))
        .route("/keys/{key}", put(add_key).delete(revoke))
        .route("/dialect", put(dialect))
        .route("/by-id", put(by_id))
        .route("/date", put(date))
        .route("/limit", put(limit))
        .layer(map_request(async |mut request: Request| {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
            request
        }))
}

async fn truth(
    State(shared): State<Shared>,
    Path(cluster): Path<String>,
) -> Json<Vec<Remediation>> {
    Json(shared.truth(&cluster))
}

async fn remove(
    State(shared): State<Shared>,
    Path((cluster, id)): Path<(String, String)>,
) -> StatusCode {
    if shared.lock().remove(&cluster, &id) {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    }
}

#[derive(Deserialize)]
struct Machine {
    name: String,
}

async fn instance(
    State(shared): State<Shared>,
    Path((cluster, id)): Path<(String, String)>,
    Json(machine): Json<Machine>,
) {
    let world = &mut *shared.lock();
    world.cluster(&cluster).instances.insert(id, machine.name);
}

#[derive(Deserialize)]
struct Life {
    seed: u64,
    machines: usize,
}

async fn life(State(shared): State<Shared>, Path(cluster): Path<String>, Json(life): Json<Life>) {
    let world = &mut *shared.lock();
    world.seed_life(&cluster, life.seed, life.machines);
}

async fn insert(State(shared): State<Shared>, Json(remediation): Json<Remediation>) {
    shared.lock().put(remediation);
}

#[derive(Deserialize)]
struct Advance {
    seconds: u32,
}

async fn advance(State(shared): State<Shared>, Json(by): Json<Advance>) {
    shared.advance(Duration::from_secs(by.seconds.into()));
}

async fn counters(State(shared): State<Shared>) -> Json<Counters> {
    Json(shared.lock().counters.clone())
}

#[derive(Deserialize)]
struct NewFault {
    fault: Fault,
    times: Times,
}

async fn fault(State(shared): State<Shared>, Json(new): Json<NewFault>) {
    shared.lock().faults.add(new.fault, new.times);
}

async fn clear_faults(State(shared): State<Shared>) {
    shared.lock().faults.clear();
}

#[derive(Deserialize)]
struct Scope {
    clusters: Option<BTreeSet<String>>,
}

async fn add_key(State(shared): State<Shared>, Path(key): Path<String>, Json(scope): Json<Scope>) {
    shared.lock().keys.add(&key, scope.clusters);
}

async fn revoke(State(shared): State<Shared>, Path(key): Path<String>) {
    shared.lock().keys.revoke(&key);
}

async fn dialect(State(shared): State<Shared>, Json(dialect): Json<Dialect>) {
    shared.lock().dialect = dialect;
}

#[derive(Deserialize)]
struct ById {
    status: Option<u16>,
}

async fn by_id(State(shared): State<Shared>, Json(by_id): Json<ById>) -> StatusCode {
    match by_id.status.map(StatusCode::from_u16).transpose() {
        Ok(status) => {
            shared.lock().by_id = status;
            StatusCode::OK
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

async fn date(State(shared): State<Shared>, Json(date): Json<Option<String>>) {
    shared.lock().date = date;
}

async fn limit(State(shared): State<Shared>, Json(limit): Json<Option<RateLimit>>) {
    shared.lock().keys.limit = limit;
}
