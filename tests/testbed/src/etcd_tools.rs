//! etcd's own tools, of the version of the control plane's etcd, built by the Go toolchain from pinned modules into the cache.

use std::path::PathBuf;

use crate::control_plane::{
    Error,
    go_build::{self, Module},
};

const TOOLS: Module = Module {
    what: "etcdctl and etcdutl",
    folder: "etcd-tools",
    go_mod: include_str!("../etcd-tools/go.mod"),
    go_sum: include_str!("../etcd-tools/go.sum"),
    go_main: None,
    main: "go.etcd.io/etcd/etcdutl/v3",
    link_flags: |_| "-s -w".to_owned(),
    names: &["etcdctl", "etcdutl"],
    renamed: None,
};

/// The programs, from the cache, built first where they are not there.
#[derive(Clone, Debug)]
pub(crate) struct EtcdTools {
    /// Saves snapshots of a running etcd.
    pub(crate) etcdctl: PathBuf,
    /// Makes the data of a new etcd of a snapshot.
    pub(crate) etcdutl: PathBuf,
}

impl EtcdTools {
    /// # Errors
    /// [`Error::Absent`] where there is no Go toolchain to build them with, else why the build failed.
    pub(crate) async fn get() -> Result<Self, Error> {
        let programs = go_build::programs(&TOOLS).await?;
        Ok(Self {
            etcdctl: programs.path("etcdctl"),
            etcdutl: programs.path("etcdutl"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_of_the_version_of_the_etcd_that_they_save_and_restore() {
        let of = |go_mod: &'static str, module: &str| {
            let after_name = |line: &'static str| line.trim().split_once(&format!("{module} v"));
            let found = go_mod.lines().find_map(after_name);
            found.and_then(|(_, rest)| rest.split_whitespace().next())
        };
        let etcd = include_str!("../control-plane/go.mod");
        let wanted = of(etcd, "go.etcd.io/etcd/server/v3");
        assert!(wanted.is_some());
        for tool in ["go.etcd.io/etcd/etcdctl/v3", "go.etcd.io/etcd/etcdutl/v3"] {
            assert_eq!(of(TOOLS.go_mod, tool), wanted, "{tool}");
        }
    }
}
