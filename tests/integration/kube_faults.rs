//! What the cluster does to the operator: it refuses, forgets, ends, goes away and comes back. After each of it the mirror
//! is what the API says, with no write too many.

mod definitions;
mod outage;
mod refused;

use std::time::Duration;

use testbed::{control_plane::ControlPlane, simulator::Remediation as Truth};

use crate::{
    fixture::{CLUSTER, Fixture},
    look::told,
    setup,
    truth::assert_mirrors,
};

/// Long enough for a poll, whatever is open.
const POLL: Duration = Duration::from_secs(70);

/// A control plane of the test's own, with the definitions installed.
async fn own_control_plane() -> &'static ControlPlane {
    let control_plane: &'static ControlPlane =
        Box::leak(Box::new(ControlPlane::start().await.unwrap()));
    setup::install(control_plane).await;
    control_plane
}

impl Fixture {
    /// Makes the API know these, as waiting for approval.
    fn put(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
        let truths = numbers
            .into_iter()
            .map(|number| Truth::numbered(CLUSTER, number));
        let put = truths.map(|truth| {
            let id = truth.id.clone();
            self.simulator.put(truth);
            id
        });
        put.collect()
    }

    /// Fails unless the mirrors are what the API says.
    async fn agrees(&self) {
        assert_mirrors(&self.all().await, &self.simulator.truth(CLUSTER));
    }

    /// Polls on until Ready has `reason`; what it says then.
    async fn polls_until(&self, reason: &str) -> String {
        for _ in 0..30 {
            self.turn(POLL).await;
            let watch = self.watches().get("training").await.unwrap();
            let ready = told(&watch, "Ready");
            if ready.reason == reason {
                return ready.message;
            }
        }
        panic!("Ready never had the reason {reason}");
    }

    /// Syncs, and fails if that writes a mirror.
    async fn writes_no_more(&self) {
        let versions = self.versions().await;
        self.sync("training").await;
        self.turn(POLL).await;
        assert_eq!(self.versions().await, versions, "a write too many");
    }
}
