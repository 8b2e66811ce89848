//! The real Argo CD, command line and servers in one program, built by the Go toolchain from pinned modules into the cache.

use std::path::PathBuf;

use crate::control_plane::{
    Error,
    go_build::{self, Module},
};

const ARGO_CD: Module = Module {
    what: "Argo CD",
    folder: "argo-cd",
    go_mod: include_str!("../argo-cd/go.mod"),
    go_sum: include_str!("../argo-cd/go.sum"),
    go_main: None,
    main: "github.com/argoproj/argo-cd/v3",
    link_flags: flags,
    names: &["argocd"],
    renamed: Some(("cmd", "argocd")),
};

/// Its program, from the cache, built first where it is not there.
///
/// # Errors
/// [`Error::Absent`] where there is no Go toolchain to build it with, else why the build failed.
pub async fn program() -> Result<PathBuf, Error> {
    Ok(go_build::programs(&ARGO_CD).await?.path("argocd"))
}

fn flags(version: &str) -> String {
    format!("-s -w -X github.com/argoproj/argo-cd/v3/common.version={version}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn it_says_the_version_that_is_pinned() {
        let program = match program().await {
            Err(Error::Absent(why)) => return eprintln!("Argo CD: not run: {why}"),
            found => found.unwrap(),
        };
        let told = std::process::Command::new(program)
            .args(["version", "--client", "--short"])
            .output()
            .unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        assert!(told.contains("v3.5.7"), "{told}");
    }
}
