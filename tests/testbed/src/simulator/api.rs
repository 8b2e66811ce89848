//! The API's calls below `/v1`.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::ApiError;
use super::cluster::Cluster;
use super::fault::Fault;
use super::listing::{self, Start};
use super::remediation::Remediation;
use super::world::World;
use super::{Shared, front};

const LIST: &str = "/compute/clusters/{cluster}/instances/{instance}/remediations";

/// The routes, relative to `/v1`.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/compute/clusters", get(clusters))
        .route(LIST, get(list))
        .route(&format!("{LIST}/{{id}}"), get(by_id))
        .route(&format!("{LIST}/{{id}}/{{verb}}"), post(review))
        .fallback(|| async { ApiError::not_found("no such call") })
}

/// Whose key this is. The official CLI asks before each command, unless `TOGETHER_PROJECT_ID` is set.
pub(super) async fn whoami(
    State(shared): State<Shared>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    shared.lock().keys.clusters(front::key(&headers))?;
    let project = json!({"id": "simulated", "name": "simulated", "slug": "simulated"});
    Ok(Json(json!({"type": "project_api_key", "project": project})))
}

/// The clusters of the key. The official CLI looks for a remediation in each of them, because its commands take an id alone.
async fn clusters(
    State(shared): State<Shared>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let world = shared.lock();
    let allowed = world.keys.clusters(front::key(&headers))?;
    let ids = world.clusters.keys();
    let seen = ids.filter(|id| allowed.is_none_or(|allowed| allowed.contains(*id)));
    let clusters: Vec<Value> = seen
        .map(|id| {
            json!({
                "cluster_id": id,
                "cluster_name": id,
                "cluster_type": "KUBERNETES",
                "region": "simulated",
                "status": "Ready",
            })
        })
        .collect();
    Ok(Json(json!({"clusters": clusters})))
}

async fn list(
    State(shared): State<Shared>,
    Path((cluster, instance)): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let world = &mut *shared.lock();
    world.keys.check(front::key(&headers), &cluster)?;
    let query = world.dialect.read(&cluster, &instance, &query)?;
    let found = known(&world.clusters, &cluster, &instance)?;
    let question = &query.question;
    let start = match &query.token {
        Some(token) => listing::start_of(question, token)
            .ok_or_else(|| ApiError::invalid("pageToken: not a token of this listing"))?,
        None => Start::default(),
    };
    let mut page = listing::page(found, question, &start, query.page_size);
    let first = start.last.is_none();
    let fault = world
        .faults
        .take(|fault| fault.spoils_page(&page, first, found));
    if let Some(fault) = &fault {
        world.counters.rose(fault);
    }
    if let Some(fault) = &fault {
        page = fault.spoil_page(page, found, question, &start, query.page_size);
    }
    let has_next = page.next.is_some();
    let mut items: Vec<Value> = page.items.iter().map(|item| json!(item)).collect();
    if let Some(fault) = &fault {
        fault.spoil_item(&mut items);
        // One that can no longer be read shows nothing.
        let legible = items.iter().map(Remediation::deserialize);
        page.items = legible.filter_map(Result::ok).collect();
    }
    let now = world.clock;
    let answered = world.cluster(&cluster);
    for item in &page.items {
        answered.answered(item, now);
    }
    let mut body = json!({"remediations": items, "has_next": has_next});
    if let Some(next) = page.next.filter(|_| fault != Some(Fault::MissingToken)) {
        body["next_page_token"] = json!(listing::token(question, &next));
    }
    Ok(Json(body))
}

async fn by_id(
    State(shared): State<Shared>,
    Path((cluster, instance, id)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Json<Remediation>, ApiError> {
    let world = &mut *shared.lock();
    world.keys.check(front::key(&headers), &cluster)?;
    if let Some(status) = world.by_id {
        return Err(ApiError::of_status(status));
    }
    let found = find(world, &cluster, &instance, &id)?.clone();
    let now = world.clock;
    world.cluster(&cluster).answered(&found, now);
    Ok(Json(found))
}

/// Body of approve, reject and cancel.
#[derive(Default, Deserialize)]
struct Review {
    comment: Option<String>,
    mode: Option<String>,
}

/// Approve, reject, cancel. The operator never calls these; they drive lives.
async fn review(
    State(shared): State<Shared>,
    Path((cluster, instance, id, verb)): Path<(String, String, String, String)>,
    headers: HeaderMap,
    body: Option<Json<Review>>,
) -> Result<Response, ApiError> {
    let world = &mut *shared.lock();
    world.keys.check(front::key(&headers), &cluster)?;
    let state = find(world, &cluster, &instance, &id)?.state.clone();
    let next = match (verb.as_str(), state.as_str()) {
        ("approve", "PENDING_APPROVAL") => "PENDING",
        ("reject", "PENDING_APPROVAL") | ("cancel", "PENDING_APPROVAL" | "PENDING") => "CANCELLED",
        ("approve" | "reject" | "cancel", _) => {
            let message = format!("cannot {verb} a remediation that is {state}");
            return Err(ApiError::precondition(&message));
        }
        _ => return Err(ApiError::not_found("no such call")),
    };
    let Json(review) = body.unwrap_or_default();
    let now = world.clock;
    world.cluster(&cluster).change(&id, now, |remediation| {
        remediation.reviewed_by = Some("API key".into());
        remediation.review_comment = review.comment;
        if let Some(mode) = review.mode {
            remediation.mode = mode;
        }
        remediation.enter(next, now);
    });
    find(world, &cluster, &instance, &id).map(|found| Json(found).into_response())
}

/// The cluster, if it and the machine are known; `-` is every machine.
fn known<'a>(
    clusters: &'a BTreeMap<String, Cluster>,
    cluster: &str,
    instance: &str,
) -> Result<&'a Cluster, ApiError> {
    let found = clusters
        .get(cluster)
        .ok_or_else(|| ApiError::not_found("cluster not found"))?;
    if instance == "-" || found.instances.contains_key(instance) {
        return Ok(found);
    }
    Err(ApiError::not_found("instance not found"))
}

fn find<'a>(
    world: &'a World,
    cluster: &str,
    instance: &str,
    id: &str,
) -> Result<&'a Remediation, ApiError> {
    known(&world.clusters, cluster, instance)?
        .get(id)
        .filter(|found| instance == "-" || found.instance_id == instance)
        .ok_or_else(|| ApiError::not_found("remediation not found"))
}
