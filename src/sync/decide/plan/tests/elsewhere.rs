//! Remediations that belong to another `ClusterWatch`, or to none.

use super::*;

#[test]
fn what_belongs_elsewhere_is_skipped_with_a_reason() {
    let skipped = |target: &MirrorTarget, item: &Remediation| match World::new().plan(target, item)
    {
        Verdict::Skipped(why) => why,
        other => panic!("{other:?}"),
    };
    let elsewhere = Remediation {
        cluster_id: some("cluster-2"),
        ..item(1, "RUNNING")
    };
    assert!(skipped(&target(), &elsewhere).contains("another cluster"));
    let one_instance = MirrorTarget {
        instance: Some("instance-2".into()),
        ..target()
    };
    assert!(skipped(&one_instance, &item(1, "RUNNING")).contains("another instance"));
    let mut long = item(1, "RUNNING");
    long.id = "ä".repeat(1024).into();
    assert_eq!(World::new().plans(&target(), &long), "create");
    long.id = format!("{}x", long.id).into();
    assert!(skipped(&target(), &long).contains("longer than 1024"));
}

#[test]
fn a_watch_of_one_instance_knows_it_if_the_api_does_not_name_it() {
    let target = MirrorTarget {
        instance: Some("instance-2".into()),
        ..target()
    };
    let silent = Remediation {
        instance_id: None,
        cluster_id: None,
        ..item(1, "RUNNING")
    };
    let world = World::new().mirror(&target, &silent);
    assert_eq!(world.cluster.status(1).instance_id, some("instance-2"));
    assert_eq!(world.plans(&target, &silent), "unchanged");
}

#[test]
fn a_foreign_object_of_its_name_is_left_alone() {
    let world = World::new();
    world.index.apply(world.cluster.plant(1, "cluster-2"));
    assert!(matches!(
        world.plan(&target(), &item(1, "RUNNING")),
        Verdict::Skipped(why) if why.contains("another object has the mirror's name")
    ));
}
