//! Every value changed once, rendered by both Helms, and with others applied to the real API server under Pod Security
//! "restricted".

use std::collections::{BTreeMap, BTreeSet};

use clap::Parser as _;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use serde_json::{Value, json};
use testbed::tools::Helm as Version;
use together_remediation_operator::config::Cli;

use super::{
    helm::{Helm, of_kind},
    rollout,
    stage::{RELEASE, Stage},
    values,
};

/// What is set, and what an object of this kind then holds at this place.
struct Switch(
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
    Value,
);

const POD: &str = "/spec/template/spec";
const CONTAINER: &str = "/spec/template/spec/containers/0";

/// A place in the Deployment's pod, or of its container where the place begins with a dot.
fn pod(sets: &'static [(&'static str, &'static str)], place: &'static str, value: Value) -> Switch {
    Switch(sets, "Deployment", place, value)
}

#[rustfmt::skip]
fn all() -> Vec<Switch> {
    let image = json!(format!("host.test:5000/a/operator:v9@sha256:{}", "0123456789abcdef".repeat(4)));
    vec![
        Switch(&[("replicaCount", "3")], "Deployment", "/spec/replicas", json!(3)),
        pod(&[("image.repository", "\"host.test:5000/a/operator\""), ("image.tag", "\"v9\""),
            ("image.digest", "\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"")], ".image", image),
        pod(&[("image.pullPolicy", "\"Always\"")], ".imagePullPolicy", json!("Always")),
        pod(&[("imagePullSecrets", r#"[{"name":"pull"}]"#)], "imagePullSecrets/0/name", json!("pull")),
        Switch(&[("nameOverride", "\"other\"")], "Deployment", "/metadata/labels/app.kubernetes.io~1name", json!("other")),
        Switch(&[("fullnameOverride", "\"whole\"")], "Deployment", "/metadata/name", json!("whole")),
        Switch(&[("commonLabels", r#"{"team":"gpu"}"#)], "Deployment", "/spec/template/metadata/labels/team", json!("gpu")),
        Switch(&[("commonLabels", r#"{"team":"gpu"}"#)], "CustomResourceDefinition", "/metadata/labels/team", json!("gpu")),
        Switch(&[("crds.enabled", "true")], "CustomResourceDefinition", "/metadata/annotations/helm.sh~1resource-policy", json!("keep")),
        Switch(&[("namespaces", r#"["default"]"#)], "Role", "/metadata/namespace", json!("default")),
        Switch(&[("namespaces", r#"["default"]"#)], "ValidatingAdmissionPolicyBinding", "/spec/matchResources/namespaceSelector/matchExpressions/0/values", json!(["default"])),
        pod(&[("namespaces", r#"["default"]"#)], ".args", json!("--namespace=default")),
        pod(&[("clusterWatchSelector", "\"shard in (a,b)\"")], ".args", json!("--cluster-watch-selector=shard in (a,b)")),
        pod(&[("clusterWatchSelector", "\"shard=a\"")], ".args", json!("--lease-name=demo-together-remediation-operator")),
        pod(&[("leaderElection.enabled", "false"), ("replicaCount", "1")], ".args", json!("--leader-elect=false")),
        Switch(&[("leaderElection.enabled", "false"), ("replicaCount", "1")], "Deployment", "/spec/strategy/type", json!("Recreate")),
        pod(&[("leaderElection.leaseName", "\"mine\"")], ".args", json!("--lease-name=mine")),
        Switch(&[("leaderElection.leaseName", "\"mine\"")], "Role", "/rules/0/resourceNames", json!(["mine"])),
        pod(&[("api.url", "\"http://simulator:8081\""), ("api.allowHttp", "true")], ".args", json!("--api-url=http://simulator:8081")),
        pod(&[("api.allowHttp", "true")], ".args", json!("--allow-http")),
        pod(&[("api.qps", "0.5")], ".args", json!("--api-qps=0.5")),
        pod(&[("api.burst", "10000")], ".args", json!("--api-burst=10000")),
        pod(&[("kube.qps", "100000")], ".args", json!("--kube-qps=100000")),
        pod(&[("kube.burst", "1")], ".args", json!("--kube-burst=1")),
        pod(&[("mirrorAnnotations", r#"{"argocd.argoproj.io/ignore-resource-updates":"true"}"#)], ".args",
            json!("--mirror-annotation=argocd.argoproj.io/ignore-resource-updates=true")),
        pod(&[("mirrorLabels", r#"{"example.com/team":"gpu"}"#)], ".args", json!("--mirror-label=example.com/team=gpu")),
        pod(&[("defaultInterval", "\"5m\"")], ".args", json!("--default-interval=5m")),
        pod(&[("defaultActiveInterval", "\"20s\"")], ".args", json!("--default-active-interval=20s")),
        pod(&[("minInterval", "\"30s\"")], ".args", json!("--min-interval=30s")),
        pod(&[("log.format", "\"text\"")], ".args", json!("--log-format=text")),
        pod(&[("log.level", "\"info,kube=debug\"")], ".args", json!("--log-level=info,kube=debug")),
        pod(&[("extraArgs", r#"["--admin-addr=[::]:8080"]"#)], ".args", json!("--admin-addr=[::]:8080")),
        pod(&[("extraEnv", r#"[{"name":"A","value":"b"}]"#)], ".env/1", json!({"name": "A", "value": "b"})),
        pod(&[("proxy.httpsProxy", "\"http://proxy:3128\"")], ".env/1", json!({"name": "HTTPS_PROXY", "value": "http://proxy:3128"})),
        pod(&[("proxy.noProxy", "\".test\"")], ".env/1", json!({"name": "NO_PROXY", "value": ".test"})),
        pod(&[("caBundle.configMap", "\"own\"")], "volumes/0/configMap/name", json!("own")),
        pod(&[("caBundle.secret", "\"own\"")], "volumes/0/secret/secretName", json!("own")),
        pod(&[("caBundle.secret", "\"own\"")], ".env/2/name", json!("SSL_CERT_DIR")),
        Switch(&[("serviceAccount.name", "\"mine\"")], "ServiceAccount", "/metadata/name", json!("mine")),
        Switch(&[("serviceAccount.annotations", r#"{"a":"b"}"#)], "ServiceAccount", "/metadata/annotations/a", json!("b")),
        pod(&[("serviceAccount.create", "false")], "serviceAccountName", json!("default")),
        Switch(&[("rbac.secretNames", r#"["together"]"#)], "ClusterRole", "/rules/4/resourceNames", json!(["together"])),
        Switch(&[("crds.enabled", "false"), ("rbac.aggregateToDefaultRoles", "true")], "ClusterRole", "/metadata/labels/rbac.authorization.k8s.io~1aggregate-to-admin", json!("true")),
        Switch(&[("crds.enabled", "false"), ("admissionPolicy.enabled", "true")], "ValidatingAdmissionPolicyBinding", "/spec/validationActions", json!(["Deny"])),
        Switch(&[("admissionPolicy.writers", r#"["other/shard"]"#)], "ValidatingAdmissionPolicy", "/spec/matchConditions/0/expression",
            json!("!(request.userInfo.username in ['system:serviceaccount:together-system:demo-together-remediation-operator','system:serviceaccount:other:shard'])")),
        pod(&[("resources", r#"{"requests":{"cpu":"20m"},"limits":{"memory":"1Gi"}}"#)], ".resources/limits/memory", json!("1Gi")),
        pod(&[("podSecurityContext.runAsUser", "1234")], "securityContext/runAsUser", json!(1234)),
        pod(&[("securityContext.runAsUser", "1234")], ".securityContext/runAsUser", json!(1234)),
        Switch(&[("podLabels", r#"{"a":"b"}"#)], "Deployment", "/spec/template/metadata/labels/a", json!("b")),
        Switch(&[("podAnnotations", r#"{"a":"b"}"#)], "Deployment", "/spec/template/metadata/annotations/a", json!("b")),
        pod(&[("priorityClassName", "\"system-cluster-critical\"")], "priorityClassName", json!("system-cluster-critical")),
        pod(&[("nodeSelector", r#"{"a":"b"}"#)], "nodeSelector/a", json!("b")),
        pod(&[("tolerations", r#"[{"key":"a","operator":"Exists"}]"#)], "tolerations/0/key", json!("a")),
        pod(&[("affinity", r#"{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone","labelSelector":{}}]}}"#)],
            "affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/0/topologyKey", json!("zone")),
        pod(&[("topologySpreadConstraints", r#"[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"ScheduleAnyway"}]"#)],
            "topologySpreadConstraints/0/labelSelector/matchLabels/compute.together.ai~1operator", json!("demo-together-remediation-operator")),
        pod(&[("affinity", "{}")], "topologySpreadConstraints/0", json!({"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"compute.together.ai/operator": "demo-together-remediation-operator"}}})),
        Switch(&[("strategy", "{}")], "Deployment", "/spec/strategy", json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}})),
        Switch(&[("strategy", r#"{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1,"maxUnavailable":0}}"#)], "Deployment", "/spec/strategy/rollingUpdate/maxSurge", json!(1)),
        pod(&[("dnsConfig", r#"{"options":[{"name":"ndots","value":"2"}]}"#)], "dnsConfig/options/0/name", json!("ndots")),
        Switch(&[("podDisruptionBudget.enabled", "true")], "PodDisruptionBudget", "/spec/maxUnavailable", json!(1)),
        Switch(&[("networkPolicy.enabled", "true"), ("networkPolicy.egressPorts", "[443,3128]")], "NetworkPolicy", "/spec/egress/1/ports/1/port", json!(3128)),
        Switch(&[("networkPolicy.enabled", "true"), ("proxy.httpsProxy", "\"http://user:secret@proxy:3129\"")], "NetworkPolicy", "/spec/egress/1/ports/2/port", json!(3129)),
        Switch(&[("networkPolicy.enabled", "true"), ("proxy.httpsProxy", "\"http://proxy\"")], "NetworkPolicy", "/spec/egress/1/ports/2/port", json!(80)),
        Switch(&[("networkPolicy.enabled", "true"), ("api.url", "\"https://host.test:8443/v1\"")], "NetworkPolicy", "/spec/egress/1/ports/2/port", json!(8443)),
        Switch(&[("networkPolicy.enabled", "true"), ("networkPolicy.dnsPorts", "[53,5353]")], "NetworkPolicy", "/spec/egress/0/ports",
            json!([{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}, {"port": 5353, "protocol": "UDP"}, {"port": 5353, "protocol": "TCP"}])),
        Switch(&[("networkPolicy.enabled", "true"), ("networkPolicy.metricsFrom", r#"[{"podSelector":{}}]"#)], "NetworkPolicy", "/spec/ingress/0/from/0/podSelector", json!({})),
        Switch(&[("networkPolicy.enabled", "true"), ("networkPolicy.metricsFrom", r#"[{"podSelector":{}}]"#)], "NetworkPolicy", "/spec/ingress/0/from/1/podSelector/matchLabels/compute.together.ai~1operator", json!("demo-together-remediation-operator-test")),
        Switch(&[("service.annotations", r#"{"a":"b"}"#)], "Service", "/metadata/annotations/a", json!("b")),
        Switch(&[("serviceMonitor.enabled", "true"), ("serviceMonitor.interval", "\"30s\"")], "ServiceMonitor", "/spec/endpoints/0/interval", json!("30s")),
        Switch(&[("serviceMonitor.enabled", "true"), ("serviceMonitor.labels", r#"{"a":"b"}"#)], "ServiceMonitor", "/metadata/labels/a", json!("b")),
        Switch(&[("podMonitor.enabled", "true"), ("podMonitor.interval", "\"30s\"")], "PodMonitor", "/spec/podMetricsEndpoints/0/interval", json!("30s")),
        Switch(&[("podMonitor.enabled", "true"), ("podMonitor.labels", r#"{"a":"b"}"#)], "PodMonitor", "/metadata/labels/a", json!("b")),
        Switch(&[("podMonitor.enabled", "true")], "PodMonitor", "/spec/podMetricsEndpoints/0/honorLabels", json!(true)),
        Switch(&[("dashboard.enabled", "true")], "ConfigMap", "/metadata/labels/grafana_dashboard", json!("1")),
        Switch(&[("dashboard.enabled", "true"), ("dashboard.labels", r#"{"a":"b"}"#)], "ConfigMap", "/metadata/labels/a", json!("b")),
        Switch(&[("dashboard.enabled", "true"), ("dashboard.annotations", r#"{"a":"b"}"#)], "ConfigMap", "/metadata/annotations/a", json!("b")),
        Switch(&[("prometheusRule.enabled", "true")], "PrometheusRule", "/spec/groups/1/rules/0/annotations/runbook", json!("docs/on-call/alerts.md#togetheroperatorabsent")),
        Switch(&[("prometheusRule.enabled", "true"), ("prometheusRule.labels", r#"{"a":"b"}"#)], "PrometheusRule", "/metadata/labels/a", json!("b")),
        Switch(&[("prometheusRule.enabled", "true"), ("prometheusRule.runbookUrl", "\"https://docs.test/alerts\"")], "PrometheusRule",
            "/spec/groups/1/rules/0/annotations/runbook_url", json!("https://docs.test/alerts#togetheroperatorabsent")),
        Switch(&[("prometheusRule.enabled", "true"), ("prometheusRule.approvalTimeout", "\"1h30m5s\"")], "PrometheusRule", "/spec/groups/1/rules/5/expr",
            json!("time() - max by (cluster, clusterwatch_namespace, clusterwatch, remediation, gpu_node, mode) (together_remediation_open_since_timestamp_seconds{state=\"PENDING_APPROVAL\"}) > 5405")),
    ]
}

/// Values whose other setting renders less; the second part names what is left out then.
const OFF: [(&str, &str); 5] = [
    ("rbac.create", "ClusterRoleBinding"),
    ("rbac.aggregateToDefaultRoles", "none"),
    ("serviceAccount.create", "ServiceAccount"),
    ("podDisruptionBudget.enabled", "PodDisruptionBudget"),
    ("admissionPolicy.enabled", "ValidatingAdmissionPolicy"),
];

/// Values that change what others render.
const ALONE: [&str; 5] = [
    "fullnameOverride",
    "leaderElection.enabled",
    "nameOverride",
    "namespaces",
    "serviceAccount.create",
];

/// The values of all switches in as few releases as can be: of what belongs together, such as `caBundle`, one value each.
fn together() -> Vec<BTreeMap<&'static str, &'static str>> {
    let parent = |key: &'static str| key.split('.').next();
    let mut releases: Vec<BTreeMap<&str, &str>> = Vec::new();
    for Switch(sets, ..) in all() {
        let values: BTreeMap<_, _> = sets.iter().copied().collect();
        let alone = |values: &BTreeMap<&str, _>| ALONE.iter().any(|key| values.contains_key(key));
        let fits = |release: &&mut BTreeMap<&'static str, &'static str>| {
            let has = values
                .iter()
                .all(|(key, value)| release.get(key) == Some(value));
            let parents: BTreeSet<_> = release.keys().map(|key| parent(key)).collect();
            let meets = values.keys().any(|key| parents.contains(&parent(key)));
            has || !meets && !alone(release) && !alone(&values)
        };
        match releases.iter_mut().find(fits) {
            Some(release) => release.extend(values),
            None => releases.push(values),
        }
    }
    releases
}

fn sets<'a>(values: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    values
        .map(|(key, value)| format!("--set-json={key}={value}"))
        .collect()
}

/// The same as arguments for Helm.
pub(super) fn releases() -> Vec<Vec<String>> {
    let releases = together().into_iter();
    let values = releases.map(|values| sets(values.iter().map(|(key, value)| (*key, *value))));
    values.collect()
}

impl Switch {
    fn sets(&self) -> Vec<String> {
        sets(self.0.iter().copied())
    }

    fn appears_in(&self, object: &Value) -> bool {
        let Self(_, _, place, expected) = self;
        let place = match place.strip_prefix('.') {
            Some(place) => format!("{CONTAINER}/{place}"),
            None if place.starts_with('/') => (*place).to_owned(),
            None => format!("{POD}/{place}"),
        };
        object.pointer(&place).is_some_and(|found| {
            let listed = found.as_array().is_some_and(|all| all.contains(expected));
            found == expected || (place.ends_with("/args") && listed)
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_renders_what_it_describes_with_both_helms() {
    for (_, helm) in Helm::both() {
        let mut tried = BTreeSet::new();
        for switch in all() {
            let sets = switch.sets();
            let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
            let objects = helm.objects(&sets).await;
            let candidates = of_kind(&objects, switch.1);
            let found = candidates
                .into_iter()
                .any(|object| switch.appears_in(object));
            assert!(found, "{sets:?}: no {} holds {}", switch.1, switch.3);
            assert_flags_are_known(&objects);
            tried.extend(switch.0.iter().map(|(key, _)| *key));
        }
        for (key, kind) in OFF {
            let objects = helm.objects(&["--set", &format!("{key}=false")]).await;
            assert!(of_kind(&objects, kind).is_empty(), "{key}");
            tried.insert(key);
        }
        let lacks = |path: &str| !tried.iter().any(|key| key.starts_with(path));
        let untried = values::rows().into_iter().map(|row| row.path);
        let untried: Vec<String> = untried.filter(|path| lacks(path)).collect();
        assert_eq!(untried, Vec::<String>::new(), "values that nothing tries");
    }
}

/// The program takes the command line of the Deployment.
fn assert_flags_are_known(objects: &[Value]) {
    let flags = of_kind(objects, "Deployment")[0].pointer(&format!("{CONTAINER}/args"));
    let flags: Vec<String> = serde_json::from_value(flags.unwrap().clone()).unwrap();
    let line = ["together-remediation-operator".to_owned()];
    let taken = Cli::try_parse_from(line.into_iter().chain(flags));
    assert!(taken.is_ok(), "{:?}", taken.err());
}

/// The Prometheus operator's kinds, as far as the chart needs them.
pub(crate) fn monitors() -> String {
    let definition = |kind: &str| {
        let plural = kind.to_lowercase() + "s";
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.monitoring.coreos.com")},
            "spec": {
                "group": "monitoring.coreos.com",
                "names": {"kind": kind, "plural": plural},
                "scope": "Namespaced",
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
            },
        })
        .to_string()
    };
    ["ServiceMonitor", "PodMonitor", "PrometheusRule"]
        .map(definition)
        .join("\n---\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_is_taken_by_the_api_server_under_pod_security_restricted() {
    let Some(stage) = Stage::begin(Version::V4).await else {
        return;
    };
    stage.control_plane.apply(&monitors()).await.unwrap();
    let namespace = stage.restricted("switches").await;
    stage.install(RELEASE, &namespace, &[]).await;
    has_pods(&stage, &namespace).await;
    for sets in releases() {
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        stage.install(RELEASE, &namespace, &sets).await;
        has_pods(&stage, &namespace).await;
    }
    stage.uninstall(RELEASE, &namespace).await;
}

/// Waits until the newest `ReplicaSet` has pods, which Pod Security has to admit.
async fn has_pods(stage: &Stage, namespace: &str) {
    rollout::pods_of_the_newest(stage, namespace, 1).await;
    // Nothing runs them, so nothing else ends them.
    let pods: Api<Pod> = Api::namespaced(stage.client.clone(), namespace);
    let now = DeleteParams::default().grace_period(0);
    pods.delete_collection(&now, &ListParams::default())
        .await
        .unwrap();
}
