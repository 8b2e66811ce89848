//! Server-side apply of manifests, as `kubectl apply --server-side -f` would do it.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, ResourceExt as _,
    api::{DynamicObject, ListParams, Patch, PatchParams},
    core::{GroupVersionKind, gvk::ParseGroupVersionError},
    discovery::{self, ApiResource, Scope},
};

use super::{error::Error, wait::until};

/// The field manager of what the testbed applies.
const MANAGER: &str = "testbed";
/// From a definition's apply to the first answer of its API.
const ESTABLISHED: Duration = Duration::from_secs(60);

/// Applies every document of `manifest` in order. A custom resource definition is waited for before the next one.
pub(super) async fn apply(client: &Client, manifest: &str) -> Result<(), Error> {
    // A document of comments alone reads as null.
    let documents: Vec<Option<DynamicObject>> =
        serde_saphyr::from_multiple(manifest).map_err(Error::unreadable("manifest"))?;
    for object in documents.into_iter().flatten() {
        apply_one(client, &object).await?;
    }
    Ok(())
}

async fn apply_one(client: &Client, object: &DynamicObject) -> Result<(), Error> {
    let name = object.name_any();
    let types = object.types.clone().unwrap_or_default();
    let what = format!("apply {} {name}", types.kind);
    let gvk = GroupVersionKind::try_from(&types)
        .map_err(|error: ParseGroupVersionError| Error::unreadable(&what)(error))?;
    let (resource, capabilities) = discovery::pinned_kind(client, &gvk)
        .await
        .map_err(Error::kube(what.clone()))?;
    let api: Api<DynamicObject> = if capabilities.scope == Scope::Namespaced {
        let namespace = object.namespace().unwrap_or_else(|| "default".to_owned());
        Api::namespaced_with(client.clone(), &namespace, &resource)
    } else {
        Api::all_with(client.clone(), &resource)
    };
    let applied = api
        .patch(
            &name,
            &PatchParams::apply(MANAGER).force(),
            &Patch::Apply(object),
        )
        .await
        .map_err(Error::kube(what.clone()))?;
    if types.kind == "CustomResourceDefinition" {
        let definition = applied.try_parse().map_err(Error::unreadable(&what))?;
        serves(client, &definition).await?;
    }
    Ok(())
}

/// Waits until each version of the definition answers a list: Established alone comes seconds too early.
async fn serves(client: &Client, definition: &CustomResourceDefinition) -> Result<(), Error> {
    let name = definition.name_any();
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    until(
        None,
        &format!("{name} being established"),
        ESTABLISHED,
        async || {
            let found = definitions.get(&name).await.map_err(|e| e.to_string())?;
            let conditions = found.status.and_then(|status| status.conditions);
            conditions
                .unwrap_or_default()
                .iter()
                .any(|condition| condition.type_ == "Established" && condition.status == "True")
                .then_some(())
                .ok_or_else(|| "not yet".to_owned())
        },
    )
    .await?;
    for version in definition.spec.versions.iter().filter(|v| v.served) {
        let gvk = GroupVersionKind::gvk(
            &definition.spec.group,
            &version.name,
            &definition.spec.names.kind,
        );
        let resource = ApiResource::from_gvk_with_plural(&gvk, &definition.spec.names.plural);
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        until(
            None,
            &format!("{name} {} being listed", version.name),
            ESTABLISHED,
            async || {
                api.list(&ListParams::default().limit(1))
                    .await
                    .map_err(|error| error.to_string())
            },
        )
        .await?;
    }
    Ok(())
}
