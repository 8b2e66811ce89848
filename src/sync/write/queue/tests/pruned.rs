//! What retention creates and deletes.

use super::*;

#[tokio::test]
async fn nothing_is_created_to_be_pruned() {
    let world = World::new(kept(Some(7200), Some(2)));
    let page = [
        ("a", "2026-11-23T09:10:00Z"),
        ("a", "2026-11-23T09:20:00Z"),
        ("a", "2026-11-23T09:30:00Z"),
        ("b", "2026-11-23T09:00:00Z"),
        ("b", "2026-11-23T01:00:00Z"),
    ];
    let page: Vec<_> = (1..)
        .zip(page)
        .map(|(number, (instance, end))| ended(number, instance, end))
        .collect();
    let created = WriteSummary {
        created: 3,
        ..WriteSummary::default()
    };
    assert_eq!(world.wrote(page.clone()).await, created);
    assert_eq!(world.cluster.names(), [id(2), id(3), id(4)]);
    assert_eq!(world.wrote(page).await, WriteSummary::default());
}

#[tokio::test]
async fn a_newer_finished_one_replaces_the_oldest() {
    let world = World::new(kept(None, Some(1)));
    let old = ended(1, "a", "2026-11-23T09:10:00Z");
    world.run(vec![old.clone()]).await;
    let new = ended(2, "a", "2026-11-23T09:20:00Z");
    let summary = world.wrote([old, new]).await;
    assert_eq!((summary.created, summary.pruned), (1, 1));
    assert_eq!(world.cluster.names(), [id(2)]);
}

#[tokio::test]
async fn what_retention_would_misjudge_is_left_alone() {
    let mut world = World::new(kept(None, Some(2)));
    let [old, new] = [(1, "09:10"), (2, "09:20")]
        .map(|(number, end)| ended(number, "a", &format!("2026-11-23T{end}:00Z")));
    world.run(vec![old.clone(), new.clone()]).await;
    world.target = kept(None, Some(1));
    let again = Remediation {
        state: "RUNNING".into(),
        end_time: None,
        update_time: some("2026-11-23T09:40:00Z"),
        ..new
    };
    let status = |call: &Call| matches!(call, Call::Status(_));
    world.cluster.fail(move |call| status(call).then(refused));
    let summary = world.wrote([old.clone(), again.clone()]).await;
    assert_eq!((summary.failed, summary.pruned), (1, 0));
    world.cluster.fail(|_| None);
    let summary = world.wrote([old, again]).await;
    assert_eq!((summary.updated, summary.pruned), (1, 0));
}
