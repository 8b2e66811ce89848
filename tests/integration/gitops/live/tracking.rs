//! Argo CD that tracks objects by label: it overwrites `app.kubernetes.io/instance`.

use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
};
use serde_json::json;

use super::{Live, NEVER};
use crate::chart::{selectors::found_by, switches::monitors};

/// Not the name of the release.
const APPLICATION: &str = "platform";
const NAMESPACE: &str = "together-system";
const NAME: &str = "demo-together-remediation-operator";

#[tokio::test(flavor = "multi_thread")]
async fn the_service_monitor_still_finds_the_service() {
    let Some(mut live) = Live::new().await else {
        return;
    };
    let client = live.fixture.client.clone();
    live.fixture.control_plane.apply(&monitors()).await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "argocd");
    let by_label = json!({"data": {"application.resourceTrackingMethod": "label"}});
    let (how, by_label) = (PatchParams::default(), Patch::Merge(by_label));
    maps.patch("argocd-cm", &how, &by_label).await.unwrap();
    live.servers.control(NEVER).await;

    let values = json!({"serviceMonitor": {"enabled": true}});
    let mut application = live.repository.application(&values);
    application["metadata"]["name"] = APPLICATION.into();
    application["spec"]["source"]["helm"]["releaseName"] = "demo".into();
    let application = application.to_string();
    live.fixture
        .control_plane
        .apply(&application)
        .await
        .unwrap();
    live.until(APPLICATION, "is synced", |status| {
        status["sync"]["status"] == "Synced" && status["operationState"]["phase"] == "Succeeded"
    })
    .await;

    let services: Api<Service> = Api::namespaced(client.clone(), NAMESPACE);
    let service = services.get(NAME).await.unwrap();
    let instance = &service.labels()["app.kubernetes.io/instance"];
    assert_eq!(instance, APPLICATION, "Argo CD wrote it");
    let kind = GroupVersionKind::gvk("monitoring.coreos.com", "v1", "ServiceMonitor");
    let kind = ApiResource::from_gvk(&kind);
    let monitors: Api<DynamicObject> = Api::namespaced_with(client, NAMESPACE, &kind);
    let monitor = monitors.get(NAME).await.unwrap();
    assert_eq!(found_by(&monitor.data, &services).await, [NAME]);
}
