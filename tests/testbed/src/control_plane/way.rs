//! Where a control plane can come from, and in which order that is tried.

use std::{
    env, fmt,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    ControlPlane, Inner, engine,
    error::Error,
    go_build::{self, CONTROL_PLANE, Cache},
    kind, processes,
    programs::Programs,
    progress::say,
    run::Run,
};

/// Names a cluster to use as it is, by its kubeconfig. The only way to one that is not the testbed's own.
const KUBECONFIG: &str = "TESTBED_KUBECONFIG";
/// Names a folder with etcd, kube-apiserver, kube-controller-manager and kubectl.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// One way to a control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// The cluster of this kubeconfig, used as it is and left running.
    Cluster(PathBuf),
    /// The programs of this folder, as plain processes on loopback.
    Programs(PathBuf),
    /// The programs that an earlier build left in the cache.
    Cache,
    /// A kind node through testcontainers; the image is named by `TESTBED_KIND_IMAGE`, else a pinned public one.
    Kind,
    /// The programs, built by the Go toolchain into the cache where they are not there yet.
    GoBuild,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(path) => write!(f, "the cluster of {}", path.display()),
            Self::Programs(dir) => write!(f, "programs in {}", dir.display()),
            Self::Cache => f.write_str("programs built earlier"),
            Self::Kind => f.write_str("a kind node in a container"),
            Self::GoBuild => f.write_str("a build with Go"),
        }
    }
}

/// Takes the first way that leads to a control plane, and says which in one line.
pub(super) async fn first() -> Result<ControlPlane, Error> {
    let mut reasons = Vec::new();
    for way in order(env::var_os(KUBECONFIG), env::var_os(ASSETS)) {
        match take(way.clone()).await {
            Ok(control_plane) => return Ok(control_plane),
            Err(error) => {
                let reason = format!("{way}: {error}");
                if way != Way::Cache {
                    say(&format!("not {}", first_line(&reason)));
                }
                reasons.push(format!("- {reason}"));
            }
        }
    }
    Err(Error::NoWay(reasons.join("\n")))
}

/// The ways to try, from what the environment names. A cluster named by its kubeconfig has no substitute.
fn order(cluster: Option<impl Into<PathBuf>>, assets: Option<impl Into<PathBuf>>) -> Vec<Way> {
    if let Some(path) = cluster {
        return vec![Way::Cluster(path.into())];
    }
    assets
        .map(|dir| Way::Programs(dir.into()))
        .into_iter()
        .chain([Way::Cache, Way::Kind, Way::GoBuild])
        .collect()
}

/// Goes one way to its end.
pub(super) async fn take(way: Way) -> Result<ControlPlane, Error> {
    let start = Instant::now();
    let inner = match &way {
        Way::Cluster(path) => {
            let run = Run::begin()?;
            Inner::new(way.clone(), run, None, path, find_kubectl()).await?
        }
        Way::Programs(dir) => from_programs(way.clone(), Programs::in_dir(dir)?).await?,
        Way::Cache => {
            from_programs(way.clone(), Cache::of_user(&CONTROL_PLANE)?.programs()?).await?
        }
        Way::GoBuild => {
            from_programs(way.clone(), go_build::programs(&CONTROL_PLANE).await?).await?
        }
        Way::Kind => {
            let image = engine::node_image().await?;
            let mut run = Run::begin_with_container()?;
            let node = kind::start(&mut run, &image).await?;
            let (path, kubectl) = (node.kubeconfig.clone(), Some(node.kubectl.clone()));
            Inner::new(way.clone(), run, Some(node), &path, kubectl).await?
        }
    };
    say(&format!(
        "Kubernetes {} from {way}, ready in {:.1} s",
        inner.version,
        rounded(start.elapsed())
    ));
    Ok(ControlPlane::from(inner))
}

async fn from_programs(way: Way, programs: Programs) -> Result<Inner, Error> {
    let mut run = Run::begin()?;
    let admin = processes::start(&mut run, &programs).await?;
    Inner::new(way, run, None, &admin, Some(programs.path("kubectl"))).await
}

fn find_kubectl() -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|dir| dir.join("kubectl"))
        .find(|path| path.is_file())
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn rounded(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Option<&str> = None;

    #[test]
    fn what_is_there_comes_first_and_the_long_build_last() {
        let built_or_not = [Way::Cache, Way::Kind, Way::GoBuild];
        assert_eq!(order(NONE, NONE), built_or_not);
        let named = order(NONE, Some("/assets"));
        assert_eq!(named[0], Way::Programs("/assets".into()));
        assert_eq!(named[1..], built_or_not);
    }

    #[test]
    fn a_cluster_named_by_its_kubeconfig_has_no_substitute() {
        let expected = [Way::Cluster("/mine".into())];
        assert_eq!(order(Some("/mine"), Some("/assets")), expected);
    }
}
