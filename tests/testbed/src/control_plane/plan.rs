//! What a start would do on this machine, found out before it does anything.

use std::{fmt, num::NonZero, thread, time::Duration};

use tokio::{task::spawn_blocking, time::timeout};

use super::{
    engine,
    error::Error,
    go_build::{self, CONTROL_PLANE, Cache, Module, OLDEST},
    programs::Programs,
    way::{Named, Way, order},
};

/// For the engine. With the next it leaves a start of the demo under five seconds.
const ENGINE: Duration = Duration::from_secs(3);
/// For the Go toolchain's version.
const GO: Duration = Duration::from_secs(1);
/// Minutes of a build with Go that more cores do not shorten: finding the packages and linking.
const ALONE: usize = 1;
/// Minutes of one core for the rest, as measured: about 7 minutes with two cores.
const SHARED: usize = 12;

/// What a start has to do by one way before its control plane can start.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Work {
    /// Nothing.
    Nothing,
    /// Pull this image.
    Pull(String),
    /// Build this version of Kubernetes.
    Build(&'static str),
}

/// A way and its work, or why it cannot be taken.
type Looked = (Way, Result<Work, String>);

/// The way that a start is going to take, how long that takes, and why it is this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    way: Way,
    work: Work,
    /// The way after this one, if its work fails.
    otherwise: Option<(Way, Work)>,
    /// Why the ways before it are not taken.
    because: Vec<String>,
    cores: usize,
}

impl Plan {
    /// From the ways in their order. None that can be taken: all that fail.
    fn of(looked: Vec<Looked>, cores: usize) -> Result<Self, Vec<(Way, String)>> {
        let mut looked = looked.into_iter();
        let mut failed = Vec::new();
        for (way, work) in looked.by_ref() {
            match work {
                Err(why) => failed.push((way, why)),
                Ok(work) => {
                    let because = failed.iter().map(|(way, why)| lacking(way, why)).collect();
                    let otherwise = looked.find_map(|(way, work)| Some((way, work.ok()?)));
                    return Ok(Self {
                        way,
                        otherwise: otherwise.filter(|_| matches!(work, Work::Pull(_))),
                        work,
                        because,
                        cores,
                    });
                }
            }
        }
        Err(failed)
    }

    /// How long the way takes, in words.
    fn takes(&self, way: &Way, work: &Work) -> String {
        match (work, way) {
            (Work::Build(_), _) => build_time(self.cores),
            (Work::Pull(_), _) => "a few minutes, once".to_owned(),
            (Work::Nothing, Way::Kind) => "about 1 minute".to_owned(),
            (Work::Nothing, Way::Cluster(_)) => "a few seconds".to_owned(),
            (Work::Nothing, _) => "about 10 s".to_owned(),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.way, self.takes(&self.way, &self.work))?;
        let does = match &self.work {
            Work::Nothing => None,
            Work::Pull(image) => Some(format!("the container engine pulls {}", tagged(image))),
            Work::Build(version) => Some(format!("Go builds Kubernetes v{version}")),
        };
        let why = self.because.join(" and ");
        match (does, why.is_empty()) {
            (None, true) => {}
            (None, false) => write!(f, ", because {why}")?,
            (Some(does), true) => write!(f, ": {does}")?,
            (Some(does), false) => write!(f, ": {does}, because {why}")?,
        }
        if let Some((way, work)) = &self.otherwise {
            write!(f, ". If that fails: {way}; {}", self.takes(way, work))?;
        }
        Ok(())
    }
}

/// The plan of a start by the environment of this process. Takes less than five seconds and changes nothing.
pub(super) async fn plan() -> Result<Plan, Error> {
    let named = Named::from_env();
    let mut looked = Vec::new();
    for way in order(&named)? {
        let work = look(&way).await.map_err(|error| error.to_string());
        let is_sure = matches!(work, Ok(Work::Nothing | Work::Build(_)));
        looked.push((way, work));
        // An engine or a toolchain that is not needed is not asked.
        if is_sure {
            break;
        }
    }
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    Plan::of(looked, cores).map_err(|failed| named.no_way(&failed))
}

async fn look(way: &Way) -> Result<Work, Error> {
    match way {
        Way::Cluster(_) => Ok(Work::Nothing),
        Way::Programs(dir) => Programs::in_dir(dir).map(|_| Work::Nothing),
        Way::Cache => {
            let programs = Cache::of_user(&CONTROL_PLANE)?.programs();
            programs.map(|_| Work::Nothing)
        }
        Way::Kind => {
            let looked = timeout(ENGINE, engine::look()).await;
            match looked.unwrap_or_else(|_| Err(engine::no_engine("no answer")))? {
                (_, true) => Ok(Work::Nothing),
                (image, false) => Ok(Work::Pull(image)),
            }
        }
        Way::GoBuild => go(&CONTROL_PLANE).await,
        Way::Oldest => go(&OLDEST).await,
    }
}

async fn go(module: &'static Module) -> Result<Work, Error> {
    if Cache::of_user(module)?.programs().is_ok() {
        return Ok(Work::Nothing);
    }
    // A toolchain that is slow to answer is there.
    if let Ok(Ok(checked)) = timeout(GO, spawn_blocking(go_build::check_go)).await {
        checked?;
    }
    Ok(Work::Build(module.version()))
}

/// Why a way is not taken, in few words.
fn lacking(way: &Way, why: &str) -> String {
    match way {
        Way::Cache => "no programs are cached".to_owned(),
        Way::Kind => "no container engine answers".to_owned(),
        _ => why.lines().next().unwrap_or_default().to_owned(),
    }
}

/// The image as people name it.
fn tagged(image: &str) -> &str {
    image.split_once('@').map_or(image, |(tagged, _)| tagged)
}

fn build_time(cores: usize) -> String {
    let minutes = ALONE + SHARED.div_ceil(cores);
    let cores = if cores == 1 {
        "1 core".to_owned()
    } else {
        format!("{cores} cores")
    };
    format!("about {minutes} minutes on {cores}, once")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn away(way: Way) -> Looked {
        (way, Err("it is away".to_owned()))
    }

    #[test]
    fn the_plan_names_which_way_how_long_and_why() {
        let pull = || Work::Pull("kindest/node:v1@sha256:ab".to_owned());
        let build = || (Way::GoBuild, Ok(Work::Build("1.37.2")));
        let cases = [
            (
                vec![(Way::Cluster("/mine".into()), Ok(Work::Nothing))],
                "the cluster of /mine; a few seconds",
            ),
            (
                vec![(Way::Programs("/assets".into()), Ok(Work::Nothing))],
                "programs in /assets; about 10 s",
            ),
            (
                vec![
                    away(Way::Programs("/assets".into())),
                    (Way::Cache, Ok(Work::Nothing)),
                ],
                "programs built earlier; about 10 s, because it is away",
            ),
            (
                vec![away(Way::Cache), (Way::Kind, Ok(Work::Nothing))],
                "a kind node in a container; about 1 minute, because no programs are cached",
            ),
            (
                vec![away(Way::Cache), (Way::Kind, Ok(pull())), build()],
                "a kind node in a container; a few minutes, once: the container engine pulls kindest/node:v1, \
                 because no programs are cached. If that fails: a build with Go; about 7 minutes on 2 cores, once",
            ),
            (
                vec![
                    away(Way::Cache),
                    (Way::Kind, Ok(pull())),
                    away(Way::GoBuild),
                ],
                "a kind node in a container; a few minutes, once: the container engine pulls kindest/node:v1, \
                 because no programs are cached",
            ),
            (
                vec![away(Way::Cache), away(Way::Kind), build()],
                "a build with Go; about 7 minutes on 2 cores, once: Go builds Kubernetes v1.37.2, \
                 because no programs are cached and no container engine answers",
            ),
            (
                // A forced way.
                vec![build()],
                "a build with Go; about 7 minutes on 2 cores, once: Go builds Kubernetes v1.37.2",
            ),
            (
                vec![(Way::Oldest, Ok(Work::Nothing))],
                "a build of the oldest supported version with Go; about 10 s",
            ),
        ];
        for (looked, expected) in cases {
            let plan = Plan::of(looked, 2).unwrap();
            assert_eq!(plan.to_string(), expected);
        }
    }

    #[test]
    fn if_no_way_leads_to_a_control_plane_each_gives_its_reason() {
        let looked = vec![away(Way::Cache), away(Way::GoBuild)];
        let why = "it is away".to_owned();
        let failed = [(Way::Cache, why.clone()), (Way::GoBuild, why)];
        assert_eq!(Plan::of(looked, 2).unwrap_err(), failed);
    }

    #[test]
    fn more_cores_build_sooner() {
        let cases = [
            (1, "about 13 minutes on 1 core, once"),
            (2, "about 7 minutes on 2 cores, once"),
            (4, "about 4 minutes on 4 cores, once"),
            (16, "about 2 minutes on 16 cores, once"),
        ];
        for (cores, expected) in cases {
            assert_eq!(build_time(cores), expected);
        }
    }
}
