//! Each way to a control plane, up to an object created, watched and garbage-collected; and that nothing stays behind.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod left_over;
mod support;

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use futures::{TryStreamExt as _, pin_mut};
use k8s_openapi::{
    api::core::v1::{ConfigMap, Namespace, Pod, Secret},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{
    Api, Client, Resource as _,
    api::{
        DeleteParams, DynamicObject, ListParams, ObjectMeta, PostParams, WatchEvent, WatchParams,
    },
    core::GroupVersionKind,
    discovery::ApiResource,
};
use rustix::process::Signal;
use testbed::{
    control_plane::{ControlPlane, Error, Way},
    tools::{Tool, not_run},
};

use crate::support::{Holder, container_of, containers, naming, soon};

/// The folder of the programs that Go built earlier; where there is none, the test is noted as not run.
fn built() -> Option<PathBuf> {
    let program = Tool::KubeApiserver.find_or_note()?;
    program.parent().map(Path::to_owned)
}

fn config_map(name: &str, owner: Option<OwnerReference>) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            owner_references: owner.map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    }
}

/// An object is created, watched, and goes with its owner: server, watch and garbage collector work.
async fn works(control_plane: &ControlPlane) {
    let namespace = control_plane.namespace("works").await.unwrap();
    let client = control_plane.admin().unwrap();
    let api: Api<ConfigMap> = Api::namespaced(client, &namespace);
    let create = PostParams::default();
    let owner = api.create(&create, &config_map("owner", None)).await;
    let owner = owner.unwrap().owner_ref(&()).unwrap();
    let params = WatchParams::default().fields("metadata.name=dependent");
    let events = api.watch(&params, "0").await.unwrap();
    pin_mut!(events);
    let dependent = config_map("dependent", Some(owner));
    api.create(&create, &dependent).await.unwrap();
    soon("the object in the watch", async {
        while !matches!(next(&mut events).await, WatchEvent::Added(_)) {}
    })
    .await;
    let delete = DeleteParams::default();
    api.delete("owner", &delete).await.unwrap();
    soon("the garbage collection", async {
        while !matches!(next(&mut events).await, WatchEvent::Deleted(_)) {}
    })
    .await;
}

async fn next<S>(events: &mut S) -> WatchEvent<ConfigMap>
where
    S: futures::TryStream<Ok = WatchEvent<ConfigMap>, Error = kube::Error> + Unpin,
{
    events.try_next().await.unwrap().expect("an open watch")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_go_built_once_serves_the_next_ones_from_the_cache() {
    let Some(programs) = built() else { return };
    for way in [Way::GoBuild, Way::Cache] {
        let control_plane = ControlPlane::start_with(way).await.unwrap();
        assert_eq!(control_plane.version(), "v1.37.2");
        assert!(control_plane.kubectl().unwrap().starts_with(&programs));
        works(&control_plane).await;
        control_plane.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_are_named_work_and_nothing_of_them_stays() {
    let named = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let Some(programs) = named.or_else(built) else {
        return;
    };
    let control_plane = ControlPlane::start_with(Way::Programs(programs)).await;
    let control_plane = control_plane.unwrap();
    works(&control_plane).await;
    let dir = control_plane.dir().to_owned();
    control_plane.stop().await;
    assert!(!dir.exists() && naming(&dir).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_node_works_and_its_container_goes_away() {
    let node = match ControlPlane::start_with(Way::Kind).await {
        Ok(node) => node,
        Err(Error::Absent(why)) => return not_run::note("a kind node", &why),
        Err(error) => panic!("{error}"),
    };
    works(&node).await;
    let who = kubectl(&node, node.kubeconfig(), &["auth", "whoami"]);
    assert!(who.contains("kubernetes-admin"), "{who}");
    let name = container_of(node.dir());
    assert_eq!(containers(&name).await, 1);
    node.stop().await;
    assert_eq!(containers(&name).await, 0);

    let mut holder = Holder::start(&["kind"]);
    let name = container_of(&holder.dir);
    assert_eq!(containers(&name).await, 1);
    holder.end(Signal::KILL);
    soon("the end of the container", async {
        while containers(&name).await > 0 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rbac_is_on_for_the_operators_account() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("rbac").await.unwrap();
    let account = control_plane.operator_account(&namespace).await.unwrap();
    let client = Client::try_from(account.config()).unwrap();

    let list = ListParams::default();
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    assert!(is_forbidden(pods.list(&list).await));
    let secrets: Api<Secret> = Api::namespaced(client, &namespace);
    assert!(is_forbidden(secrets.list(&list).await));
    let secret = secrets.get_opt("none").await.unwrap();
    assert!(secret.is_none(), "a secret may be read by name");

    let who = kubectl(control_plane, account.kubeconfig(), &["auth", "whoami"]);
    let name = "system:serviceaccount:together-system:together-remediation-operator";
    assert!(who.contains(name), "{who}");
    let can = ["auth", "can-i", "--list"];
    let rights = kubectl(control_plane, account.kubeconfig(), &can);
    for (resource, verbs) in [
        ("clusterwatches.compute.together.ai", "[get list watch]"),
        ("clusterwatches.compute.together.ai/status", "[update]"),
        (
            "remediations.compute.together.ai",
            "[get list watch create patch delete]",
        ),
        ("remediations.compute.together.ai/status", "[update]"),
        ("secrets", "[get]"),
    ] {
        let mut rows = rights.lines().map(str::trim_end);
        let row = rows.find(|row| row.split(' ').next() == Some(resource));
        assert!(
            row.is_some_and(|row| row.ends_with(verbs)),
            "{resource}:\n{rights}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_serves_the_next_document_and_writes_are_counted() {
    let control_plane = ControlPlane::shared().await;
    let things = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.testbed.test}
spec:
  group: testbed.test
  scope: Namespaced
  names: {kind: Thing, plural: things, singular: thing}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
---
# no document, only this comment
---
apiVersion: testbed.test/v1
kind: Thing
metadata: {name: first}
";
    control_plane.apply(things).await.unwrap();
    control_plane.apply(things).await.expect("again is no harm");

    let gvk = GroupVersionKind::gvk("testbed.test", "v1", "Thing");
    let resource = ApiResource::from_gvk(&gvk);
    let client = control_plane.admin().unwrap();
    let api: Api<DynamicObject> = Api::default_namespaced_with(client, &resource);
    let before = control_plane.requests().await.unwrap();
    for name in ["a", "b", "c", "c"] {
        let thing = DynamicObject::new(name, &resource);
        let created = api.create(&PostParams::default(), &thing).await;
        created.map_or_else(|refused| assert!(is_conflict(&refused)), drop);
    }
    let since = control_plane.requests().await.unwrap().since(&before);
    let posted = |code| {
        since.count(|kind| {
            kind.verb == "POST"
                && kind.group == "testbed.test"
                && kind.resource == "things"
                && kind.subresource.is_empty()
                && kind.code == code
        })
    };
    assert_eq!((posted(201), posted(409)), (3, 1));

    let unknown = "apiVersion: testbed.test/v9\nkind: Thing\nmetadata: {name: x}";
    let refused = control_plane.apply(unknown).await.unwrap_err().to_string();
    assert!(refused.starts_with("apply Thing x: "), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_are_two() {
    let (one, two) = tokio::join!(ControlPlane::start(), ControlPlane::start());
    let (one, two) = (one.unwrap(), two.unwrap());
    let namespace = one.namespace("one").await.unwrap();
    let namespaces: Api<Namespace> = Api::all(two.admin().unwrap());
    assert!(namespaces.get_opt(&namespace).await.unwrap().is_none());
    let gone = one.dir().to_owned();
    one.stop().await;
    assert!(!gone.exists() && naming(&gone).is_empty());
    works(&two).await;
    two.stop().await;
}

/// The output of the program if it gets no control plane, with these variables and no other that names a way.
fn refused(variables: &[(&str, &str)]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_control-plane"))
        .env_remove("TESTBED_KUBECONFIG")
        .env_remove("TESTBED_KUBERNETES")
        .env_remove("TESTBED_WAY")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_way_that_fails_falls_through_and_reports_why() {
    let nothing = tempfile::tempdir().unwrap();
    let path = nothing.path().to_str().unwrap();
    let engine = format!("unix://{path}/none.sock");
    let output = refused(&[
        ("KUBEBUILDER_ASSETS", path),
        ("XDG_CACHE_HOME", path),
        ("DOCKER_HOST", &engine),
        ("PATH", path),
    ]);
    let lacks = "lacks etcd, kube-apiserver, kube-controller-manager, kubectl";
    let line = format!("control plane: not programs in {path}: {path} {lacks}\n");
    assert!(output.contains(&line), "{output}");
    let message = output.split_once("no control plane can be had on this machine:\n");
    let message = message.unwrap().1;
    let ways = [
        "programs in ",
        "programs built earlier: ",
        "a kind node in a container: no container engine answers: ",
        "a build with Go: there is no Go toolchain: ",
    ];
    assert_eq!(message.lines().count(), ways.len(), "{message}");
    for (line, way) in message.lines().zip(ways) {
        assert!(line.starts_with(&format!("- {way}")), "{line}");
    }
}

#[test]
fn a_forced_way_that_fails_does_not_fall_through() {
    let nothing = tempfile::tempdir().unwrap();
    let path = nothing.path().to_str().unwrap();
    let engine = format!("unix://{path}/none.sock");
    let output = refused(&[("TESTBED_WAY", "kind"), ("DOCKER_HOST", &engine)]);
    let why = "control-plane: TESTBED_WAY=kind is not possible here: no container engine answers: ";
    assert!(output.contains(why), "{output}");
    assert!(!output.contains("programs"), "{output}");
}

#[test]
fn a_cluster_named_by_its_kubeconfig_is_the_only_way_then() {
    let output = refused(&[("TESTBED_KUBECONFIG", "/none/kubeconfig")]);
    assert!(
        output.contains("- the cluster of /none/kubeconfig: "),
        "{output}"
    );
    assert!(!output.contains("programs"), "{output}");
}

fn is_forbidden<T>(answer: kube::Result<T>) -> bool {
    matches!(answer, Err(kube::Error::Api(status)) if status.is_forbidden())
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_already_exists())
}

fn kubectl(control_plane: &ControlPlane, kubeconfig: &Path, arguments: &[&str]) -> String {
    let output = Command::new(control_plane.kubectl().unwrap())
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
