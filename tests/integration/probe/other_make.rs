//! APIs of another making than the simulator: small servers that follow the words of the published `OpenAPI` (names with
//! underscores in the query, several states joined by commas), in ways that the simulator does not have.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::at;
use crate::{conditions::assert_contains, fixture::CLUSTER};

const KEY: &str = "key-of-another-make";
/// Its remediations, three times as many as a page holds where no size is asked for.
const ITEMS: usize = 60;
const PAGE: usize = 20;

/// How one of them answers.
#[derive(Clone, Copy, PartialEq)]
struct Make {
    /// A name in the query that it does not know is refused.
    strict: bool,
    /// It spells the fields of its answers in camelCase.
    camel_case: bool,
    /// It honors the first of several states alone.
    partial: bool,
}

const LENIENT: Make = Make {
    strict: false,
    camel_case: false,
    partial: false,
};

fn refused(status: StatusCode, message: &str) -> Response {
    let error = json!({"error": {"message": message, "type": "invalid_request_error"}});
    (status, Json(error)).into_response()
}

fn item(number: usize) -> Value {
    let states = ["PENDING_APPROVAL", "RUNNING", "SUCCEEDED"];
    json!({
        "id": format!("rem_{number}"),
        "cluster_id": CLUSTER,
        "instance_id": format!("inst_{}", number % 8),
        "instance_name": format!("gpu-dp-{}", number % 8),
        "mode": "REMEDIATION_MODE_REBOOT_VM",
        "trigger": "REMEDIATION_TRIGGER_AUTOMATED",
        "state": states[number % 3],
        "create_time": "2026-11-23T10:00:00.5+00:00",
        "update_time": "2026-11-23T10:00:00.5+00:00",
        "reviewed_by": null,
        "linked_alerts": null,
        "node_remediation_policy": {"auto_approve": false},
    })
}

fn authorized(headers: &HeaderMap) -> bool {
    let header = headers.get("authorization");
    header.is_some_and(|header| header.as_bytes() == format!("Bearer {KEY}").as_bytes())
}

async fn list(
    State(make): State<Arc<Make>>,
    Path((cluster, _)): Path<(String, String)>,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    if !authorized(&headers) {
        return refused(StatusCode::UNAUTHORIZED, "Invalid API key provided");
    }
    if cluster != CLUSTER {
        return refused(StatusCode::NOT_FOUND, "cluster not found");
    }
    let mut query = HashMap::new();
    for (name, value) in pairs {
        let known = [
            "page_size",
            "page_token",
            "order_by",
            "state",
            "mode",
            "trigger",
        ];
        if make.strict && !known.contains(&&*name) {
            return refused(StatusCode::BAD_REQUEST, "unknown parameter");
        }
        if query.insert(name, value).is_some() {
            return refused(StatusCode::UNPROCESSABLE_ENTITY, "given twice");
        }
    }
    let number = |name: &str| {
        query
            .get(name)
            .and_then(|value: &String| value.parse().ok())
    };
    let (start, size) = (
        number("page_token").unwrap_or(0),
        number("page_size").unwrap_or(PAGE),
    );
    let mut states: Vec<_> = query
        .get("state")
        .map(|all| all.split(',').collect())
        .unwrap_or_default();
    if make.partial {
        states.truncate(1);
    }
    let all = (0..ITEMS).map(item);
    let all: Vec<_> = all
        .filter(|item| states.is_empty() || states.contains(&item["state"].as_str().unwrap()))
        .collect();
    let end = (start + size).min(all.len());
    let page = json!({
        "remediations": all[start..end],
        "has_next": end < all.len(),
        "next_page_token": if end < all.len() { end.to_string() } else { String::new() },
        "total_size": all.len(),
    });
    let page = if make.camel_case {
        let text = page.to_string();
        let text = text
            .replace("has_next", "hasNext")
            .replace("create_time", "createTime");
        serde_json::from_str(&text).unwrap()
    } else {
        page
    };
    Json(page).into_response()
}

async fn one(Path((_, _, id)): Path<(String, String, String)>, headers: HeaderMap) -> Response {
    let number = id
        .strip_prefix("rem_")
        .and_then(|number| number.parse().ok());
    match number {
        Some(number) if authorized(&headers) => Json(item(number)).into_response(),
        _ => refused(StatusCode::NOT_FOUND, "remediation not found"),
    }
}

/// Starts one; its base.
async fn serve(make: Make) -> (String, AbortOnDropHandle<()>) {
    let path = "/v1/compute/clusters/{cluster}/instances/{instance}/remediations";
    let app = Router::new()
        .route(path, get(list))
        .route(&format!("{path}/{{id}}"), get(one))
        .with_state(Arc::new(make));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, AbortOnDropHandle::new(serving))
}

async fn probe(make: Make) -> (Option<i32>, Value) {
    let (url, _serving) = serve(make).await;
    let outcome = at(&url, KEY, &["--output", "json"]).await;
    (outcome.code, outcome.report())
}

#[tokio::test]
async fn an_api_that_follows_the_published_openapi_is_understood() {
    let (code, report) = probe(LENIENT).await;
    assert_eq!(code, Some(0), "{report}");
    let dialect = json!({
        "queryNames": "sdk",
        "queryNamesProven": true,
        "stateFilter": "comma",
        "fieldStyle": "snake_case",
        "lookupById": "works",
    });
    assert_eq!(report["dialect"], dialect);
    assert_eq!(report["mirrored"], ITEMS);
    let fields = json!(["remediations[].node_remediation_policy", "total_size"]);
    let mut found = report["unknown"]["fields"].as_array().unwrap().clone();
    found.sort_by_key(ToString::to_string);
    assert_eq!(json!(found), fields);
}

#[tokio::test]
async fn one_that_refuses_the_names_of_the_reference_page_is_understood() {
    let strict = Make {
        strict: true,
        ..LENIENT
    };
    let (code, report) = probe(strict).await;
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["dialect"]["queryNames"], "sdk");
    assert_eq!(report["dialect"]["stateFilter"], "comma");
    assert_eq!(report["mirrored"], ITEMS);
}

#[tokio::test]
async fn an_api_that_answers_in_camel_case_is_recognized() {
    let camel_case = Make {
        camel_case: true,
        ..LENIENT
    };
    let (code, report) = probe(camel_case).await;
    assert_eq!(code, Some(1), "{report}");
    assert_eq!(report["failure"]["reason"], "InvalidResponse");
    assert_contains(&report["failure"]["message"].to_string(), &["has_next"]);
    assert_eq!(report["dialect"]["fieldStyle"], "mixed");
    assert!(
        report["notes"][0].to_string().contains("camelCase"),
        "{report}"
    );
}

#[tokio::test]
async fn an_api_that_honors_a_part_of_the_filter_is_reported() {
    let partial = Make {
        partial: true,
        ..LENIENT
    };
    let (code, report) = probe(partial).await;
    assert_eq!(code, Some(0), "{report}");
    let lacks = "The list of open states lacks 40 open remediations";
    assert!(report["notes"].to_string().contains(lacks), "{report}");
}

#[tokio::test]
async fn a_wrong_key_and_an_unknown_cluster_have_different_reasons() {
    let (url, _serving) = serve(LENIENT).await;
    let wrong = at(&url, "another-key", &[]).await;
    assert_eq!(wrong.code, Some(1));
    assert_contains(&wrong.stdout, &["FAILED: Unauthorized"]);
    let arguments = ["--cluster-id", "another", "--allow-http", "--api-url", &url];
    let absent = super::run(&arguments, Some(KEY)).await;
    assert_eq!(absent.code, Some(1));
    assert_contains(&absent.stdout, &["FAILED: ClusterNotFound"]);
    assert_contains(&absent.stdout, &["cluster CLUSTER_ID (404)"]);
}
