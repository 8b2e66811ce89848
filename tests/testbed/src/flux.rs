//! Flux's real kustomize-controller, built by the Go toolchain from pinned modules into the cache.

use std::path::PathBuf;

use crate::control_plane::{
    Error,
    go_build::{self, Module},
};

const FLUX: Module = Module {
    what: "Flux's kustomize-controller",
    folder: "flux",
    go_mod: include_str!("../flux/go.mod"),
    go_sum: include_str!("../flux/go.sum"),
    go_main: None,
    main: "github.com/fluxcd/kustomize-controller",
    link_flags: |_| "-s -w".to_owned(),
    names: &["kustomize-controller"],
    renamed: None,
};

/// Its program, from the cache, built first where it is not there.
///
/// # Errors
/// [`Error::Absent`] where there is no Go toolchain to build it with, else why the build failed.
pub async fn kustomize_controller() -> Result<PathBuf, Error> {
    let programs = go_build::programs(&FLUX).await?;
    Ok(programs.path("kustomize-controller"))
}
