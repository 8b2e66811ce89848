//! The real Helm, of both major versions that are in use, built by the Go toolchain from pinned modules into the cache.

use std::path::PathBuf;

use crate::control_plane::{
    Error,
    go_build::{self, Module},
};

const HELM_3: Module = Module {
    what: "Helm",
    folder: "helm-3",
    go_mod: include_str!("../helm-3/go.mod"),
    go_sum: include_str!("../helm-3/go.sum"),
    go_main: None,
    main: "helm.sh/helm/v3",
    link_flags: |version| flags(3, version),
    names: &["helm"],
    renamed: None,
};
const HELM_4: Module = Module {
    folder: "helm-4",
    go_mod: include_str!("../helm-4/go.mod"),
    go_sum: include_str!("../helm-4/go.sum"),
    main: "helm.sh/helm/v4",
    link_flags: |version| flags(4, version),
    ..HELM_3
};

/// A major version of Helm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Helm {
    /// Helm 3.
    V3,
    /// Helm 4.
    V4,
}

impl Helm {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::V3, Self::V4];

    /// Its program, from the cache, built first where it is not there.
    ///
    /// # Errors
    /// [`Error::Absent`] where there is no Go toolchain to build it with, else why the build failed.
    pub async fn program(self) -> Result<PathBuf, Error> {
        let module: &'static Module = match self {
            Self::V3 => &HELM_3,
            Self::V4 => &HELM_4,
        };
        Ok(go_build::programs(module).await?.path("helm"))
    }
}

fn flags(major: u32, version: &str) -> String {
    format!("-s -w -X helm.sh/helm/v{major}/internal/version.version=v{version}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn both_say_the_version_that_is_pinned() {
        for (helm, wanted) in [(Helm::V3, "v3.22.0"), (Helm::V4, "v4.3.1")] {
            let program = match helm.program().await {
                Err(Error::Absent(why)) => return eprintln!("Helm: not run: {why}"),
                found => found.unwrap(),
            };
            let told = std::process::Command::new(program)
                .args(["version", "--short"])
                .output()
                .unwrap();
            let told = String::from_utf8(told.stdout).unwrap();
            assert!(told.starts_with(wanted), "{told}");
        }
    }
}
