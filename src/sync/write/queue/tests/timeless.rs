//! Remediations whose times are placeholders for unset ones.

use super::*;
use crate::{store::summary::rollup, testing::ZERO_TIMES};

/// One that has `state` and these times.
fn timed(number: u64, state: &str, created: &str, time: &str) -> Remediation {
    Remediation {
        create_time: some(created),
        end_time: some(time),
        update_time: some(time),
        ..item(number, state)
    }
}

impl World {
    fn failed_nodes(&self) -> i64 {
        let mirrors = self.index.mirrors(NAMESPACE, CLUSTER, None, |_| true);
        let mirrors = mirrors.iter().map(|(name, mirror)| (&**name, &**mirror));
        rollup(mirrors).counts.failed_nodes
    }
}

/// A month.
const TTL: u64 = 720 * 3600;

#[tokio::test]
async fn a_failure_whose_end_is_not_set_is_kept_and_counted() {
    for (zero, (ttl, max)) in ZERO_TIMES.into_iter().flat_map(|zero| {
        [(Some(TTL), None), (None, Some(1)), (Some(TTL), Some(1))].map(|policy| (zero, policy))
    }) {
        for created in [zero, "2026-11-23T09:00:00Z"] {
            let world = World::new(kept(ttl, max));
            let failed = timed(1, "FAILED", created, zero);
            let older = ended(2, "instance-1", "2026-11-23T08:30:00Z");
            let older = Remediation {
                create_time: some("2026-11-23T08:00:00Z"),
                ..older
            };
            let summary = world.wrote([older.clone(), failed.clone()]).await;
            assert_eq!(summary.pruned, 0, "{zero} {ttl:?} {max:?}");
            let summary = world.wrote([older, failed]).await;
            assert_eq!(summary, WriteSummary::default(), "{zero} {ttl:?} {max:?}");
            let names = world.cluster.names();
            assert!(names.contains(&id(1)), "{zero} {ttl:?} {max:?}: {names:?}");
            assert_eq!(world.failed_nodes(), 1, "{zero} {created}");
        }
    }
}

#[tokio::test]
async fn the_poll_that_sees_an_end_that_is_not_set_deletes_nothing() {
    for (zero, updated) in ZERO_TIMES
        .into_iter()
        .flat_map(|zero| ["2026-11-23T09:40:00Z", zero].map(|updated| (zero, updated)))
    {
        let world = World::new(kept(Some(TTL), Some(1)));
        world.run(vec![item(1, "RUNNING")]).await;
        let failed = Remediation {
            end_time: some(zero),
            update_time: some(updated),
            ..item(1, "FAILED")
        };
        for updated in [1, 0] {
            let summary = world.wrote([failed.clone()]).await;
            assert_eq!((summary.updated, summary.pruned), (updated, 0), "{zero}");
        }
        let status = world.cluster.status(1);
        assert_eq!(status.end_time, some(zero), "shown as the API wrote it");
    }
}

#[tokio::test]
async fn an_update_time_that_is_not_set_is_no_older_version() {
    for zero in ZERO_TIMES {
        let world = World::new(target());
        world.run(vec![item(1, "PENDING")]).await;
        let running = Remediation {
            update_time: some(zero),
            ..item(1, "RUNNING")
        };
        let summary = world.wrote([running]).await;
        assert_eq!(summary.updated, 1, "{zero}");
    }
}
