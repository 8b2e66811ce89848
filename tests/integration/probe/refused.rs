//! An API server that refuses. Its message names the caller, so the program does not repeat it.

use std::{fs, path::PathBuf};

use axum::{Json, Router, http::StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, process::Command};
use tokio_util::task::AbortOnDropHandle;

use super::{Outcome, end};
use crate::program::PROGRAM;

const WHO: &str = "planted-person@example.com";

/// An API server that answers like this, and a kubeconfig that leads to it.
async fn serve(
    answer: impl Fn(&str) -> (u16, Value) + Clone + Send + Sync + 'static,
) -> (TempDir, PathBuf, AbortOnDropHandle<()>) {
    let app = Router::new().fallback(move |request: axum::extract::Request| {
        let (code, body) = answer(request.uri().path());
        async move { (StatusCode::from_u16(code).unwrap(), Json(body)) }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "planted-token"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    });
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("kubeconfig");
    fs::write(&path, kubeconfig.to_string()).unwrap();
    let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (folder, path, AbortOnDropHandle::new(serving))
}

fn status(code: u16) -> (u16, Value) {
    let message = format!("clusterwatches is forbidden: User {WHO:?} cannot get it");
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "Forbidden", "code": code,
    });
    (code, status)
}

async fn probe(kubeconfig: &PathBuf) -> Outcome {
    let mut command = Command::new(PROGRAM);
    command
        .args(["probe", "--from", "clusterwatch/training", "-n", "gpu-ops"])
        .env("KUBECONFIG", kubeconfig)
        .env_remove("TOGETHER_API_KEY");
    end(command).await
}

#[tokio::test]
async fn a_refusal_by_the_api_server_is_reported_without_its_message() {
    for (code, expected) in [
        (401, "does not accept the credentials (401)"),
        (403, "may not read it (403)"),
        (404, "ClusterWatch training in namespace gpu-ops: not found"),
        (500, "the API server answered 500"),
    ] {
        let (_folder, kubeconfig, _serving) = serve(move |_| status(code)).await;
        let Outcome {
            code,
            stdout,
            stderr,
        } = probe(&kubeconfig).await;
        assert_eq!((code, stdout.len()), (Some(1), 0), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
        assert!(!stderr.contains("planted"), "{stderr}");
    }
}

#[tokio::test]
async fn a_secret_that_this_account_may_not_read_is_named() {
    let (_folder, kubeconfig, _serving) = serve(|path| {
        if !path.ends_with("/clusterwatches/training") {
            return status(403);
        }
        let watch = json!({
            "apiVersion": "compute.together.ai/v1alpha1",
            "kind": "ClusterWatch",
            "metadata": {"name": "training", "namespace": "gpu-ops"},
            "spec": {"clusterId": "c", "apiKeySecretRef": {"name": "together"}},
        });
        (200, watch)
    })
    .await;
    let Outcome { code, stderr, .. } = probe(&kubeconfig).await;
    assert_eq!(code, Some(1), "{stderr}");
    let expected = "Secret together in namespace gpu-ops: this account may not read it (403)";
    assert!(stderr.contains(expected), "{stderr}");
    assert!(!stderr.contains("planted"), "{stderr}");
}
