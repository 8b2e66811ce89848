//! The container engine: whether one answers, whether it has an image, and what earlier runs left in it.

use std::{
    collections::{BTreeMap, HashMap},
    env,
    path::Path,
    time::Duration,
};

use futures::StreamExt as _;
use testcontainers::bollard::{
    Docker,
    models::CreateImageInfo,
    query_parameters::{
        CreateImageOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
    },
};

use super::{
    error::Error,
    progress::{Count, Progress, Unit, report},
    sweep,
};

/// The label of the testbed's containers; its value is the folder of the run that holds the container.
pub(super) const LABEL: &str = "together-remediation-operator.testbed.run";
/// Names the node image to use. It is pulled where the engine does not have it.
const IMAGE: &str = "TESTBED_KIND_IMAGE";
/// The default of kind v0.33.0.
const PINNED: &str =
    "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5";
/// For the engine's first sign of life.
const ANSWER: Duration = Duration::from_secs(5);
/// From the start of a pull to its first progress: a machine without the internet must not wait for long.
const PULL_BEGINS: Duration = Duration::from_secs(30);
/// Between two signs of progress of a pull.
const PULL_GOES_ON: Duration = Duration::from_secs(120);

/// The engine that answers at `DOCKER_HOST`, or at its usual socket.
async fn connect() -> Result<Docker, Error> {
    let engine = Docker::connect_with_defaults().map_err(no_engine)?;
    match tokio::time::timeout(ANSWER, engine.ping()).await {
        Ok(Ok(_)) => Ok(engine),
        Ok(Err(error)) => Err(no_engine(error)),
        Err(_) => Err(no_engine("no answer")),
    }
}

/// An image by its name and tag; the tag may have a digest behind it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) name: String,
    pub(super) tag: String,
}

/// The node image that [`node_image`] would take, and whether the engine has it already. Changes nothing.
pub(super) async fn look() -> Result<(String, bool), Error> {
    let engine = connect().await?;
    let image = named().unwrap_or_else(|| PINNED.to_owned());
    let is_there = engine.inspect_image(&image).await.is_ok();
    Ok((image, is_there))
}

fn named() -> Option<String> {
    env::var(IMAGE).ok().filter(|name| !name.is_empty())
}

/// A node image that the engine has; pulls it where it does not. Also sweeps what earlier runs left.
pub(super) async fn node_image() -> Result<Image, Error> {
    let engine = &connect().await?;
    sweep(engine).await?;
    let named = named();
    let image = named.as_deref().unwrap_or(PINNED);
    if engine.inspect_image(image).await.is_err() {
        let pulled = pull(engine, image).await;
        pulled.map_err(|why| {
            let why = format!("the image {image} could not be pulled: {why}");
            match named {
                Some(_) => Error::Failed(why),
                None => Error::Absent(format!("{why} ({IMAGE} can name one that is there)")),
            }
        })?;
    }
    Ok(name_and_tag(image))
}

/// Removes the containers of this user's runs that have ended, with their volumes.
async fn sweep(engine: &Docker) -> Result<(), Error> {
    let root = sweep::root()?;
    let filters = HashMap::from([("label", vec![LABEL])]);
    let options = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&filters)
        .build();
    let found = engine
        .list_containers(Some(options))
        .await
        .map_err(no_engine)?;
    for container in found {
        let run = container.labels.and_then(|mut labels| labels.remove(LABEL));
        let (Some(id), Some(run)) = (container.id, run) else {
            continue;
        };
        let run = Path::new(&run);
        if run.starts_with(&root) && sweep::is_abandoned(run) {
            let options = RemoveContainerOptionsBuilder::new().force(true).v(true);
            // Another run may be sweeping it, too.
            let _ = engine.remove_container(&id, Some(options.build())).await;
        }
    }
    Ok(())
}

async fn pull(engine: &Docker, image: &str) -> Result<(), String> {
    report(&format!("pulling {image}"));
    let options = CreateImageOptionsBuilder::new().from_image(image).build();
    let mut signs = Box::pin(engine.create_image(Some(options), None, None));
    let mut layers = Layers::default();
    let mut progress = Progress::begin("pulling the image", Unit::Megabytes);
    let mut limit = PULL_BEGINS;
    loop {
        match tokio::time::timeout(limit, signs.next()).await {
            Ok(None) => return Ok(()),
            Ok(Some(Ok(sign))) => {
                limit = PULL_GOES_ON;
                layers.see(&sign);
                progress.is_at(layers.count().megabytes());
            }
            Ok(Some(Err(error))) => return Err(error.to_string()),
            Err(_) => return Err(format!("no progress in {} s", limit.as_secs())),
        }
    }
}

/// The layers of a pull whose size the engine has reported: bytes downloaded, and bytes in total.
#[derive(Default)]
struct Layers(BTreeMap<String, (u64, u64)>);

impl Layers {
    /// An engine reports the size of a layer when its download begins, and later the same figures for its unpacking.
    fn see(&mut self, sign: &CreateImageInfo) {
        let (Some(id), Some(status)) = (&sign.id, &sign.status) else {
            return;
        };
        if status == "Downloading" {
            let detail = sign.progress_detail.as_ref();
            let (here, of) = (detail.and_then(|d| d.current), detail.and_then(|d| d.total));
            let bytes = |size: Option<i64>| size.and_then(|size| u64::try_from(size).ok());
            if let (Some(here), Some(of)) = (bytes(here), bytes(of)) {
                self.0.insert(id.clone(), (here, of));
            }
        } else if let Some((here, of)) = self.0.get_mut(id) {
            *here = *of;
        }
    }

    fn count(&self) -> Count {
        let done = self.0.values().map(|(here, _)| here).sum();
        let total = self.0.values().map(|(_, of)| of).sum();
        Count {
            done,
            total: (total > 0).then_some(total),
        }
    }
}

/// Splits an image's name before its tag, or before its digest where it has no tag.
fn name_and_tag(image: &str) -> Image {
    let of = |name: &str, tag: &str| Image {
        name: name.to_owned(),
        tag: tag.to_owned(),
    };
    let name_starts = image.rfind('/').map_or(0, |slash| slash + 1);
    let name_ends = image.find('@').unwrap_or(image.len());
    match image
        .get(name_starts..name_ends)
        .and_then(|name| name.find(':'))
    {
        Some(colon) => {
            let (name, tag) = image.split_at(name_starts + colon);
            of(name, &tag[1..])
        }
        None if name_ends < image.len() => {
            let (name, digest) = image.split_at(name_ends);
            of(name, &format!("latest{digest}"))
        }
        None => of(image, "latest"),
    }
}

pub(super) fn no_engine(error: impl std::fmt::Display) -> Error {
    Error::Absent(format!("no container engine answers: {error}"))
}

#[cfg(test)]
mod tests {
    use testcontainers::bollard::models::ProgressDetail;

    use super::*;

    #[test]
    fn an_image_is_split_before_its_tag() {
        let cases = [
            ("kindest/node:v1", "kindest/node", "v1"),
            ("kindest/node", "kindest/node", "latest"),
            ("host.test:5000/node", "host.test:5000/node", "latest"),
            ("host.test:5000/node:v1", "host.test:5000/node", "v1"),
            ("node:v1@sha256:ab", "node", "v1@sha256:ab"),
            ("a/node@sha256:ab", "a/node", "latest@sha256:ab"),
        ];
        for (image, name, tag) in cases {
            let split = name_and_tag(image);
            assert_eq!((split.name.as_str(), split.tag.as_str()), (name, tag));
        }
    }

    #[test]
    fn a_pull_is_as_far_as_its_layers_whose_size_is_known() {
        let mut layers = Layers::default();
        let steps = [
            // id, status, current and total; then the sums
            ("kindest/node", "Pulling from", None, (0, None)),
            ("a", "Pulling fs layer", None, (0, None)),
            ("a", "Downloading", Some((10, 100)), (10, Some(100))),
            ("b", "Already exists", None, (10, Some(100))),
            ("c", "Downloading", Some((5, 50)), (15, Some(150))),
            ("a", "Download complete", None, (105, Some(150))),
            ("a", "Extracting", Some((1, 100)), (105, Some(150))),
            ("c", "Downloading", Some((50, 50)), (150, Some(150))),
        ];
        for (id, status, detail, (done, total)) in steps {
            layers.see(&CreateImageInfo {
                id: Some(id.to_owned()),
                status: Some(status.to_owned()),
                progress_detail: detail.map(|(current, total)| ProgressDetail {
                    current: Some(current),
                    total: Some(total),
                }),
                ..CreateImageInfo::default()
            });
            assert_eq!(layers.count(), Count { done, total }, "{id} {status}");
        }
    }

    #[test]
    fn the_pinned_image_is_pinned_by_digest() {
        let Image { name, tag } = name_and_tag(PINNED);
        assert_eq!(name, "kindest/node");
        let digest = tag.split_once("@sha256:").map(|(_, digest)| digest.len());
        assert_eq!(digest, Some(64));
    }
}
