//! `--set a=2` is a number and `--set a=true` a boolean. Where Kubernetes wants a string, the chart makes one of them, and
//! leaves alone what has to be a number or a boolean.

use serde_json::{Value, json};

use super::{
    helm::{Helm, documents, of_kind},
    stage::Stage,
};

const POD: &str = "/spec/template/spec";
const TERM: &str = "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]";

/// What is set, and what the Deployment's pod then holds at this place, or the `NetworkPolicy` if it begins with a slash.
#[rustfmt::skip]
fn all() -> Vec<(Vec<String>, &'static str, Value)> {
    let sets = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let term = |texts: &[&str]| texts.iter().map(|text| format!("{TERM}.{text}")).collect::<Vec<_>>();
    vec![
        (sets(&["dnsConfig.options[0].name=ndots", "dnsConfig.options[0].value=2"]), "dnsConfig/options/0/value", json!("2")),
        (sets(&["dnsConfig.nameservers={10.0.0.10}"]), "dnsConfig/nameservers/0", json!("10.0.0.10")),
        (sets(&["extraEnv[0].name=PORT", "extraEnv[0].value=8080"]), "containers/0/env/1/value", json!("8080")),
        (sets(&["extraEnv[0].name=BIG", "extraEnv[0].value=1000000"]), "containers/0/env/1/value", json!("1000000")),
        (sets(&["extraEnv[0].name=ON", "extraEnv[0].value=true"]), "containers/0/env/1/value", json!("true")),
        (sets(&["extraEnv[0].name=KEY", "extraEnv[0].valueFrom.secretKeyRef.name=1", "extraEnv[0].valueFrom.secretKeyRef.key=2",
            "extraEnv[0].valueFrom.secretKeyRef.optional=true"]),
            "containers/0/env/1/valueFrom/secretKeyRef", json!({"name": "1", "key": "2", "optional": true})),
        (sets(&["tolerations[0].key=a", "tolerations[0].value=1", "tolerations[0].effect=NoExecute", "tolerations[0].tolerationSeconds=60"]),
            "tolerations/0", json!({"key": "a", "value": "1", "effect": "NoExecute", "tolerationSeconds": 60})),
        (sets(&["tolerations[0].key=a", "tolerations[0].value=false"]), "tolerations/0/value", json!("false")),
        (term(&["weight=1", "preference.matchExpressions[0].key=a", "preference.matchExpressions[0].operator=In", "preference.matchExpressions[0].values={1,true,b}"]),
            "affinity/nodeAffinity/preferredDuringSchedulingIgnoredDuringExecution/0",
            json!({"weight": 1, "preference": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "true", "b"]}]}})),
        (sets(&["topologySpreadConstraints[0].maxSkew=2", "topologySpreadConstraints[0].topologyKey=zone", "topologySpreadConstraints[0].minDomains=3",
            "topologySpreadConstraints[0].whenUnsatisfiable=DoNotSchedule", "topologySpreadConstraints[0].labelSelector.matchLabels.a=1"]),
            "topologySpreadConstraints/0", json!({"maxSkew": 2, "minDomains": 3, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"a": "1"}}})),
        (sets(&["podSecurityContext.seLinuxOptions.level=1", "podSecurityContext.fsGroup=2", "podSecurityContext.runAsNonRoot=true"]), "securityContext",
            json!({"seLinuxOptions": {"level": "1"}, "fsGroup": 2, "runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}})),
        (sets(&["podSecurityContext.sysctls[0].name=net.ipv4.tcp_syncookies", "podSecurityContext.sysctls[0].value=1"]), "securityContext/sysctls/0/value", json!("1")),
        (sets(&["podSecurityContext.supplementalGroups={1000}"]), "securityContext/supplementalGroups/0", json!(1000)),
        (sets(&["securityContext.seLinuxOptions.level=1", "securityContext.runAsUser=1000730000"]), "containers/0/securityContext/runAsUser", json!(1_000_730_000)),
        (sets(&["securityContext.seLinuxOptions.level=1"]), "containers/0/securityContext/seLinuxOptions/level", json!("1")),
        (sets(&["resources.limits.cpu=2"]), "containers/0/resources/limits/cpu", json!(2)),
        (sets(&["strategy.type=RollingUpdate", "strategy.rollingUpdate.maxSurge=1"]), "/spec/strategy/rollingUpdate/maxSurge", json!(1)),
        (sets(&["networkPolicy.enabled=true", "networkPolicy.metricsFrom[0].podSelector.matchLabels.a=1"]),
            "/spec/ingress/0/from/0/podSelector/matchLabels/a", json!("1")),
    ]
}

fn arguments(sets: &[String]) -> Vec<&str> {
    sets.iter().flat_map(|set| ["--set", &**set]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_string_given_as_a_number_or_a_boolean_is_a_string_with_both_helms() {
    for (version, helm) in Helm::both() {
        for (sets, place, expected) in all() {
            let objects = helm.objects(&arguments(&sets)).await;
            let place = if place.starts_with('/') {
                place.to_owned()
            } else {
                format!("{POD}/{place}")
            };
            let found: Vec<_> = objects
                .iter()
                .filter_map(|object| object.pointer(&place))
                .collect();
            assert!(
                found.contains(&&expected),
                "{version:?} {sets:?}: {found:?}"
            );
        }
    }
}

/// The pod of `helm test` has the same settings.
#[tokio::test(flavor = "multi_thread")]
async fn the_pod_of_the_test_holds_the_same_strings() {
    for (version, helm) in Helm::both() {
        for key in ["tolerations", "securityContext"] {
            let sets = [
                "--set=tolerations[0].key=a,tolerations[0].value=1,podSecurityContext.sysctls[0].name=a",
                "--set=podSecurityContext.sysctls[0].value=1",
            ];
            let objects = helm.objects(&sets).await;
            let replica = &of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"];
            let test = &of_kind(&objects, "Pod")[0]["spec"];
            assert!(test[key].is_object() || test[key].is_array());
            assert_eq!(test[key], replica[key], "{version:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_takes_each() {
    let Some(stage) = Stage::shared().await else {
        return;
    };
    stage.restrict("together-system").await;
    for (sets, _, _) in all() {
        let manifest = stage.helm.template(&arguments(&sets)).await.unwrap();
        let taken = stage.dry_run(&manifest).await;
        let taken = taken.unwrap_or_else(|error| panic!("{sets:?}: {error}"));
        assert!(taken.lines().count() > 8, "{sets:?}: {taken}");
    }
}

/// In maps of strings alone, such as labels, the schema refuses a number and names the path.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_in_a_map_of_strings_is_refused_by_name() {
    for (version, helm) in Helm::both() {
        for path in [
            "commonLabels",
            "podLabels",
            "podAnnotations",
            "nodeSelector",
            "mirrorLabels",
            "mirrorAnnotations",
            "service.annotations",
            "serviceAccount.annotations",
            "serviceMonitor.labels",
            "podMonitor.labels",
            "prometheusRule.labels",
            "dashboard.labels",
            "dashboard.annotations",
        ] {
            let error = helm.template(&["--set", &format!("{path}.gpu=1")]).await;
            let error = error.unwrap_err();
            let place = format!("/{}/gpu", path.replace('.', "/"));
            assert!(
                error.contains(&place) && error.contains("string"),
                "{version:?} {path}: {error}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_a_string_already_stays_as_it_is() {
    let odd = "<a & b> \"c\" \\ \u{1f600} 1e3\nnull";
    for (version, helm) in Helm::both() {
        let set = json!([{"name": "A", "value": odd}]);
        let rendered = helm
            .template(&[&format!("--set-json=extraEnv={set}")])
            .await;
        let objects = documents(&rendered.unwrap());
        let found =
            of_kind(&objects, "Deployment")[0].pointer(&format!("{POD}/containers/0/env/1"));
        assert_eq!(found, Some(&set[0]), "{version:?}");
    }
}
