//! What the cluster does to the operator: it refuses, forgets, ends, goes away and comes back. After each of it the mirror
//! is what the API says, with no write too many.

mod contended;
mod definitions;
mod outage;
mod refused;
mod statuses;
mod terminating;
mod watches;
mod writes;

use std::{collections::BTreeSet, time::Duration};

use kube::api::ListParams;
use serde_json::json;
use testbed::{
    api_proxy::{ApiProxy, Asked},
    control_plane::ControlPlane,
};
use together_remediation_operator::api::remediation::Remediation;

use crate::{
    conditions::condition,
    fixture::{Fixture, until},
};

/// Long enough for a poll, whatever is open.
const POLL: Duration = Duration::from_secs(70);

/// A fixture whose operator reaches the API server through a proxy.
pub(crate) async fn behind_a_proxy(
    control_plane: &ControlPlane,
    name: &str,
) -> (Fixture, ApiProxy) {
    let mut fixture = Fixture::on(control_plane, name).await;
    fixture.stop().await;
    let proxy = fixture.observer().await;
    let no_limit = ["--kube-qps", "0"];
    fixture.start_as(proxy.account(), &[], &no_limit).await;
    (fixture, proxy)
}

/// Whether it watches the mirrors.
fn watches_mirrors(asked: &Asked) -> bool {
    asked.is_watch() && asked.plural() == Some("remediations")
}

/// Whether a write goes to a mirror.
pub(crate) fn to_mirrors(asked: &Asked) -> bool {
    asked.writes_to("remediations")
}

impl Fixture {
    /// Edits the status of a mirror by hand.
    async fn edit(&self, id: &str) {
        self.patch_status(id, json!({"node": "edited by hand"}))
            .await;
    }

    /// Syncs until `mirrors` are there and no edit is pending.
    async fn put_right(&self, mirrors: usize) {
        self.sync_until("training", "all is put right", |all| {
            let edited = |mirror: &Remediation| {
                let status = mirror.status.as_ref().unwrap();
                status.node.as_deref() == Some("edited by hand")
            };
            all.len() == mirrors && !all.iter().any(edited)
        })
        .await;
    }

    /// Starts an ended API server again, and waits until it shows the mirrors: it serves before its storage does.
    async fn restart_api_server(&self) {
        self.control_plane.restart_api_server().await.unwrap();
        until("the mirrors can be listed", || async {
            let list = self.mirrors().list(&ListParams::default()).await;
            list.map(drop).map_err(|error| error.to_string())
        })
        .await;
    }

    /// Fails if a mirror has two transitions to the same state.
    async fn assert_each_state_once(&self) {
        for mirror in self.all().await {
            let transitions = mirror.status.unwrap().transitions;
            let states: BTreeSet<_> = transitions
                .iter()
                .map(|transition| &transition.to)
                .collect();
            assert_eq!(states.len(), transitions.len(), "{transitions:#?}");
        }
    }

    /// Polls until Ready has `reason`, and returns its message.
    async fn polls_until(&self, reason: &str) -> String {
        for _ in 0..30 {
            self.turn(POLL).await;
            let watch = self.watches().get("training").await.unwrap();
            let ready = condition(&watch, "Ready");
            if ready.reason == reason {
                return ready.message;
            }
        }
        panic!("Ready never had the reason {reason}");
    }

    /// Syncs until Ready is: no time passes while a watch comes back, so that nothing gets stale.
    async fn syncs_until_synced(&self) {
        until("it is synced", || async {
            let watch = self.sync("training").await;
            match condition(&watch, "Ready").reason.as_str() {
                "Synced" => Ok(()),
                other => Err(other.to_owned()),
            }
        })
        .await;
    }

    /// Syncs, and fails if that writes a mirror.
    async fn writes_no_more(&self) {
        let versions = self.versions().await;
        self.sync("training").await;
        self.turn(POLL).await;
        assert_eq!(self.versions().await, versions, "a write too many");
    }
}
