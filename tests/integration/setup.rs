//! What every test on the control plane begins with.

use std::{fs, path::Path};

use testbed::control_plane::ControlPlane;
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

/// Says a line that a reader of the run should see though its test passes.
pub(crate) use testbed::control_plane::tell as say;
