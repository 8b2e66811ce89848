//! Values that had another name before: `--reuse-values` carries them along, and what was meant by one is never lost.

use std::{
    fs,
    path::{Path, PathBuf},
};

use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use serde_json::Value;
use testbed::tools::Helm as Version;

use super::{
    helm::{Helm, chart},
    lifecycle::{change, copy},
    stage::{RELEASE, Stage},
};

/// Old name, old default, another value, new name.
const RENAMED: [[&str; 4]; 4] = [
    ["replicas", "2", "3", "replicaCount"],
    [
        "watchSelector",
        "\"\"",
        "\"shard=b\"",
        "clusterWatchSelector",
    ],
    [
        "rbac.aggregate",
        "null",
        "false",
        "rbac.aggregateToDefaultRoles",
    ],
    [
        "prometheusRule.approvalSeconds",
        "3600",
        "600",
        "prometheusRule.approvalTimeout, a duration such as 1h,",
    ],
];

/// Whether a value had this name before.
pub(super) fn is_old(path: &str) -> bool {
    RENAMED.iter().any(|[old, ..]| *old == path)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_name_is_refused_with_the_new_one_unless_it_holds_its_old_default() {
    for (version, helm) in Helm::both() {
        let plain = helm.template(&[]).await.unwrap();
        for [old, default, other, new] in RENAMED {
            let set = format!("--set-json={old}={default}");
            assert_eq!(helm.template(&[&set]).await.unwrap(), plain, "{old}");
            let set = format!("--set-json={old}={other}");
            let error = helm.template(&[&set]).await.unwrap_err();
            let expected = format!("{old} was renamed. Set {new} instead, and remove {old}");
            assert!(error.contains(&expected), "{version:?} {set}: {error}");
        }
    }
}

/// The chart as it was with the old names, and without what is new.
fn before(version: Version) -> PathBuf {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("before-{version:?}"));
    let _ = fs::remove_dir_all(&to);
    copy(&chart(), &to);
    change(&to.join("Chart.yaml"), "version: 0.1.0", "version: 0.0.9");
    let values = to.join("values.yaml");
    for (new, old) in [
        ("\nreplicaCount: 2\n", "\nreplicas: 2\n"),
        ("\nclusterWatchSelector: ", "\nwatchSelector: "),
        ("\ndefaultActiveInterval: 15s\n", "\n"),
        ("\n  aggregateToDefaultRoles: ", "\n  aggregate: "),
        ("\n  dnsPorts: [53]\n", "\n"),
        ("\n  approvalTimeout: 1h\n", "\n  approvalSeconds: 3600\n"),
        ("\nstrategy: {}\n", "\n"),
        ("\ndnsConfig: {}\n", "\n"),
    ] {
        change(&values, new, old);
    }
    to
}

async fn an_upgrade(stage: &Stage, version: Version) {
    let home = stage.restricted("renamed").await;
    let older = before(version);
    let policy = ["--set", "networkPolicy.enabled=true"];
    let installed = stage.try_install(RELEASE, &home, &older, &policy).await;
    installed.unwrap();
    let chart = chart();
    let upgrade = ["upgrade", "--reuse-values", RELEASE];
    let upgrade = [&upgrade[..], &[chart.to_str().unwrap(), "-n", &home]].concat();
    let refused = [&upgrade[..], &["--set", "replicas=3"]].concat();
    let refused = stage.helm.run(&refused).await.unwrap_err();
    assert!(refused.contains("Set replicaCount instead"), "{refused}");

    stage.helm.run(&upgrade).await.unwrap();
    let deployments: Api<Deployment> = Api::namespaced(stage.client.clone(), &home);
    let spec = deployments.get(RELEASE).await.unwrap().spec.unwrap();
    assert_eq!(spec.replicas, Some(2), "what is new has its default");
    let update = spec.strategy.unwrap().rolling_update.unwrap();
    let [unavailable, surge] = [update.max_unavailable, update.max_surge]
        .map(|number| serde_json::to_value(number).unwrap());
    assert_eq!((unavailable, surge), (1.into(), 0.into()));

    let reset = ["upgrade", "--reset-then-reuse-values", RELEASE];
    let reset = [&reset[..], &[chart.to_str().unwrap(), "-n", &home]].concat();
    stage.helm.run(&reset).await.unwrap();
    let values = ["get", "values", RELEASE, "-n", &home, "--all", "-o", "json"];
    let values = stage.helm.run(&values).await.unwrap();
    let values: Value = serde_json::from_str(&values).unwrap();
    assert_eq!(values["networkPolicy"]["enabled"], true, "it was set");
    assert_eq!(values["replicaCount"], 2, "it is new");
    stage.uninstall(RELEASE, &home).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_reuses_values_of_before_with_each_helm() {
    Stage::with_each_helm(an_upgrade).await;
}
