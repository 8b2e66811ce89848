//! A namespace that is deleted in the middle of a first mirror of 10,000.

use std::{collections::BTreeSet, time::Duration};

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams},
};
use rustix::process::Signal;
use testbed::simulator::Remediation as Truth;

use crate::{
    fixture::{Fixture, until},
    process::Process,
    steps::holds,
    truth::assert_mirrors,
};

const REMEDIATIONS: u32 = 10_000;
/// The cluster of the namespace that stays.
const OTHER: &str = "5f3e0d4c-8a1b-4c5d-9e6f-7a8b9c0d1e2f";

/// The resourceVersion of the cluster now.
async fn now(fixture: &Fixture) -> u64 {
    let first = ListParams::default().limit(1);
    let list = fixture.mirrors().list(&first).await.unwrap();
    list.metadata.resource_version.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_ends_gets_no_more_and_the_others_go_on() {
    let (doomed, other) = (
        Fixture::idle("doomed").await,
        Fixture::idle("staying").await,
    );
    let api = &doomed.simulator;
    api.add_cluster(OTHER);
    api.add_key(other.simulator.key(), None);
    doomed.put(0..REMEDIATIONS);
    for number in 0..5 {
        api.put(Truth::numbered(OTHER, number));
    }
    let account = doomed.account().await;
    let flags = ["--namespace", &other.namespace, "--leader-elect=false"];
    let flags = [&flags[..], &["--kube-qps=100", "--kube-burst=1"]].concat();
    let operator = Process::start(account.kubeconfig(), &api.url(), &doomed.namespace, &flags);
    other
        .synced_watch(|spec| spec.cluster_id = OTHER.to_owned())
        .await;
    doomed.watch("training", |_| {}).await;
    holds(
        "the first mirrors",
        async || doomed.all().await.len(),
        |some| *some >= 50,
    )
    .await;

    let namespaces: Api<Namespace> = Api::all(doomed.client.clone());
    let delete = DeleteParams::default();
    namespaces.delete(&doomed.namespace, &delete).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (last, left) = (now(&doomed).await, doomed.versions().await);
    assert!(
        left.len() < REMEDIATIONS as usize / 2,
        "it was in the middle"
    );
    until("the namespace is gone", || async {
        let there: BTreeSet<_> = left.keys().cloned().collect();
        for mirror in doomed.all().await {
            let version: u64 = mirror.resource_version().unwrap().parse().unwrap();
            assert!(version <= last, "written later: {}", mirror.name_any());
            assert!(there.contains(&mirror.name_any()), "created later");
        }
        match namespaces.get_opt(&doomed.namespace).await.unwrap() {
            None => Ok(()),
            Some(_) => Err("still there".to_owned()),
        }
    })
    .await;

    let id = Truth::numbered(OTHER, 1).id;
    api.enter(OTHER, &id, "RUNNING");
    other.sync("training").await;
    assert_mirrors(&other.all().await, &api.truth(OTHER));
    let calls = api.counters().calls();
    other.sync("training").await;
    assert_eq!(api.counters().calls(), calls + 1, "no other watch polls");

    operator.signal(Signal::TERM);
    let (status, log) = operator.ended().await;
    assert!(status.success(), "{log}");
    let bad = |line: &&str| line.contains("\"WARN\"") || line.contains("\"ERROR\"");
    let bad: Vec<_> = log.lines().filter(bad).collect();
    assert!(bad.len() <= 5, "a storm:\n{}", bad.join("\n"));
}
