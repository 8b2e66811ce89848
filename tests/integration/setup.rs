//! What every test on the control plane begins with.

use std::{fs, path::Path};

use serde_json::Value;
use testbed::{control_plane::ControlPlane, drift::file};
use tokio::sync::OnceCell;

/// The control plane of this test run, with the files of `crds/` applied.
pub(crate) async fn control_plane() -> &'static ControlPlane {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let control_plane = ControlPlane::shared().await;
    INSTALLED
        .get_or_init(async || install(control_plane).await)
        .await;
    control_plane
}

/// Applies the files of `crds/`.
pub(crate) async fn install(control_plane: &ControlPlane) {
    control_plane.apply(&crd_files()).await.unwrap();
}

/// The files of `crds/`, one after the other.
pub(crate) fn crd_files() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    ["clusterwatches.yaml", "remediations.yaml"]
        .map(|name| fs::read_to_string(folder.join(name)).unwrap())
        .concat()
}

/// A file of the repository that is YAML.
pub(crate) fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(file(path)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// A control plane of the test's own, with the definitions installed.
pub(crate) async fn own_control_plane() -> ControlPlane {
    let control_plane = ControlPlane::start().await.unwrap();
    install(&control_plane).await;
    control_plane
}

/// Says a line that a reader of the run should see though its test passes.
pub(crate) use testbed::control_plane::print_line;
