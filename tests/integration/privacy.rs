//! No secret and no person where they do not belong: the program as a process of its own with everything logged, markers
//! planted wherever a secret or a person may stand, and all that it prints and writes searched for them.

pub(crate) mod markers;
mod panics;

use std::{path::Path, process::Stdio};

use k8s_openapi::api::{coordination::v1::Lease, core::v1::Event as CoreEvent, events::v1::Event};
use kube::{Api, ResourceExt, api::ListParams};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use testbed::simulator::{
    AlertAnnotation, Fault, LinkedAlert, Remediation as Truth, SlurmAnnotation, Times,
    XidAnnotation, XidEvent,
};
use together_remediation_operator::api::cluster_watch::Query;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    task::JoinHandle,
};

use self::markers::Markers;
use crate::{
    fixture::{CLUSTER, Fixture, until},
    program::PROGRAM,
    steps::holds,
    truth::assert_mirrors,
};

/// A cluster whose watch asks in an order that the API refuses.
const DISORDERLY: &str = "disorderly";

pub(crate) struct Process {
    child: Child,
    admin: String,
    output: [JoinHandle<String>; 2],
}

/// The ways to both APIs.
pub(crate) struct Network<'a> {
    pub(crate) kubeconfig: &'a Path,
    pub(crate) api_url: &'a str,
    pub(crate) environment: &'a [(&'a str, &'a str)],
}

impl Process {
    async fn start(fixture: &Fixture, format: &str) -> Self {
        let account = fixture.account().await;
        let network = Network {
            kubeconfig: account.kubeconfig(),
            api_url: &fixture.simulator.url(),
            environment: &[],
        };
        Self::start_in(fixture, format, &network).await
    }

    /// The same, with other ways to both APIs.
    pub(crate) async fn start_in(fixture: &Fixture, format: &str, network: &Network<'_>) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["run", "--allow-http", "--api-url", network.api_url])
            .args(["--namespace", &fixture.namespace])
            .args(["--lease-name", &fixture.namespace])
            .args(["--admin-addr", "127.0.0.1:0", "--min-interval", "1s"])
            .args(["--default-interval", "1s"])
            .args(["--log-format", format])
            .envs(network.environment.iter().copied())
            .env("KUBECONFIG", network.kubeconfig)
            .env("POD_NAMESPACE", "together-system")
            .env("RUST_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut begun = String::new();
        let admin = loop {
            let line = stderr.next_line().await.unwrap().expect(&begun);
            begun.extend([&*line, "\n"]);
            let address = line.split_once("Some(127.0.0.1:");
            if let Some((_, rest)) = address.filter(|_| line.contains("started")) {
                break format!("127.0.0.1:{}", rest.split_once(')').unwrap().0);
            }
        };
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let errors = async move {
            while let Some(line) = stderr.next_line().await.unwrap() {
                begun.extend([&*line, "\n"]);
            }
            begun
        };
        let logs = async move {
            let mut logs = String::new();
            while let Some(line) = stdout.next_line().await.unwrap() {
                logs.extend([&*line, "\n"]);
            }
            logs
        };
        Self {
            child,
            admin,
            output: [tokio::spawn(errors), tokio::spawn(logs)],
        }
    }

    pub(crate) async fn probe(&self, path: &str) -> String {
        let answer = reqwest::get(format!("http://{}{path}", self.admin)).await;
        answer.unwrap().text().await.unwrap()
    }

    /// Stops it, and returns all that it printed.
    pub(crate) async fn end(mut self) -> String {
        let pid = Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        assert_eq!(self.child.wait().await.unwrap().code(), Some(0));
        let [errors, logs] = self.output;
        errors.await.unwrap() + &logs.await.unwrap()
    }
}

/// One whose every free text is planted.
pub(crate) fn talkative(markers: &Markers, number: u32, state: &str) -> Truth {
    let planted = |what| Some(markers.of(what));
    Truth {
        state: state.to_owned(),
        requested_by: planted("requester"),
        reviewed_by: planted("reviewer"),
        review_comment: planted("comment"),
        reason: planted("reason"),
        error_message: planted("error"),
        linked_alerts: vec![LinkedAlert {
            passive_health_check_alert_id: markers.of("alert"),
            alert_name: markers.of("alert"),
            cluster_id: CLUSTER.to_owned(),
            severity: "PHC_SEVERITY_CRITICAL".to_owned(),
            started_at: "2026-11-23T09:55:00Z".to_owned(),
            resolved_at: None,
            target_vm: markers.of("alert"),
            annotation: AlertAnnotation {
                title: markers.of("alert"),
                description: markers.of("alert"),
                summary_line: markers.of("alert"),
                xid: Some(XidAnnotation {
                    events: vec![XidEvent {
                        xid_code: 79,
                        mnemonic: markers.of("alert"),
                        count: 1,
                    }],
                }),
                slurm_node_unavailable: Some(SlurmAnnotation {
                    reason: markers.of("alert"),
                }),
            },
        }],
        ..Truth::numbered(CLUSTER, number)
    }
}

/// Answers of the API that contain confidential text, including the key.
pub(crate) fn faults(markers: &Markers) -> Vec<Fault> {
    let marker = markers.of("body");
    let answer = |status, body: String| Fault::Answer { status, body };
    let echo = json!({"code": 16, "message": format!("no access for {} {marker}", markers.key)});
    let mut faults: Vec<_> = [400, 401, 403, 404, 408, 429, 500, 503]
        .map(|status| answer(status, echo.to_string()))
        .to_vec();
    let bad_items = json!([
        {"id": "unreadable-1", "state": {"name": marker}, "requested_by": marker},
        {"id": "unreadable-2", "state": "RUNNING", "requested_by": [marker], &*marker: marker},
        {"id": {"of": marker}, "state": marker, "reason": marker},
        {"id": "unreadable-3", "requested_by": marker},
        marker,
    ]);
    faults.extend([
        answer(502, format!("<html><title>{marker}</title></html>")),
        answer(200, format!("<html><title>{marker}</title></html>")),
        answer(200, format!("\"{marker}")),
        answer(
            200,
            json!({"data": [{"object": &marker}], &*marker: &marker}).to_string(),
        ),
        answer(
            200,
            json!({"remediations": &marker, "has_next": &marker}).to_string(),
        ),
        answer(
            200,
            json!({"remediations": bad_items, "has_next": false}).to_string(),
        ),
        Fault::CutBody,
        Fault::Redirect {
            location: format!("http://127.0.0.1:9/{marker}"),
        },
    ]);
    faults
}

async fn all<K>(fixture: &Fixture) -> Vec<Value>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Serialize,
{
    let api: Api<K> = Api::namespaced(fixture.client.clone(), &fixture.namespace);
    let list = api.list(&ListParams::default()).await.unwrap();
    let values = list
        .items
        .iter()
        .map(|item| serde_json::to_value(item).unwrap());
    values.collect()
}

/// Takes fields away in which something may stand.
fn without(mut object: Value, part: &str, fields: &[&str]) -> String {
    for field in fields {
        object[part].as_object_mut().unwrap().remove(*field);
    }
    object.to_string()
}

/// Lets a remediation fail and waits for its Event.
async fn fail_and_wait_for_event(fixture: &Fixture) {
    let running = &fixture.truth()[1].id;
    fixture.enter(running, "FAILED");
    until("the failed remediation has an Event", || async {
        let events = all::<Event>(fixture).await;
        let is_about_it = |event: &Value| event["regarding"]["name"] == **running;
        let found = events.iter().any(is_about_it).then_some(());
        found.ok_or_else(|| json!(events).to_string())
    })
    .await;
}

async fn nothing_shows(format: &str) {
    let mut fixture = Fixture::new(&format!("privacy-{format}")).await;
    fixture.stop().await;
    let markers = Markers::new(format);
    fixture.simulator.add_key(&markers.key, None);
    let secret = [
        ("api-key", &*markers.key),
        ("password", &markers.of("password")),
    ];
    fixture.put_secret(&secret, "Opaque").await;
    for (number, state) in (0..).zip(["PENDING_APPROVAL", "RUNNING", "FAILED", "SUCCEEDED"]) {
        fixture.simulator.put(talkative(&markers, number, state));
    }
    fixture.simulator.add_cluster(DISORDERLY);
    let process = Process::start(&fixture, format).await;
    fixture
        .synced_watch(|spec| (spec.interval, spec.active_interval) = (None, None))
        .await;
    fixture
        .watch("ordered", |spec| {
            DISORDERLY.clone_into(&mut spec.cluster_id);
            spec.query = Some(Query {
                order_by: Some(markers.of("query")),
                ..Query::default()
            });
        })
        .await;
    fixture.ready("ordered", "BadRequest").await;
    for fault in faults(&markers) {
        fixture.simulator.fault(fault.clone(), Times::UntilCleared);
        let before = fixture.simulator.counters().risen(&fault);
        holds(
            &format!("{fault:?} rises twice"),
            async || fixture.simulator.counters().risen(&fault) - before,
            |risen| *risen >= 2,
        )
        .await;
        fixture.simulator.clear_faults();
        let watch = fixture.watches().get("training").await.unwrap();
        markers.absent_in(&json!(watch.status).to_string());
        // Also what was marked absent or left alone by the fault comes back.
        fixture.sync("training").await;
        fixture.ready("training", "Synced").await;
    }
    for (mirror, truth) in fixture.all().await.iter().zip(fixture.truth()) {
        assert_mirrors(std::slice::from_ref(mirror), &[truth]);
        let object = serde_json::to_value(mirror).unwrap();
        // The conditions name why something awaits approval, or what failed, but never a person.
        let persons = ["requestedBy", "reviewedBy", "reviewComment"];
        let others = ["reason", "errorMessage", "linkedAlerts", "conditions"];
        markers.persons_absent_in(&without(object.clone(), "status", &persons));
        markers.absent_in(&without(
            object,
            "status",
            &[&persons[..], &others].concat(),
        ));
    }
    let probes = [
        process.probe("/livez").await,
        process.probe("/readyz").await,
    ];
    let metrics = process.probe("/metrics").await;
    for text in probes.iter().chain([&metrics]) {
        markers.absent_in(text);
    }
    for watch in fixture
        .watches()
        .list(&ListParams::default())
        .await
        .unwrap()
    {
        let ordered = watch.name_any() == "ordered";
        let query: &[&str] = if ordered { &["query"] } else { &[] };
        let mut object = serde_json::to_value(&watch).unwrap();
        object["metadata"]["managedFields"] = Value::Null;
        markers.absent_in(&without(object, "spec", query));
    }
    fail_and_wait_for_event(&fixture).await;
    let mut others = all::<Event>(&fixture).await;
    others.extend(all::<CoreEvent>(&fixture).await);
    others.extend(all::<Lease>(&fixture).await);
    markers.absent_in(&json!(others).to_string());

    let log = process.end().await;
    for sign in [
        "TRACE",
        "hyper_util",
        "sending a request to the API server",
        "sync failed",
    ] {
        assert!(log.contains(sign), "the log lacks {sign}");
    }
    markers.absent_in(&log);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_logs_contain_no_secret_and_no_person() {
    nothing_shows("json").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_logs_contain_no_secret_and_no_person() {
    nothing_shows("text").await;
}
