//! A write of an old leader that the network delivers after the next one has done its work: of every kind that the
//! operator makes.

use std::time::Duration;

use kube::{
    ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;
use testbed::{
    api_proxy::{ApiProxy, Asked, Fault, RunningFault, Which},
    simulator::{self, Remediation as Truth, Simulator, Times},
};
use together_remediation_operator::api::remediation::Remediation;

use super::{replica::Replica, stage};
use crate::{
    fixture::{CLUSTER, Fixture, mirror_condition, until},
    truth::assert_mirrors,
};

/// An old leader behind an observer, three mirrors of one machine, and a watch that is synced.
struct Scene {
    fixture: Fixture,
    proxy: ApiProxy,
    first: Replica,
}

impl Scene {
    async fn new(name: &str, flags: &[&str]) -> Self {
        let fixture = stage(name, 0).await;
        for number in 0..3 {
            let truth = Truth {
                instance_id: "one machine".to_owned(),
                ..Truth::numbered(CLUSTER, number)
            };
            fixture.simulator.put(truth);
        }
        let proxy = fixture.observer().await;
        let flags = [flags, &["--min-interval", "1s"]].concat();
        let first = Replica::start_as(&fixture, &flags, proxy.account()).await;
        fixture.synced_watch(|_| {}).await;
        Self {
            fixture,
            proxy,
            first,
        }
    }

    /// Makes the same change in both APIs.
    fn change_both(&self, change: impl Fn(&Simulator)) {
        change(&self.fixture.simulator);
        change(&self.first.simulator);
    }

    /// Holds the writes that `fits` selects, and requests syncs until the old leader has sent such a write.
    async fn hold_writes(
        &self,
        fits: impl Fn(&Asked) -> bool + Send + Sync + 'static,
    ) -> RunningFault {
        let hold = self.proxy.fault(Fault::Hold, Which::All, fits);
        until("a write is held", async || {
            // Sync requests are honored at most once a second. The Lease expires ten seconds after its last renewal.
            self.first.clock.advance(Duration::from_millis(50));
            self.fixture.request_new_sync("training").await;
            match hold.struck() {
                0 => Err("none yet".to_owned()),
                _ => Ok(()),
            }
        })
        .await;
        hold
    }

    /// The next leader does all pending work; then the held writes arrive. Each of them must be refused, and nothing
    /// changes.
    async fn refused(self, hold: RunningFault, what: &str) {
        let Self {
            fixture,
            proxy,
            first,
        } = self;
        first.stop().await.unwrap();
        let second = Replica::start(&fixture, &[]).await;
        fixture.sync("training").await;
        let before = (
            fixture.versions().await,
            fixture.ready("training", "Synced").await,
        );
        for status in released(&hold, &proxy).await {
            assert!([404, 409].contains(&status), "{what} was answered {status}");
        }
        let after = (
            fixture.versions().await,
            fixture.ready("training", "Synced").await,
        );
        assert_eq!(before.0, after.0, "{what} changed a mirror");
        assert_eq!(
            before.1.resource_version(),
            after.1.resource_version(),
            "{what} changed the watch"
        );
        second.stop().await.unwrap();
    }
}

/// Ends the hold, and returns the server's answers to the held writes.
async fn released(hold: &RunningFault, proxy: &ApiProxy) -> Vec<u16> {
    let writes = proxy.writes();
    let pending = writes.iter().enumerate();
    let pending = pending.filter(|(_, write)| write.forwarded.is_none());
    let pending: Vec<_> = pending.map(|(at, _)| at).collect();
    assert!(!pending.is_empty());
    hold.end();
    until("the held writes are answered", async || {
        let writes = proxy.writes();
        let answers = pending.iter().map(|at| writes[*at].answer.as_ref());
        let answers = answers.map(|answer| Some(answer?.status.as_u16()));
        answers
            .collect::<Option<_>>()
            .ok_or_else(|| "not all".to_owned())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_create_is_refused() {
    let scene = Scene::new("late-create", &[]).await;
    scene.change_both(|api| api.put(Truth::numbered(CLUSTER, 7)));
    let hold = scene
        .hold_writes(|asked| asked.writes_to("remediations"))
        .await;
    scene.refused(hold, "a create").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_status_is_refused() {
    let scene = Scene::new("late-status", &[]).await;
    let id = Truth::numbered(CLUSTER, 0).id;
    scene.change_both(|api| api.enter(CLUSTER, &id, "RUNNING"));
    let hold = scene
        .hold_writes(|asked| asked.writes_to("remediations"))
        .await;
    // The remediation goes on: the held write is out of date now.
    scene.change_both(|api| api.enter(CLUSTER, &id, "SUCCEEDED"));
    scene.refused(hold, "a status").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_patch_is_refused() {
    let scene = Scene::new("late-patch", &[]).await;
    let name = Truth::numbered(CLUSTER, 0).id;
    let labels = json!({"metadata": {"labels": null}});
    let api = scene.fixture.mirrors();
    api.patch(&name, &PatchParams::default(), &Patch::Merge(labels))
        .await
        .unwrap();
    let hold = scene.hold_writes(|asked| asked.method == "PATCH").await;
    scene.refused(hold, "a patch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_delete_is_refused() {
    let scene = Scene::new("late-delete", &[]).await;
    for number in 0..3 {
        let id = Truth::numbered(CLUSTER, number).id;
        scene.change_both(|api| api.enter(CLUSTER, &id, "SUCCEEDED"));
    }
    scene.fixture.sync("training").await;

    scene
        .fixture
        .respec(json!({"retention": {"maxFinishedPerInstance": 1}}))
        .await;
    let hold = scene.hold_writes(|asked| asked.method == "DELETE").await;
    // They are to stay after all, and change: else they were simply gone.

    scene.fixture.respec(json!({"retention": null})).await;
    for number in 0..3 {
        let id = Truth::numbered(CLUSTER, number).id;
        let reason = Some("seen again".to_owned());
        scene.change_both(|api| api.change(CLUSTER, &id, |truth| truth.reason = reason.clone()));
    }
    scene.refused(hold, "a delete").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_status_of_the_watch_is_refused() {
    let scene = Scene::new("late-watch", &[]).await;
    let hold = scene
        .hold_writes(|asked| asked.writes_to("clusterwatches"))
        .await;
    scene.refused(hold, "a status of the watch").await;
}

/// What no fence can know: the object is as it was when the write was decided. The index sees it land.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_mark_on_an_unchanged_mirror_is_corrected_by_the_next_poll() {
    let scene = Scene::new("late-mark", &["--leader-elect=false"]).await;
    let status = simulator::Fault::status(500);
    scene.first.simulator.fault(status, Times::UntilCleared);
    let fits = |asked: &Asked| asked.writes_to("remediations");
    let hold = scene.proxy.fault(Fault::Hold, Which::All, fits);
    until("the marks are held", async || {
        scene.first.clock.advance(Duration::from_secs(60));
        match hold.struck() {
            3 => Ok(()),
            struck => Err(format!("{struck} of 3")),
        }
    })
    .await;
    let Scene {
        fixture,
        proxy,
        first,
    } = scene;
    first.stop().await.unwrap();
    let second = Replica::start(&fixture, &["--min-interval", "1s"]).await;
    fixture.sync("training").await;
    let synced = |mirror: &Remediation| mirror_condition(mirror, "Synced")[1].clone();
    assert!(
        fixture
            .all()
            .await
            .iter()
            .all(|mirror| synced(mirror) == "Listed")
    );
    assert_eq!(released(&hold, &proxy).await, [200; 3]);
    assert!(
        fixture
            .all()
            .await
            .iter()
            .all(|mirror| synced(mirror) == "Stale")
    );
    let mirrors = until("all are listed again", async || {
        second.clock.advance(Duration::from_secs(1));
        fixture.ask("training").await;
        let mirrors = fixture.all().await;
        if mirrors.iter().all(|mirror| synced(mirror) == "Listed") {
            Ok(mirrors)
        } else {
            Err(format!("{mirrors:#?}"))
        }
    })
    .await;
    assert_mirrors(&mirrors, &fixture.truth());
    second.stop().await.unwrap();
}
