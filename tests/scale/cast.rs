//! Many remediations, as the API and as the cluster show them, and a watch over them.

use k8s_openapi::jiff::Timestamp;
use kube::{
    ResourceExt,
    client::{Body, ClientBuilder},
};
use serde_json::json;
use testbed::simulator;
use together_remediation_operator::{
    api::{
        cluster_watch::{ClusterWatch, ClusterWatchSpec},
        remediation::{Remediation as Object, RemediationSpec},
    },
    clock::SystemClock,
    events::Events,
    k8s::{
        api::KubeClient, gate::Gate, leadership::Leadership, partial::Shown,
        throttle::RetryAfterGate,
    },
    mirror::{end::Clocks, labels::FlagLabels, status},
    store::Index,
    sync::{
        decide::regression::Regressions,
        evidence::ListEvidence,
        observer::Observer,
        target::MirrorTarget,
        write::{
            failed::FailedWrites,
            permits::WritePermits,
            queue::{Ports, WriteQueue, WriteSummary},
            skipped::LeftOut,
        },
    },
    together::{Malformed, Remediation},
};

pub(crate) const CLUSTER: &str = "0b7c9a52-7d0e-4a39-9c1a-3a1f6a0b7c11";
pub(crate) const NAMESPACE: &str = "gpu-ops";

/// The body of a page of `count` remediations that have ended, as most have.
pub(crate) fn page(count: u32) -> Vec<u8> {
    let items: Vec<_> = (0..count)
        .map(|number| {
            let mut item = simulator::Remediation::numbered(CLUSTER, number);
            item.requested_by = Some("Together Health Checker".to_owned());
            item.reviewed_by = Some("Auto-Approved".to_owned());
            for state in ["PENDING", "RUNNING", "SUCCEEDED"] {
                item.enter(state, Timestamp::UNIX_EPOCH);
            }
            item
        })
        .collect();
    json!({"remediations": items, "has_next": false})
        .to_string()
        .into_bytes()
}

/// The mirror of `item` as the API server writes it.
pub(crate) fn stored(target: &MirrorTarget, item: &Remediation) -> String {
    let mut status = status::from_api(item, &[], 1);
    for condition in &mut status.conditions {
        condition.last_transition_time.0 = Timestamp::UNIX_EPOCH;
    }
    let spec = RemediationSpec {
        cluster_id: CLUSTER.to_owned(),
        id: item.id.to_string(),
    };
    let mut object = Object::new(&item.id, spec);
    object.metadata.namespace = Some(NAMESPACE.to_owned());
    object.metadata.uid = Some(item.id.replace("-8000-", "-8001-"));
    object.metadata.resource_version = Some("1".to_owned());
    object.metadata.generation = Some(1);
    object.metadata.labels = Some(
        target
            .labels
            .of_mirror(CLUSTER, status.instance_id.as_deref()),
    );
    object.metadata.owner_references = Some(target.owners.to_vec());
    let fields = serde_json::to_value(&status).unwrap_or_default();
    object.managed_fields_mut().push(
        serde_json::from_value(json!({
            "manager": "together-remediation-operator",
            "operation": "Update",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:status": fields},
        }))
        .unwrap_or_default(),
    );
    object.status = Some(status);
    serde_json::to_string(&object).unwrap_or_default()
}

/// A mirror as the API server returns it.
pub(crate) fn shown(stored: &str) -> Object {
    let Shown(object) = serde_json::from_str(stored).unwrap_or_else(|error| panic!("{error}"));
    object
}

/// A watch of all of [`CLUSTER`].
pub(crate) fn target() -> MirrorTarget {
    let spec = ClusterWatchSpec {
        cluster_id: CLUSTER.to_owned(),
        ..ClusterWatchSpec::default()
    };
    let mut watch = ClusterWatch::new("training", spec);
    watch.metadata.namespace = Some(NAMESPACE.to_owned());
    watch.metadata.uid = Some("0d9f1c62-23b5-4a3e-8a55-6c1d2e3f4a5b".to_owned());
    MirrorTarget::of(&watch, FlagLabels::default())
}

/// A cluster that refuses to be called.
pub(crate) fn cluster() -> KubeClient {
    let unreachable = tower::service_fn(|_: http::Request<Body>| async {
        Err::<http::Response<Body>, _>(std::io::Error::other("a write where nothing changed"))
    });
    let client = ClientBuilder::new(unreachable, NAMESPACE).build();
    let clock = std::sync::Arc::new(SystemClock::default());
    let gate = Gate::new(
        RetryAfterGate::default(),
        None,
        Leadership::unelected(clock),
    );
    KubeClient::new(client, gate)
}

/// Syncs this page of `target`, which has nothing to write. What the writes came to, and what was left out.
pub(crate) async fn sync(
    target: &MirrorTarget,
    index: &Index,
    page: Vec<Result<Remediation, Malformed>>,
) -> (WriteSummary, LeftOut) {
    let now = Timestamp::UNIX_EPOCH;
    let (ours, apis) = (now, Some(now));
    let mut failed_writes = FailedWrites::default();
    let ports = Ports {
        kube: cluster(),
        index: index.clone(),
        observer: Observer::default(),
        events: Events::default(),
        permits: WritePermits::default(),
    };
    let mut queue = WriteQueue::new(target, &mut failed_writes, ports, now);
    let mut evidence = ListEvidence::new(target, Clocks { ours, apis });
    let writes = evidence.plan_page(index, &Regressions::default(), page);
    queue.submit(writes).await;
    (queue.finish(true).await, evidence.left_out)
}
