//! How the server takes and offers the definitions.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, ResourceExt as _,
    client::Body,
    core::{Request, params::PostParams},
};
use serde_json::{Value, json};
use together_remediation_operator::api::{self, GROUP, VERSION};

use super::objects::{Objects, watch};
use crate::{
    fixture::until,
    run::{kubectl, output_of},
    setup,
    steps::dry_run,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_files_arrive_as_the_program_means_them() {
    let client = setup::control_plane().await.admin().unwrap();
    let served: Api<CustomResourceDefinition> = Api::all(client);
    for meant in api::crds() {
        let found = served.get(&meant.name_any()).await.unwrap();
        assert_eq!(found.spec.versions, meant.spec.versions);
    }
}

/// The warnings of the server at this definition's creation, under another group so that it is new.
async fn warnings(
    client: &Client,
    crd: &CustomResourceDefinition,
    edit: impl Fn(&mut Value),
) -> Vec<String> {
    let group = format!("warnings.{GROUP}");
    let mut crd = serde_json::to_value(crd).unwrap();
    crd["metadata"]["name"] = json!(format!(
        "{}.{group}",
        crd["spec"]["names"]["plural"].as_str().unwrap()
    ));
    crd["spec"]["group"] = json!(group);
    edit(&mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]);
    let request = Request::new("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        .create(&dry_run(), serde_json::to_vec(&crd).unwrap())
        .unwrap();
    let response = client.send(request.map(Body::from)).await.unwrap();
    assert_eq!(response.status(), 201);
    let warnings = response.headers().get_all("warning").iter();
    warnings
        .map(|warning| warning.to_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_has_nothing_to_warn_about() {
    let control_plane = setup::control_plane().await;
    let client = control_plane.admin().unwrap();
    for crd in api::crds() {
        assert_eq!(warnings(&client, &crd, |_| {}).await, Vec::<String>::new());
    }
    let with_format = |fields: &mut Value| {
        fields["spec"]["properties"]["clusterId"]["format"] = json!("uint32");
    };
    let warned = warnings(&client, &api::crds()[0], with_format).await;
    assert!(
        warned.iter().any(|warning| warning.contains("uint32"))
            // It warns of no format.
            || control_plane.version().starts_with("v1.32."),
        "the server warns no more: {warned:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn both_kinds_are_found_by_their_short_names_and_category() {
    let client = setup::control_plane().await.admin().unwrap();
    let offered = client
        .list_api_group_resources(&format!("{GROUP}/{VERSION}"))
        .await
        .unwrap();
    let mut kinds: Vec<_> = offered
        .resources
        .into_iter()
        .filter(|resource| !resource.name.contains('/'))
        .map(|resource| {
            (
                resource.name,
                resource.short_names,
                resource.categories,
                resource.namespaced,
            )
        })
        .collect();
    kinds.sort();
    let kind = |plural: &str, short: &str| {
        (
            plural.to_owned(),
            Some(vec![short.to_owned()]),
            Some(vec!["together".to_owned()]),
            true,
        )
    };
    assert_eq!(
        kinds,
        [
            kind("clusterwatches", "cwatch"),
            kind("remediations", "rem")
        ]
    );
}

async fn create_with(objects: &Objects, field_validation: &str) -> kube::Result<Value> {
    let object = serde_json::to_vec(&watch(&json!({ "intervall": "60s" }))).unwrap();
    let path = format!(
        "/apis/{GROUP}/{VERSION}/namespaces/{}/clusterwatches",
        objects.namespace
    );
    let mut request = Request::new(path)
        .create(&PostParams::default(), object)
        .unwrap();
    let uri = format!("{}&fieldValidation={field_validation}", request.uri());
    *request.uri_mut() = uri.parse().unwrap();
    objects.client.request(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_field_is_reported_by_name_or_dropped() {
    let objects = Objects::new().await;
    let Err(kube::Error::Api(refused)) = create_with(&objects, "Strict").await else {
        panic!("not refused");
    };
    assert!(
        refused
            .message
            .contains(r#"unknown field "spec.intervall""#),
        "{refused:?}"
    );
    let created = create_with(&objects, "Ignore").await.unwrap();
    assert_eq!(created["spec"].get("intervall"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_explains_that_a_remediation_is_a_read_only_mirror() {
    let control_plane = setup::control_plane().await;
    if kubectl(control_plane).is_none() {
        return;
    }
    // The API server serves the OpenAPI schema of a CRD a while after it accepted the CRD.
    let explain = async |what: &str| {
        let text = until("kubectl explain", async || {
            output_of(kubectl(control_plane).unwrap().args(["explain", what])).await
        });
        let text = text.await;
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let remediation = explain("remediation").await;
    assert!(remediation.contains("DESCRIPTION: Read-only mirror of one remediation"));
    let interval = explain("clusterwatch.spec.interval").await;
    assert!(interval.contains("at least 5s"), "{interval}");
    assert!(interval.ends_with("--default-interval."), "{interval}");
}
