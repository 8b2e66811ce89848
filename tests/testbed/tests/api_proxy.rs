//! The proxy before a real API server: what it lets through, what it writes down, and each fault.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{future::Future, time::Duration};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client,
    api::{
        DeleteParams, ListParams, ObjectMeta, PostParams, Preconditions, WatchEvent, WatchParams,
    },
};
use testbed::{
    api_proxy::{ApiProxy, Asked, Fault, Which},
    control_plane::ControlPlane,
};
use tokio::task::JoinHandle;

const RIGHTS: &str = r"
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: maps, namespace: $NAMESPACE}
rules:
  - {apiGroups: [''], resources: [configmaps], verbs: [get, list, watch, create, update, delete]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: maps, namespace: $NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: maps}
subjects:
  - {kind: ServiceAccount, name: together-remediation-operator, namespace: together-system}
";

struct Stage {
    proxy: ApiProxy,
    /// Through the proxy.
    maps: Api<ConfigMap>,
    /// Past it.
    real: Api<ConfigMap>,
}

async fn stage(name: &str) -> Stage {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace(name).await.unwrap();
    let account = control_plane.operator_account(&namespace).await.unwrap();
    let rights = RIGHTS.replace("$NAMESPACE", &namespace);
    control_plane.apply(&rights).await.unwrap();
    let proxy = ApiProxy::start(&account).await.unwrap();
    let client = Client::try_from(proxy.account().config()).unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client, &namespace);
    soon("the rights", async {
        while maps.list(&ListParams::default()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    Stage {
        maps,
        real: Api::namespaced(control_plane.admin().unwrap(), &namespace),
        proxy,
    }
}

fn map(name: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    }
}

async fn create(maps: &Api<ConfigMap>, name: &str) -> kube::Result<ConfigMap> {
    maps.create(&PostParams::default(), &map(name)).await
}

fn code(result: kube::Result<ConfigMap>) -> Option<u16> {
    match result {
        Err(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let limited = tokio::time::timeout(Duration::from_secs(60), future).await;
    limited.unwrap_or_else(|_| panic!("{what} did not come"))
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_go_through_under_the_accounts_own_rights_and_are_written_down() {
    let stage = stage("observed").await;
    let mut made = create(&stage.maps, "a").await.unwrap();
    let uid = made.metadata.uid.clone();
    let version = made.metadata.resource_version.clone().unwrap();
    made.data = Some([("a".to_owned(), "b".to_owned())].into());
    let changed = stage.maps.replace("a", &PostParams::default(), &made).await;
    let changed = changed.unwrap().metadata.resource_version.unwrap();
    let late = stage.maps.replace("a", &PostParams::default(), &made).await;
    assert_eq!(code(late), Some(409));
    let fence = Preconditions {
        uid: uid.clone(),
        resource_version: Some(changed.clone()),
    };
    let fenced = DeleteParams::default().preconditions(fence);
    stage.maps.delete("a", &fenced).await.unwrap();
    let secrets: Api<k8s_openapi::api::core::v1::Secret> =
        Api::namespaced(stage.maps.clone().into_client(), "kube-system");
    let refused = secrets.list(&ListParams::default()).await;
    assert!(matches!(refused, Err(kube::Error::Api(status)) if status.code == 403));

    let writes = stage.proxy.writes();
    let seen: Vec<_> = writes
        .iter()
        .map(|write| {
            let asked = &write.asked;
            assert!(asked.writes_to("configmaps") && asked.name() == Some("a"));
            assert_eq!(
                asked.uid(),
                uid.as_deref().filter(|_| asked.method != "POST")
            );
            let answer = write.answer.as_ref().unwrap();
            assert!(
                write.arrived <= write.forwarded.unwrap() && write.forwarded.unwrap() <= answer.at
            );
            let text = |version: Option<u64>| version.map(|version| version.to_string());
            (
                asked.method.to_string(),
                text(asked.resource_version()),
                answer.status.as_u16(),
                text(answer.resource_version),
            )
        })
        .collect();
    let (version, changed) = (Some(version), Some(changed));
    assert_eq!(
        seen,
        [
            ("POST".to_owned(), None, 201, version.clone()),
            ("PUT".to_owned(), version.clone(), 200, changed.clone()),
            ("PUT".to_owned(), version, 409, None),
            ("DELETE".to_owned(), changed, 200, None),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_strikes_the_writes_that_it_was_given_for() {
    let stage = stage("faults").await;
    let (maps, real) = (&stage.maps, &stage.real);
    let on = |fault, name: &'static str| {
        let fits = move |asked: &Asked| asked.is_write() && asked.name() == Some(name);
        stage.proxy.fault(fault, Which::Nth(1), fits)
    };
    let refusal = Fault::Answer {
        status: 429,
        retry_after: Some(1),
    };
    let refused = on(refusal, "refused");
    assert_eq!(code(create(maps, "refused").await), Some(429));
    assert_eq!(refused.struck(), 1);
    assert!(real.get_opt("refused").await.unwrap().is_none());
    create(maps, "refused").await.unwrap();

    on(Fault::Break, "broken");
    assert!(create(maps, "broken").await.is_err());
    assert!(real.get_opt("broken").await.unwrap().is_none());

    on(Fault::LoseAnswer, "lost");
    assert!(create(maps, "lost").await.is_err());
    assert!(real.get_opt("lost").await.unwrap().is_some());

    on(Fault::Delay(Duration::from_millis(300)), "late");
    create(maps, "late").await.unwrap();

    let hung = on(Fault::Hang, "hung");
    let call = call(maps, "hung");
    soon("the hang", hung.has_struck(1)).await;
    hung.end();
    create(maps, "other").await.unwrap();
    assert!(!call.is_finished());
    call.abort();
    assert!(real.get_opt("hung").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_write_goes_its_way_though_its_caller_is_gone() {
    let stage = stage("held").await;
    let hold = stage.proxy.fault(Fault::Hold, Which::All, Asked::is_write);
    let callers = [call(&stage.maps, "a"), call(&stage.maps, "b")];
    soon("both are held", hold.has_struck(2)).await;
    for caller in callers {
        caller.abort();
    }
    stage.proxy.cut();
    create(&stage.real, "a").await.unwrap();
    assert!(
        stage
            .proxy
            .writes()
            .iter()
            .all(|write| write.forwarded.is_none())
    );
    hold.end();
    soon("both are answered", async {
        while !stage
            .proxy
            .writes()
            .iter()
            .all(|write| write.answer.is_some())
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    for write in stage.proxy.writes() {
        let expected = if write.asked.name() == Some("a") {
            409
        } else {
            201
        };
        assert_eq!(write.answer.unwrap().status.as_u16(), expected);
    }
    assert!(stage.real.get_opt("b").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_breaks_everything_and_a_cut_of_watches_them_alone() {
    let stage = stage("cut").await;
    let watch = async || {
        let mut events = stage
            .maps
            .watch(&WatchParams::default(), "0")
            .await
            .unwrap()
            .boxed();
        assert!(events.next().await.unwrap().is_ok());
        events
    };
    create(&stage.maps, "a").await.unwrap();
    let mut events = watch().await;
    create(&stage.maps, "b").await.unwrap();
    soon("the event", async {
        while let Some(Ok(event)) = events.next().await {
            match event {
                WatchEvent::Added(map) if map.metadata.name.as_deref() == Some("b") => return,
                _ => {}
            }
        }
        panic!("the watch ended");
    })
    .await;

    let slow = stage.proxy.fault(Fault::Hold, Which::All, Asked::is_write);
    let call = call(&stage.maps, "c");
    soon("it is held", slow.has_struck(1)).await;
    assert_eq!(stage.proxy.cut_watches(), 1);
    soon("the watch breaks", ended(events)).await;
    slow.end();
    call.await.unwrap().unwrap();

    let events = watch().await;
    stage.proxy.cut();
    soon("the watch breaks", ended(events)).await;
    assert!(stage.maps.get_opt("a").await.is_err());
    stage.proxy.restore();
    assert!(stage.maps.get_opt("a").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_breaks_off_or_falls_silent() {
    let stage = stage("short").await;
    create(&stage.maps, "a").await.unwrap();
    let cut = stage
        .proxy
        .fault(Fault::CutBody(20), Which::All, |asked| !asked.is_write());
    assert!(stage.maps.get("a").await.is_err());
    cut.end();
    let mute = stage
        .proxy
        .fault(Fault::MuteBody(20), Which::All, |asked| !asked.is_write());
    let maps = stage.maps.clone();
    let call = tokio::spawn(async move { maps.get("a").await });
    soon("it is struck", mute.has_struck(1)).await;
    mute.end();
    // What comes later is answered, and the other one is still silent.
    stage.maps.get("a").await.unwrap();
    assert!(!call.is_finished());
    stage.proxy.cut();
    soon("the call breaks", call).await.unwrap().unwrap_err();
}

/// Waits until a watch has ended or broken.
async fn ended<T>(mut events: impl futures::Stream<Item = kube::Result<T>> + Unpin) {
    while let Some(Ok(_)) = events.next().await {}
}

/// Creates one in the background.
fn call(maps: &Api<ConfigMap>, name: &'static str) -> JoinHandle<kube::Result<ConfigMap>> {
    let maps = maps.clone();
    tokio::spawn(async move { create(&maps, name).await })
}
