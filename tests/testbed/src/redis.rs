//! A Redis in memory, for Argo CD, built by the Go toolchain from pinned modules into the cache.

use std::path::PathBuf;

use crate::control_plane::{
    Error,
    go_build::{self, Module},
};

const REDIS: Module = Module {
    what: "a Redis in memory",
    folder: "redis",
    go_mod: include_str!("../redis/go.mod"),
    go_sum: include_str!("../redis/go.sum"),
    go_main: Some(include_str!("../redis/main.go")),
    main: "github.com/alicebob/miniredis/v2",
    link_flags: |_| "-s -w".to_owned(),
    names: &["redis"],
    renamed: None,
};

/// Its program, from the cache, built first where it is not there. It takes the address to listen at.
///
/// # Errors
/// [`Error::Absent`] where there is no Go toolchain to build it with, else why the build failed.
pub async fn program() -> Result<PathBuf, Error> {
    Ok(go_build::programs(&REDIS).await?.path("redis"))
}
