//! The tools that the Go toolchain builds from pinned modules into the cache.

use crate::control_plane::go_build::{CONTROL_PLANE, Module, OLDEST};

/// What each name of `.ci/tools` stands for, in the order in which all of them are built.
pub(super) const SETS: [(&str, &[&Module]); 6] = [
    ("control-plane", &[&CONTROL_PLANE]),
    ("etcd-tools", &[&ETCD_TOOLS]),
    ("helm", &[&HELM_3, &HELM_4]),
    ("argo-cd", &[&ARGO_CD, &REDIS, &HELM_4]),
    ("flux", &[&FLUX]),
    ("kube-score", &[&KUBE_SCORE]),
];
/// Only for those who ask for it by name.
pub(super) const OLDEST_SET: (&str, &[&Module]) = ("control-plane-oldest", &[&OLDEST]);

pub(super) const HELM_3: Module = Module {
    what: "Helm",
    folder: "helm-3",
    go_mod: include_str!("../../helm-3/go.mod"),
    go_sum: include_str!("../../helm-3/go.sum"),
    go_main: None,
    main: "helm.sh/helm/v3",
    link_flags: |version| helm_flags(3, version),
    names: &["helm"],
    renamed: None,
};

pub(super) const HELM_4: Module = Module {
    folder: "helm-4",
    go_mod: include_str!("../../helm-4/go.mod"),
    go_sum: include_str!("../../helm-4/go.sum"),
    main: "helm.sh/helm/v4",
    link_flags: |version| helm_flags(4, version),
    ..HELM_3
};

fn helm_flags(major: u32, version: &str) -> String {
    format!("-s -w -X helm.sh/helm/v{major}/internal/version.version=v{version}")
}

/// Command line and servers in one program.
pub(super) const ARGO_CD: Module = Module {
    what: "Argo CD",
    folder: "argo-cd",
    go_mod: include_str!("../../argo-cd/go.mod"),
    go_sum: include_str!("../../argo-cd/go.sum"),
    go_main: None,
    main: "github.com/argoproj/argo-cd/v3",
    link_flags: |version| {
        format!("-s -w -X github.com/argoproj/argo-cd/v3/common.version={version}")
    },
    names: &["argocd"],
    renamed: Some(("cmd", "argocd")),
};

/// For Argo CD.
pub(super) const REDIS: Module = Module {
    what: "a Redis in memory",
    folder: "redis",
    go_mod: include_str!("../../redis/go.mod"),
    go_sum: include_str!("../../redis/go.sum"),
    go_main: Some(include_str!("../../redis/main.go")),
    main: "github.com/alicebob/miniredis/v2",
    link_flags: |_| "-s -w".to_owned(),
    names: &["redis"],
    renamed: None,
};

pub(super) const FLUX: Module = Module {
    what: "Flux's kustomize-controller",
    folder: "flux",
    go_mod: include_str!("../../flux/go.mod"),
    go_sum: include_str!("../../flux/go.sum"),
    go_main: None,
    main: "github.com/fluxcd/kustomize-controller",
    link_flags: |_| "-s -w".to_owned(),
    names: &["kustomize-controller"],
    renamed: None,
};

/// Checks manifests.
pub(super) const KUBE_SCORE: Module = Module {
    what: "kube-score",
    folder: "kube-score",
    go_mod: include_str!("../../kube-score/go.mod"),
    go_sum: include_str!("../../kube-score/go.sum"),
    go_main: None,
    main: "github.com/zegl/kube-score",
    link_flags: |version| format!("-s -w -X main.version={version}"),
    names: &["kube-score"],
    renamed: None,
};

/// Of the version of the control plane's etcd.
pub(super) const ETCD_TOOLS: Module = Module {
    what: "etcdctl and etcdutl",
    folder: "etcd-tools",
    go_mod: include_str!("../../etcd-tools/go.mod"),
    go_sum: include_str!("../../etcd-tools/go.sum"),
    go_main: None,
    main: "go.etcd.io/etcd/etcdutl/v3",
    link_flags: |_| "-s -w".to_owned(),
    names: &["etcdctl", "etcdutl"],
    renamed: None,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etcds_tools_are_of_the_version_of_the_etcd_that_they_save_and_restore() {
        let of = |go_mod: &'static str, module: &str| {
            let after_name = |line: &'static str| line.trim().split_once(&format!("{module} v"));
            let found = go_mod.lines().find_map(after_name);
            found.and_then(|(_, rest)| rest.split_whitespace().next())
        };
        let expected = of(CONTROL_PLANE.go_mod, "go.etcd.io/etcd/server/v3");
        assert!(expected.is_some());
        for tool in ["go.etcd.io/etcd/etcdctl/v3", "go.etcd.io/etcd/etcdutl/v3"] {
            assert_eq!(of(ETCD_TOOLS.go_mod, tool), expected, "{tool}");
        }
    }
}
