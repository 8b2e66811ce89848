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
    programs::{Programs, on_the_path},
    progress::report,
    run::Run,
};

/// Names a cluster to use as it is, by its kubeconfig. The only way to one that is not the testbed's own.
const KUBECONFIG: &str = "TESTBED_KUBECONFIG";
/// Names a folder with etcd, kube-apiserver, kube-controller-manager and kubectl.
const ASSETS: &str = "KUBEBUILDER_ASSETS";
/// Asks for another version than the newest: `oldest`.
const KUBERNETES: &str = "TESTBED_KUBERNETES";
/// Forces a way: `kind`, `go` or `programs`.
const FORCED: &str = "TESTBED_WAY";

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

impl Way {
    /// What makes this way possible, for who has forced it.
    fn remedy(&self) -> &'static str {
        match self {
            Self::Kind => "Start a container engine that has the node image or can pull it",
            Self::GoBuild | Self::Oldest => "Install Go 1.26 or newer",
            Self::Programs(_) => "Put all programs into the folder of KUBEBUILDER_ASSETS",
            Self::Cache => {
                "Name a folder with the programs in KUBEBUILDER_ASSETS, or build them once with TESTBED_WAY=go"
            }
            Self::Cluster(_) => "Name another kubeconfig",
        }
    }
}

/// What the environment names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    cluster: Option<OsString>,
    assets: Option<OsString>,
    version: Option<OsString>,
    forced: Option<OsString>,
}

impl Named {
    pub(super) fn from_env() -> Self {
        let [cluster, assets, version, forced] =
            [KUBECONFIG, ASSETS, KUBERNETES, FORCED].map(env::var_os);
        Self {
            cluster,
            assets,
            version,
            forced,
        }
    }

    /// What went wrong with all ways, as an error: why each failed, and for a forced way what to do.
    pub(super) fn no_way(&self, failed: &[(Way, String)]) -> Error {
        if let (Some(forced), [(way, why)]) = (&self.forced, failed) {
            let (forced, remedy) = (forced.display(), way.remedy());
            return Error::Failed(format!(
                "{FORCED}={forced} is not possible here: {why}\n{remedy}, or unset {FORCED}."
            ));
        }
        let reasons: Vec<_> = failed
            .iter()
            .map(|(way, why)| format!("- {way}: {why}"))
            .collect();
        Error::NoWay(reasons.join("\n"))
    }
}

/// Takes the first way that leads to a control plane, and prints which in one line.
pub(super) async fn first() -> Result<ControlPlane, Error> {
    let named = Named::from_env();
    let mut failed = Vec::new();
    for way in order(&named)? {
        match take_again(way.clone()).await {
            Ok(control_plane) => return Ok(control_plane),
            Err(error) => {
                let why = error.to_string();
                if way != Way::Cache || !is_absent(&error) {
                    report(&format!("not {way}: {}", first_line(&why)));
                }
                failed.push((way, why));
            }
        }
    }
    Err(named.no_way(&failed))
}

/// Goes a way, and once more if its programs are there and fail: tests that end them need programs and no node.
async fn take_again(way: Way) -> Result<ControlPlane, Error> {
    let programs = matches!(way, Way::Cache | Way::Programs(_));
    match take(way.clone()).await {
        Err(error) if programs && !is_absent(&error) => {
            report(&format!("{way} failed and is tried again: {error}"));
            take(way).await
        }
        taken => taken,
    }
}

fn is_absent(error: &Error) -> bool {
    matches!(error, Error::Absent(_))
}

/// The ways to try, from what the environment names. A cluster, a version or a way that is named has no substitute.
pub(super) fn order(named: &Named) -> Result<Vec<Way>, Error> {
    let oldest = is_oldest(named.version.as_ref())?;
    let assets = named.assets.clone().map(|dir| Way::Programs(dir.into()));
    match (forced(named.forced.as_ref())?, &named.cluster) {
        (Some(_), Some(_)) => Err(contradict(named, KUBECONFIG)),
        (None, Some(path)) => Ok(vec![Way::Cluster(path.into())]),
        // Go alone builds the oldest version, so these two agree.
        (None | Some(Forced::Go), None) if oldest => Ok(vec![Way::Oldest]),
        (Some(_), None) if oldest => Err(contradict(named, KUBERNETES)),
        (Some(Forced::Go), None) => Ok(vec![Way::GoBuild]),
        (Some(Forced::Kind), None) => Ok(vec![Way::Kind]),
        (Some(Forced::Programs), None) => Ok(vec![assets.unwrap_or(Way::Cache)]),
        (None, None) => {
            let others = [Way::Cache, Way::Kind, Way::GoBuild];
            Ok(assets.into_iter().chain(others).collect())
        }
    }
}

enum Forced {
    Kind,
    Go,
    Programs,
}

fn forced(name: Option<&OsString>) -> Result<Option<Forced>, Error> {
    let Some(name) = name else {
        return Ok(None);
    };
    match name.to_str() {
        Some("kind") => Ok(Some(Forced::Kind)),
        Some("go") => Ok(Some(Forced::Go)),
        Some("programs") => Ok(Some(Forced::Programs)),
        _ => Err(Error::Failed(format!(
            "{FORCED} may be `kind`, `go` or `programs`, not {:?}",
            name.display()
        ))),
    }
}

fn is_oldest(version: Option<&OsString>) -> Result<bool, Error> {
    match version {
        None => Ok(false),
        Some(version) if version == "oldest" => Ok(true),
        Some(other) => Err(Error::Failed(format!(
            "{KUBERNETES} may be `oldest`, not {:?}",
            other.display()
        ))),
    }
}

fn contradict(named: &Named, other: &str) -> Error {
    let forced = named.forced.clone().unwrap_or_default();
    let forced = forced.display();
    Error::Failed(format!(
        "{FORCED}={forced} and {other} contradict each other. Unset one of them."
    ))
}

/// Goes one way to its end.
pub(super) async fn take(way: Way) -> Result<ControlPlane, Error> {
    let start = Instant::now();
    let inner = match &way {
        Way::Cluster(path) => {
            let run = Run::begin()?;
            Inner::new(way.clone(), run, None, path, on_the_path("kubectl")).await?
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
    report(&format!(
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

    fn of(cluster: &str, assets: &str, version: &str, forced: &str) -> Result<Vec<Way>, Error> {
        let named = |text: &str| (!text.is_empty()).then(|| OsString::from(text));
        order(&Named {
            cluster: named(cluster),
            assets: named(assets),
            version: named(version),
            forced: named(forced),
        })
    }

    #[test]
    fn what_is_there_comes_first_and_the_long_build_last() {
        let built_or_not = [Way::Cache, Way::Kind, Way::GoBuild];
        assert_eq!(of("", "", "", "").unwrap(), built_or_not);
        let named = of("", "/assets", "", "").unwrap();
        assert_eq!(named[0], Way::Programs("/assets".into()));
        assert_eq!(named[1..], built_or_not);
    }

    #[test]
    fn a_cluster_named_by_its_kubeconfig_has_no_substitute() {
        let expected = [Way::Cluster("/mine".into())];
        assert_eq!(of("/mine", "/assets", "oldest", "").unwrap(), expected);
    }

    #[test]
    fn another_version_is_never_taken_for_the_one_that_is_asked_for() {
        assert_eq!(of("", "/assets", "oldest", "").unwrap(), [Way::Oldest]);
        let refused = of("", "", "1.33", "").unwrap_err().to_string();
        assert!(refused.contains("`oldest`, not \"1.33\""), "{refused}");
    }

    #[test]
    fn a_forced_way_has_no_substitute() {
        let assets = Way::Programs("/assets".into());
        let cases = [
            // KUBEBUILDER_ASSETS, TESTBED_KUBERNETES, TESTBED_WAY
            (["", "", "kind"], Way::Kind),
            (["/assets", "", "kind"], Way::Kind),
            (["", "", "go"], Way::GoBuild),
            (["/assets", "", "go"], Way::GoBuild),
            (["", "oldest", "go"], Way::Oldest),
            (["", "", "programs"], Way::Cache),
            (["/assets", "", "programs"], assets),
        ];
        for ([assets, version, forced], way) in cases {
            let ways = of("", assets, version, forced).unwrap();
            assert_eq!(ways, [way], "{assets} {version} {forced}");
        }
    }

    #[test]
    fn a_forced_way_that_cannot_be_meant_is_refused() {
        let three = "TESTBED_WAY may be `kind`, `go` or `programs`, not \"docker\"";
        let cluster = "TESTBED_WAY=kind and TESTBED_KUBECONFIG contradict each other";
        let kind = "TESTBED_WAY=kind and TESTBED_KUBERNETES contradict each other";
        let programs = "TESTBED_WAY=programs and TESTBED_KUBERNETES contradict each other";
        let cases = [
            // TESTBED_KUBECONFIG, TESTBED_KUBERNETES, TESTBED_WAY
            (["", "", "docker"], three),
            (["/mine", "", "kind"], cluster),
            (["", "oldest", "kind"], kind),
            (["", "oldest", "programs"], programs),
        ];
        for ([cluster, version, forced], why) in cases {
            let refused = of(cluster, "/assets", version, forced).unwrap_err();
            let refused = refused.to_string();
            assert!(refused.starts_with(why), "{refused}");
        }
    }

    #[test]
    fn a_forced_way_that_fails_reports_why_and_what_to_do() {
        let cases = [
            ("kind", Way::Kind, "Start a container engine"),
            ("go", Way::GoBuild, "Install Go 1.26"),
            ("go", Way::Oldest, "Install Go 1.26"),
            (
                "programs",
                Way::Programs("/assets".into()),
                "Put all programs into",
            ),
            ("programs", Way::Cache, "Name a folder with the programs"),
        ];
        for (forced, way, remedy) in cases {
            let named = Named {
                forced: Some(forced.into()),
                ..Named::default()
            };
            let error = named.no_way(&[(way, "it is away".to_owned())]).to_string();
            let why = format!("TESTBED_WAY={forced} is not possible here: it is away\n{remedy}");
            assert!(error.starts_with(&why), "{error}");
            assert!(error.ends_with(", or unset TESTBED_WAY."), "{error}");
        }
    }
}
