//! What makes the operator list everything again: a version that is older than one it knows.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use futures::FutureExt;
use http::{Request, Response};
use kube::client::Body;
use serde_json::json;
use tokio::time::timeout;

use super::*;
use crate::testing::mirror_at;

/// An index of namespace `n` whose watch has shown a mirror of `version`.
fn index_at(version: u64) -> Index {
    let index = Index::new(1);
    let epoch = index.begin(Some("n"));
    index.list(Some("n"), epoch, mirror_at("a", version, "RUNNING"));
    index.end(epoch, Some("n"));
    index
}

/// Whether everything is listed again after `checks` checks, each answered by `version`; and the paths that were asked for.
async fn is_found(
    index: &Index,
    namespaces: &[&str],
    checks: u32,
    version: impl FnMut(&str) -> Option<u64> + Send + 'static,
) -> (bool, Vec<String>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (paths, version) = (asked.clone(), Arc::new(Mutex::new(version)));
    let answer = move |request: Request<Body>| {
        let path = request.uri().path().to_owned();
        let (code, answer) = match (version.lock().unwrap())(&path) {
            Some(version) => {
                let metadata = json!({"resourceVersion": version.to_string()});
                let list =
                    json!({"apiVersion": "v1", "kind": "List", "metadata": metadata, "items": []});
                (200, list)
            }
            None => (
                403,
                json!({"kind": "Status", "status": "Failure", "code": 403}),
            ),
        };
        paths.lock().unwrap().push(path);
        let body = Body::from(serde_json::to_vec(&answer).unwrap());
        let answer = Response::builder().status(code).body(body).unwrap();
        std::future::ready(Ok::<_, Infallible>(answer))
    };
    let client = Client::new(tower::service_fn(answer), "n");
    let rewinds = index.rewinds();
    let namespaces: Vec<_> = namespaces.iter().map(|name| Some((*name).into())).collect();
    let checking = watch_for_restores(client, &namespaces, index);
    let _ = timeout(CHECK * checks + CHECK / 2, checking).await;
    let paths = asked.lock().unwrap().clone();
    assert_eq!(paths.len(), checks as usize);
    (rewinds.next().now_or_never().is_some(), paths)
}

#[tokio::test(start_paused = true)]
async fn an_older_version_than_the_watches_showed_makes_all_be_listed_again() {
    for (version, again) in [(8, true), (9, false), (10, false)] {
        let (found, _) = is_found(&index_at(9), &["n"], 1, move |_| Some(version)).await;
        assert_eq!(found, again, "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_version_than_the_last_check_found_makes_all_be_listed_again() {
    let mut versions = [20, 15].into_iter();
    let (found, _) = is_found(&index_at(9), &["n"], 2, move |_| versions.next()).await;
    assert!(found);
}

#[tokio::test(start_paused = true)]
async fn what_comes_in_while_the_check_is_under_way_is_no_way_back() {
    let index = index_at(9);
    let watched = index.clone();
    let answer = move |_: &str| {
        watched.show(Some("n"), mirror_at("a", 11, "RUNNING"));
        Some(10)
    };
    assert!(!is_found(&index, &["n"], 1, answer).await.0);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_refused_gives_way_to_the_next() {
    let answer = |path: &str| path.contains("/n/").then_some(8);
    let (found, paths) = is_found(&index_at(9), &["closed", "n"], 3, answer).await;
    assert!(found);
    let of_n = paths.iter().filter(|path| path.contains("/n/"));
    assert_eq!(of_n.count(), 2, "{paths:?}");
}
