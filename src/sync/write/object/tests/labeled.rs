//! The labels that a mirror is created with, and that it gets later.

use super::*;

fn writer(world: &World, cluster_watch: &str) -> Writer<MemoryKubeApi> {
    let team = ("team".to_owned(), "gpu".to_owned());
    Writer {
        kube: world.cluster.clone(),
        index: world.index.clone(),
        namespace: NAMESPACE.into(),
        labels: Labels::of(cluster_watch, [team].into_iter().collect()),
        owners: [].into(),
    }
}

fn labels_of(world: &World) -> Vec<(String, String)> {
    let labels = world.cluster.object(1).unwrap().metadata.labels;
    labels.unwrap_or_default().into_iter().collect()
}

fn expected(cluster_watch: &str) -> Vec<(String, String)> {
    let pairs = [
        (labels::MANAGED_BY, "together-remediation-operator"),
        (labels::CLUSTER_ID, CLUSTER),
        (labels::CLUSTER_WATCH, cluster_watch),
        (labels::INSTANCE_ID, "instance-1"),
        ("team", "gpu"),
    ];
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

#[tokio::test]
async fn a_mirror_is_created_with_all_its_labels_and_no_further_request() {
    let world = World::new();
    let write = create(&item(1, "RUNNING"));
    let made = writer(&world, "training").write(write, now()).await;
    assert_eq!(made, Ok(Done::Created));
    let calls = [Call::Create(name()), Call::Status(name())];
    assert_eq!(world.cluster.calls(), calls);
    assert_eq!(labels_of(&world), expected("training"));
}

#[tokio::test]
async fn another_cluster_watch_puts_its_own_name_there_in_one_request() {
    let world = World::with("RUNNING").await;
    world.cluster.calls();
    for name in ["training", "inference"] {
        let write = world.change(None, true);
        let written = writer(&world, name).write(write, now()).await;
        assert_eq!(written, Ok(Done::Updated));
        assert_eq!(world.cluster.calls(), [Call::Patch(id(1))]);
        assert_eq!(labels_of(&world), expected(name));
    }
}
