//! What the chart selects by its own label. Others write `app.kubernetes.io/instance`: Argo CD that tracks by label, kustomize.

use k8s_openapi::api::core::v1::Service;
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::{Value, json};
use testbed::tools::Helm as Version;

use super::{
    helm::{Helm, documents, of_kind},
    stage::Stage,
    switches::monitors,
};

const ON: &str = "--set=networkPolicy.enabled=true,serviceMonitor.enabled=true,podMonitor.enabled=true,\
                  networkPolicy.metricsFrom[0].podSelector.matchLabels.a=b";
const INSTANCE: &str = "app.kubernetes.io/instance";

/// Each selector: the object that has it, and where.
const SELECTORS: [(&str, &str); 6] = [
    ("Deployment", "/spec/selector/matchLabels"),
    (
        "Deployment",
        "/spec/template/spec/topologySpreadConstraints/0/labelSelector/matchLabels",
    ),
    ("Service", "/spec/selector"),
    ("PodMonitor", "/spec/selector/matchLabels"),
    ("NetworkPolicy", "/spec/podSelector/matchLabels"),
    ("PodDisruptionBudget", "/spec/selector/matchLabels"),
];

fn selects(selector: &Value, labels: &Value) -> bool {
    let selector = selector.as_object().unwrap();
    assert!(!selector.is_empty());
    selector.iter().all(|(key, value)| labels[key] == *value)
}

/// As Argo CD writes an object that it tracks by label, pods of its template excepted.
fn tracked(objects: &mut [Value]) {
    for object in objects {
        object["metadata"]["labels"][INSTANCE] = json!("application");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_selects_what_it_should_though_the_instance_label_is_anothers() {
    for (version, helm) in Helm::both() {
        let mut objects = helm
            .objects(&[ON, "--set", "podLabels.app\\.kubernetes\\.io/instance=mine"])
            .await;
        tracked(&mut objects);
        let of = |kind| of_kind(&objects, kind)[0];
        let replica = &of("Deployment")["spec"]["template"]["metadata"]["labels"];
        let test = &of("Pod")["metadata"]["labels"];
        for (kind, place) in SELECTORS {
            let selector = of(kind).pointer(place).unwrap();
            assert!(selects(selector, replica), "{version:?} {kind}: {selector}");
            assert!(
                !selects(selector, test),
                "{version:?} {kind}: the test's pod"
            );
        }
        let selector = of("ServiceMonitor")
            .pointer("/spec/selector/matchLabels")
            .unwrap();
        assert!(
            selects(selector, &of("Service")["metadata"]["labels"]),
            "{selector}"
        );
        let from = of("NetworkPolicy").pointer("/spec/ingress/0/from/1/podSelector/matchLabels");
        assert!(selects(from.unwrap(), test), "{from:?}");
        assert!(!selects(from.unwrap(), replica), "{from:?}");
    }
}

/// The names of the Services that a `ServiceMonitor` selects.
pub(crate) async fn found_by(monitor: &Value, services: &Api<Service>) -> Vec<String> {
    let selector = &monitor["spec"]["selector"]["matchLabels"];
    let selector = selector.as_object().unwrap().iter();
    let terms = selector.map(|(key, value)| format!("{key}={}", value.as_str().unwrap()));
    let terms = ListParams::default().labels(&terms.collect::<Vec<_>>().join(","));
    let found = services.list(&terms).await.unwrap();
    found.iter().map(ResourceExt::name_any).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_monitor_finds_its_own_service_and_no_other_releases() {
    let Some(stage) = Stage::begin(Version::V4).await else {
        return;
    };
    stage.control_plane.apply(&monitors()).await.unwrap();
    let namespace = stage.restricted("monitored").await;
    stage.install("one", &namespace, &[ON]).await;
    let second = [ON, "--set", "crds.enabled=false"];
    stage.install("two", &namespace, &second).await;
    let services = [
        "label",
        "service",
        "--all",
        "--overwrite",
        "app.kubernetes.io/instance=application",
        "-n",
        &namespace,
    ];
    stage.kubectl(&services, "").await.unwrap();
    for release in ["one", "two"] {
        let name = format!("{release}-together-remediation-operator");
        let manifest = ["get", "manifest", release, "-n", &namespace];
        let manifest = documents(&stage.helm.run(&manifest).await.unwrap());
        let monitor = of_kind(&manifest, "ServiceMonitor")[0];
        let services = Api::namespaced(stage.client.clone(), &namespace);
        assert_eq!(found_by(monitor, &services).await, [name]);
    }
    for release in ["two", "one"] {
        stage.uninstall(release, &namespace).await;
    }
}
