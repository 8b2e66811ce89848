//! A repository laid out like docs/gitops, as kustomize-controller reads it: an archive over HTTP that a `GitRepository`'s status
//! names. Flux's source-controller, which would write that status, could not be built: modules of it are not served everywhere.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::{FLUX, api};
use crate::fixture::Fixture;

const NAME: &str = "flux-system";

/// What is offered, by name.
type Archives = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

pub(super) struct Source {
    files: TempDir,
    archives: Archives,
    url: String,
    repositories: Api<DynamicObject>,
}

impl Source {
    /// An empty one.
    pub(super) async fn new(fixture: &Fixture) -> Self {
        let archives = Archives::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/{name}", get(give))
            .with_state(archives.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let repository = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": NAME, "namespace": FLUX},
            "spec": {"url": url, "interval": "10m"},
        });
        let applied = fixture.control_plane.apply(&repository.to_string()).await;
        applied.unwrap();
        Self {
            files: tempfile::tempdir().unwrap(),
            archives,
            url,
            repositories: api(&fixture.client, "source.toolkit.fluxcd.io", "GitRepository"),
        }
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let at = self.files.path().join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, text).unwrap();
    }

    pub(super) fn remove(&self, path: &str) {
        fs::remove_file(self.files.path().join(path)).unwrap();
    }

    /// Offers what was written as the newest revision, and returns its name.
    pub(super) async fn commit(&self) -> String {
        let packed = Command::new("tar")
            .args(["--create", "--gzip", "--file=-", "."])
            .current_dir(self.files.path())
            .output()
            .expect("tar is needed, on the PATH");
        assert!(packed.status.success(), "{packed:?}");
        let archive = packed.stdout;
        let digest = Sha256::digest(&archive);
        let digest = digest
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        let revision = format!("main@sha1:{}", &digest[..40]);
        let name = format!("{digest}.tar.gz");
        let artifact = json!({
            "digest": format!("sha256:{digest}"),
            "lastUpdateTime": "2026-11-23T10:00:00Z",
            "path": name,
            "revision": revision,
            "size": archive.len(),
            "url": format!("{}/{name}", self.url),
        });
        self.archives.lock().unwrap().insert(name, archive);
        let status = Patch::Merge(json!({"status": {"artifact": artifact}}));
        let params = PatchParams::default();
        let patched = self.repositories.patch_status(NAME, &params, &status);
        patched.await.unwrap();
        revision
    }
}

async fn give(
    State(archives): State<Archives>,
    Path(name): Path<String>,
) -> Result<Vec<u8>, StatusCode> {
    let archives = archives.lock().unwrap();
    archives.get(&name).cloned().ok_or(StatusCode::NOT_FOUND)
}
