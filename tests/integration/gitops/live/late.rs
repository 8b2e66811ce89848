//! The example on its way up: what Argo CD calls its health, word by word.

use std::{
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::StreamExt;
use kube::{Api, ResourceExt, api::DynamicObject};
use kube_runtime::{WatchStreamExt, watcher};
use tokio::task::JoinHandle;

use super::{Live, NEVER, WATCHES};
use crate::gitops::examples::secret_for;

const SECRET: &str = "secrets/api-key.yaml";
/// A Secret that cannot be used is read again after this time.
const AGAIN: Duration = Duration::from_secs(10);

/// The words of each application's health, each written down when another one comes.
pub(super) struct Healths {
    seen: Arc<Mutex<Vec<(String, String)>>>,
    recording: JoinHandle<()>,
}

impl Healths {
    pub(super) fn record(applications: Api<DynamicObject>) -> Self {
        let seen = Arc::<Mutex<Vec<(String, String)>>>::default();
        let to = seen.clone();
        let recording = tokio::spawn(async move {
            let shown = watcher(applications, watcher::Config::default());
            let mut shown = pin!(shown.default_backoff().applied_objects());
            while let Some(shown) = shown.next().await {
                let Ok(application) = shown else { continue };
                let health = application.data["status"]["health"]["status"].as_str();
                let Some(health) = health else { continue };
                let name = application.name_any();
                let mut seen = to.lock().unwrap();
                let last = seen.iter().rev().find(|(of, _)| *of == name);
                if last.is_none_or(|(_, last)| last != health) {
                    seen.push((name, health.to_owned()));
                }
            }
        });
        Self { seen, recording }
    }

    /// Those of the watches' application so far.
    pub(super) fn of_watches(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let own = seen.iter().filter(|(of, _)| of == WATCHES);
        own.map(|(_, health)| health.clone()).collect()
    }
}

impl Drop for Healths {
    fn drop(&mut self) {
        self.recording.abort();
    }
}

/// The Secret comes a minute after its `ClusterWatch`, by the operator's clock.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_is_never_degraded_on_its_way_up_though_its_secret_comes_late() {
    let Some(mut live) = Live::new().await else {
        return;
    };
    live.repository.remove(SECRET);
    live.repository.commit();
    live.servers.control(NEVER).await;
    let healths = Healths::record(live.applications.clone());
    let root = live.repository.root();
    live.fixture.control_plane.apply(&root).await.unwrap();
    live.wait_for_health(WATCHES, "Progressing").await;

    live.start_operator().await;
    live.fixture.ready("training", "SecretNotFound").await;
    for _ in 0..6 {
        live.fixture.turn(AGAIN).await;
        live.refresh(WATCHES, "normal").await;
        live.wait_for_health(WATCHES, "Progressing").await;
    }
    live.shown("training", "Progressing").await;

    let key = secret_for(&live.fixture, live.fixture.simulator.key());
    live.repository.write(SECRET, &key);
    live.commit(WATCHES).await;
    live.wait_for_health(WATCHES, "Progressing").await;
    live.fixture.turn(AGAIN).await;
    live.fixture.ready("training", "Synced").await;
    live.wait_for_health(WATCHES, "Healthy").await;
    let seen = healths.of_watches();
    println!("{WATCHES}: {seen:?}");
    assert!(!seen.iter().any(|health| health == "Degraded"), "{seen:?}");
    assert_eq!(seen.last().map(String::as_str), Some("Healthy"), "{seen:?}");
}
