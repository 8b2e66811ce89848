//! The triggers and templates of docs/argo-cd/notifications.yaml, by the real Argo CD, on an Application that says what the
//! watches of docs/argo-cd say.

use serde_json::{Value, json};

use super::{
    SETTINGS,
    argo::{ArgoCd, FOLDER},
};
use crate::{conditions::assert_contains, setup};

/// What Argo CD stores of an application with these watches, when it stores the health of resources.
async fn application(argo: &ArgoCd, watches: &[&str]) -> Value {
    let mut resources = vec![json!({"kind": "Namespace", "name": "gpu-ops", "version": "v1"})];
    for name in watches {
        let at = format!("{FOLDER}/ClusterWatch/testdata/{name}.yaml");
        let watch = setup::yaml(&at);
        let health = argo.health(&watch, SETTINGS).await;
        resources.push(json!({
            "group": "compute.together.ai", "kind": "ClusterWatch", "version": "v1alpha1",
            "namespace": "gpu-ops", "name": name,
            "health": {"status": health.status, "message": health.message},
        }));
    }
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "gpu-watches", "namespace": "argocd"},
        "status": {"resources": resources},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_of_a_remediation_and_the_return_of_all_nodes_are_notified() {
    let Some(argo) = ArgoCd::new() else {
        return;
    };
    // It is asked nothing, but has to be there.
    let kubeconfig = setup::control_plane().await.kubeconfig();
    for (watches, starts, back) in [
        (&["synced"][..], false, true),
        (&["remediation-open"], true, false),
        (&["synced", "attention"], true, false),
        (&["unauthorized", "synced"], false, false),
        (&["created"], false, false),
        (&["silent"], false, false),
        (&[], false, false),
    ] {
        let application = application(&argo, watches).await;
        for (trigger, expected) in [("gpu-remediation-starts", starts), ("gpu-all-back", back)] {
            let asked = ["trigger", "run", trigger];
            let output = argo.notify(&asked, &application, kubeconfig).await;
            let triggered = output.lines().last().unwrap().trim_end();
            let triggered = triggered.rsplit(' ').next().unwrap();
            assert_eq!(
                triggered,
                expected.to_string(),
                "{trigger} {watches:?}: {output}"
            );
        }
    }
    let application = application(&argo, &["synced", "attention"]).await;
    let asked = ["template", "notify", "gpu-remediation-starts"];
    let output = argo.notify(&asked, &application, kubeconfig).await;
    for part in [
        "gpu-watches:",
        "gpu-ops/attention: AttentionRequired (open: ",
        "tg clusters remediations approve",
    ] {
        assert!(output.contains(part), "{part}: {output}");
    }
    let asked = ["template", "notify", "gpu-all-back"];
    let output = argo.notify(&asked, &application, kubeconfig).await;
    assert_contains(&output, &["All GPU nodes in gpu-watches are back"]);
}
