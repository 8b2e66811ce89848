//! Where a control plane can come from, and in which order that is tried.

use std::{
    env,
    ffi::OsString,
    fmt,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    ControlPlane, Inner, engine,
    error::Error,
    go_build::{self, CONTROL_PLANE, Cache, OLDEST},
    kind, processes,
    programs::Programs,
    progress::say,
    run::Run,
};

/// Names a cluster to use as it is, by its kubeconfig. The only way to one that is not the testbed's own.
const KUBECONFIG: &str = "TESTBED_KUBECONFIG";
/// Names a folder with etcd, kube-apiserver, kube-controller-manager and kubectl.
const ASSETS: &str = "KUBEBUILDER_ASSETS";
/// Asks for another version than the newest: `oldest`.
const KUBERNETES: &str = "TESTBED_KUBERNETES";

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
    /// The programs of the oldest Kubernetes that is supported, built in the same way.
    Oldest,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(path) => write!(f, "the cluster of {}", path.display()),
            Self::Programs(dir) => write!(f, "programs in {}", dir.display()),
            Self::Cache => f.write_str("programs built earlier"),
            Self::Kind => f.write_str("a kind node in a container"),
            Self::GoBuild => f.write_str("a build with Go"),
            Self::Oldest => f.write_str("a build of the oldest supported version with Go"),
        }
    }
}

/// Takes the first way that leads to a control plane, and says which in one line.
pub(super) async fn first() -> Result<ControlPlane, Error> {
    let mut reasons = Vec::new();
    let named = [KUBECONFIG, ASSETS, KUBERNETES].map(env::var_os);
    for way in order(named)? {
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

/// The ways to try, from what the environment names. A cluster or a version that is named has no substitute.
fn order([cluster, assets, version]: [Option<OsString>; 3]) -> Result<Vec<Way>, Error> {
    if let Some(path) = cluster {
        return Ok(vec![Way::Cluster(path.into())]);
    }
    match version {
        Some(version) if version == "oldest" => return Ok(vec![Way::Oldest]),
        Some(other) => {
            let what = other.display();
            let why = format!("{KUBERNETES} may be `oldest`, not {what:?}");
            return Err(Error::Failed(why));
        }
        None => {}
    }
    let named = assets.map(|dir| Way::Programs(dir.into()));
    let others = [Way::Cache, Way::Kind, Way::GoBuild];
    Ok(named.into_iter().chain(others).collect())
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
        Way::Oldest => from_programs(way.clone(), go_build::programs(&OLDEST).await?).await?,
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
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(cluster: &str, assets: &str, version: &str) -> Result<Vec<Way>, Error> {
        let named = |text: &str| (!text.is_empty()).then(|| OsString::from(text));
        order([cluster, assets, version].map(named))
    }

    #[test]
    fn what_is_there_comes_first_and_the_long_build_last() {
        let built_or_not = [Way::Cache, Way::Kind, Way::GoBuild];
        assert_eq!(of("", "", "").unwrap(), built_or_not);
        let named = of("", "/assets", "").unwrap();
        assert_eq!(named[0], Way::Programs("/assets".into()));
        assert_eq!(named[1..], built_or_not);
    }

    #[test]
    fn a_cluster_named_by_its_kubeconfig_has_no_substitute() {
        let expected = [Way::Cluster("/mine".into())];
        assert_eq!(of("/mine", "/assets", "oldest").unwrap(), expected);
    }

    #[test]
    fn another_version_is_never_taken_for_the_one_that_is_asked_for() {
        assert_eq!(of("", "/assets", "oldest").unwrap(), [Way::Oldest]);
        let refused = of("", "", "1.33").unwrap_err().to_string();
        assert!(refused.contains("`oldest`, not \"1.33\""), "{refused}");
    }
}
