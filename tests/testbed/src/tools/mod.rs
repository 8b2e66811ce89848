//! Programs that some tests need beside the control plane. A test finds them and never builds them: `.ci/tools NAME` brings
//! one. What did not run without one is reported: [`not_run`].

mod go;
pub mod not_run;

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::control_plane::{
    Error,
    go_build::{self, CONTROL_PLANE, Module},
    programs::on_the_path,
};

/// A program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tool {
    /// Of a control plane that Go built; the other programs are beside it.
    KubeApiserver,
    /// The newest Helm 3.
    Helm3,
    /// The newest Helm 4.
    Helm4,
    /// Argo CD, command line and servers in one program.
    ArgoCd,
    /// A Redis in memory, for Argo CD. It takes the address to listen at.
    Redis,
    /// Flux's kustomize-controller.
    KustomizeController,
    /// A linter of manifests.
    KubeScore,
    /// Saves snapshots of a running etcd.
    Etcdctl,
    /// Makes the data of a new etcd of a snapshot.
    Etcdutl,
    /// Checks rules and metrics of Prometheus.
    Promtool,
    /// Prometheus itself.
    Prometheus,
    /// Checks the routes of Alertmanager.
    Amtool,
    /// The library that sets the time of day of one process, as Debian packages it.
    Libfaketime,
}

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

    /// Its program.
    #[must_use]
    pub fn tool(self) -> Tool {
        match self {
            Self::V3 => Tool::Helm3,
            Self::V4 => Tool::Helm4,
        }
    }
}

/// Where a tool comes from.
enum Source {
    /// The cache of `.ci/tools`; else the `PATH`, where what it answers to these arguments holds this text.
    Go(
        &'static Module,
        Option<(&'static [&'static str], &'static str)>,
    ),
    /// The `PATH`.
    Path,
    /// This file, from a package of Debian.
    File(PathBuf),
}

impl Tool {
    /// Its program's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::KubeApiserver => "kube-apiserver",
            Self::Helm3 | Self::Helm4 => "helm",
            Self::ArgoCd => "argocd",
            Self::Redis => "redis",
            Self::KustomizeController => "kustomize-controller",
            Self::KubeScore => "kube-score",
            Self::Etcdctl => "etcdctl",
            Self::Etcdutl => "etcdutl",
            Self::Promtool => "promtool",
            Self::Prometheus => "prometheus",
            Self::Amtool => "amtool",
            Self::Libfaketime => "libfaketime",
        }
    }

    /// The argument of `.ci/tools` that brings it.
    #[must_use]
    pub fn set(self) -> &'static str {
        match self {
            Self::KubeApiserver => "control-plane",
            Self::Helm3 | Self::Helm4 => "helm",
            Self::ArgoCd | Self::Redis => "argo-cd",
            Self::KustomizeController => "flux",
            Self::Etcdctl | Self::Etcdutl => "etcd-tools",
            other => other.name(),
        }
    }

    fn source(self) -> Source {
        match self {
            Self::KubeApiserver => Source::Go(&CONTROL_PLANE, None),
            Self::Helm3 => Source::Go(&go::HELM_3, Some((&["version", "--short"], "v3."))),
            Self::Helm4 => Source::Go(&go::HELM_4, Some((&["version", "--short"], "v4."))),
            Self::ArgoCd => {
                let asked: &[&str] = &["version", "--client", "--short"];
                Source::Go(&go::ARGO_CD, Some((asked, "v3.5.")))
            }
            Self::KubeScore => Source::Go(&go::KUBE_SCORE, Some((&["version"], "version: 1.20."))),
            Self::Redis => Source::Go(&go::REDIS, None),
            Self::KustomizeController => Source::Go(&go::FLUX, None),
            Self::Etcdctl | Self::Etcdutl => {
                Source::Go(&go::ETCD_TOOLS, Some((&["version"], "version: 3.7.")))
            }
            Self::Promtool | Self::Prometheus | Self::Amtool => Source::Path,
            Self::Libfaketime => {
                let folder = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
                Source::File(Path::new(&folder).join("faketime/libfaketime.so.1"))
            }
        }
    }

    /// Where it is on this machine.
    #[must_use]
    pub fn find(self) -> Option<PathBuf> {
        match self.source() {
            Source::Go(module, on_path) => go_build::built(module)
                .map(|programs| programs.path(self.name()))
                .or_else(|| {
                    let (asked, expected) = on_path?;
                    on_the_path(self.name()).filter(|program| answers(program, asked, expected))
                }),
            Source::Path => on_the_path(self.name()),
            Source::File(path) => Some(path).filter(|path| path.exists()),
        }
    }

    /// The same; where it is not there, the running test is noted as one that did not run.
    #[must_use]
    pub fn find_or_note(self) -> Option<PathBuf> {
        let found = self.find();
        if found.is_none() {
            not_run::note(self.label(), &format!(".ci/tools {}", self.set()));
        }
        found
    }

    /// The same, as an error for those who are no test.
    ///
    /// # Errors
    /// [`Error::Absent`] with the command that brings it.
    pub fn require(self) -> Result<PathBuf, Error> {
        self.find().ok_or_else(|| {
            let (label, set) = (self.label(), self.set());
            Error::Absent(format!("there is no {label} (.ci/tools {set} brings it)"))
        })
    }

    /// For people: two of them have one name.
    fn label(self) -> &'static str {
        match self {
            Self::KubeApiserver => "a control plane built with Go",
            Self::Helm3 => "Helm 3",
            Self::Helm4 => "Helm 4",
            Self::ArgoCd => "Argo CD",
            other => other.name(),
        }
    }
}

fn answers(program: &Path, arguments: &[&str], expected: &str) -> bool {
    let ran = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    ran.is_ok_and(|ran| String::from_utf8_lossy(&ran.stdout).contains(expected))
}

/// The names of what [`build`] knows: all that are built where no name is given.
pub fn sets() -> impl Iterator<Item = &'static str> {
    go::SETS.iter().map(|(name, _)| *name)
}

/// Builds the tools of one name into the cache, if they are missing, and reports the progress on stderr.
///
/// # Errors
/// [`Error::Absent`] where there is no Go toolchain to build them with, else why the build failed or what the names are.
pub async fn build(set: &str) -> Result<(), Error> {
    let known = || go::SETS.iter().chain([&go::OLDEST_SET]);
    let Some((_, modules)) = known().find(|(name, _)| *name == set) else {
        let names: Vec<&str> = known().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        return Err(Error::Failed(format!("no tool {set}: there are {names}")));
    };
    for module in *modules {
        go_build::programs(module).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The versions that the tests and the pages are written for.
    #[test]
    fn a_tool_that_is_found_has_the_expected_version() {
        for tool in [Tool::Helm3, Tool::Helm4, Tool::ArgoCd] {
            let Source::Go(_, Some((asked, expected))) = tool.source() else {
                panic!("{tool:?}");
            };
            if let Some(program) = tool.find_or_note() {
                assert!(answers(&program, asked, expected), "{tool:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_name_that_is_none_is_refused_with_the_names() {
        let refused = build("helmet").await.unwrap_err().to_string();
        assert_eq!(
            refused,
            "no tool helmet: there are control-plane, etcd-tools, helm, argo-cd, flux, kube-score, control-plane-oldest"
        );
    }

    #[test]
    fn every_tool_that_go_builds_is_in_the_set_that_is_named_for_it() {
        for tool in [
            Tool::KubeApiserver,
            Tool::Helm3,
            Tool::Helm4,
            Tool::ArgoCd,
            Tool::Redis,
            Tool::KustomizeController,
            Tool::KubeScore,
            Tool::Etcdctl,
            Tool::Etcdutl,
        ] {
            let Source::Go(module, _) = tool.source() else {
                panic!("{tool:?}");
            };
            let set = go::SETS.iter().find(|(name, _)| *name == tool.set());
            let folders = set.unwrap().1.iter().map(|module| module.folder);
            assert!(folders.into_iter().any(|folder| folder == module.folder));
            assert!(module.names.contains(&tool.name()), "{tool:?}");
        }
    }
}
