//! Who is on stage: clusters whose remediations come, live, end and are forgotten, and a watch for each.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use testbed::{control_plane::ControlPlane, simulator::Simulator};

use super::Failure;

/// Remediations of each cluster in the long run, finished ones that the API still knows included.
const SIZES: [usize; 6] = [100, 100, 100, 100, 100, 1000];
/// How often new ones are sent in; all of them are born within five minutes of the API's clock.
pub(crate) const BATCH: Duration = Duration::from_secs(300);
/// One lives for about 12 minutes and is remembered for 10 more: batches on stage at a time.
const BATCHES: usize = 4;
/// How long the API remembers a finished one. Longer than the watches keep it, so that what expired could come back.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(10);
const MANIFEST: &str = include_str!("watch.yaml");

/// One cluster and its watch.
pub(crate) struct Member {
    pub(crate) namespace: String,
    pub(crate) cluster: String,
    machines: usize,
}

/// Sets up all members, each with a namespace, a key and a watch of its own.
pub(crate) async fn enter(
    control_plane: &ControlPlane,
    simulator: &Simulator,
) -> Result<Vec<Member>, Failure> {
    let mut members = Vec::new();
    for (place, size) in SIZES.iter().enumerate() {
        let member = Member {
            namespace: format!("soak-{place}"),
            cluster: format!("5f0c2f0e-6a3b-4d0a-9a57-{place:012x}"),
            machines: size / BATCHES,
        };
        let key = format!("simulator-key-{place}");
        simulator.add_key(&key, Some(&[&member.cluster]));
        simulator.add_cluster(&member.cluster);
        let manifest = MANIFEST
            .replace("$NAMESPACE", &member.namespace)
            .replace("$CLUSTER", &member.cluster)
            .replace("$API_KEY", &key);
        control_plane.apply(&manifest).await?;
        members.push(member);
    }
    Ok(members)
}

impl Member {
    /// Sends in the next batch.
    pub(crate) fn send(&self, simulator: &Simulator, seed: u64) {
        simulator.seed_life(&self.cluster, seed, self.machines);
    }

    /// Lets the API forget what ended long ago.
    pub(crate) fn forget(&self, simulator: &Simulator) {
        let now = simulator.now();
        for one in simulator.truth(&self.cluster) {
            let ended = one.end_time.as_deref().filter(|_| one.is_final());
            let ended = ended.and_then(|time| time.parse::<Timestamp>().ok());
            if ended.is_some_and(|ended| now.duration_since(ended) > REMEMBERED) {
                simulator.remove(&self.cluster, &one.id);
            }
        }
    }
}
