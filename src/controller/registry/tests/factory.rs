//! What workers share.

use super::*;
use crate::api::cluster_watch::RemediationCounts;

/// A `ClusterWatch` with different intervals, whose status counts so many open remediations.
fn counting(open: Option<i64>) -> ClusterWatch {
    let spec = ClusterWatchSpec {
        interval: Some("5m".to_owned()),
        active_interval: Some("30s".to_owned()),
        ..ClusterWatchSpec::default()
    };
    let mut watch = ClusterWatch::new("w", spec);
    watch.status = Some(ClusterWatchStatus {
        remediations: open.map(|open| RemediationCounts {
            total: 3,
            open,
            ..RemediationCounts::default()
        }),
        ..ClusterWatchStatus::default()
    });
    watch
}

#[tokio::test]
async fn the_interval_in_force_is_the_active_one_while_the_status_counts_something_open() {
    let factory = World::new().registry.factory;
    let seconds = |watch: &ClusterWatch| factory.interval_by_status(watch).as_secs();
    assert_eq!(seconds(&counting(Some(1))), 30);
    assert_eq!(seconds(&counting(Some(0))), 300);
    assert_eq!(seconds(&counting(None)), 300, "nothing is known yet");
    assert_eq!(seconds(&watch("a", "new")), 20, "the default");
}

#[tokio::test]
async fn clones_share_one_roll_and_one_meter_of_each_clusterwatch() {
    let factory = World::new().registry.factory;
    let clone = factory.clone();
    let (one, two) = (watch("a", "one"), watch("b", "two"));
    let before: Vec<_> = (0..30)
        .map(|number| factory.enter(&watch("a", &number.to_string())))
        .collect();
    let entry = clone.enter(&two);
    assert!(entry.place() > before[0].place());
    assert!(Arc::ptr_eq(&factory.meter(&one), &clone.meter(&one)));
    assert!(!Arc::ptr_eq(&factory.meter(&one), &clone.meter(&two)));
}
