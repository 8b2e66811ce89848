//! The columns of `kubectl get`: for each kind, those always shown, then those of `-o wide`.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceColumnDefinition as Column;

/// Name, type, JSON path and description of a column.
type Row = (&'static str, &'static str, &'static str, &'static str);

/// Always shown.
const CLUSTER_WATCH: &[Row] = &[
    (
        "Ready",
        "string",
        r#".status.conditions[?(@.type=="Ready")].status"#,
        "Whether the mirrors are in sync with Together.",
    ),
    (
        "Reason",
        "string",
        r#".status.conditions[?(@.type=="Ready")].reason"#,
        "Reason of the Ready condition.",
    ),
    (
        "Open",
        "integer",
        ".status.remediations.open",
        "Remediations that may still change.",
    ),
    (
        "Awaiting",
        "integer",
        ".status.remediations.awaitingApproval",
        "Remediations that await approval.",
    ),
    (
        "Failed Nodes",
        "integer",
        ".status.remediations.failedNodes",
        "Nodes whose most recent remediation failed.",
    ),
    (
        "Total",
        "integer",
        ".status.remediations.total",
        "Remediations mirrored.",
    ),
    (
        "Last Sync",
        "date",
        ".status.lastSyncTime",
        "Time of the last complete list of the Together API.",
    ),
];

/// With `-o wide`.
const CLUSTER_WATCH_WIDE: &[Row] = &[
    (
        "Cluster",
        "string",
        ".spec.clusterId",
        "Id of the cluster in the Together API.",
    ),
    (
        "Instance",
        "string",
        ".spec.instanceId",
        "The only instance mirrored; empty or - means all.",
    ),
    (
        "Interval",
        "string",
        ".spec.interval",
        "Time between syncs while nothing is open; empty means the operator's default.",
    ),
    (
        "Suspended",
        "boolean",
        ".spec.suspend",
        "Whether syncs are suspended.",
    ),
    (
        "Message",
        "string",
        r#".status.conditions[?(@.type=="Ready")].message"#,
        "Message of the Ready condition.",
    ),
];

/// Always shown.
const REMEDIATION: &[Row] = &[
    ("Node", "string", ".status.node", "The node."),
    (
        "State",
        "string",
        ".status.state",
        "Progress of the remediation, as named in the Together API.",
    ),
    (
        "Since",
        "date",
        ".status.stateSince",
        "When the remediation entered this state, by the API's times.",
    ),
    (
        "Mode",
        "string",
        ".status.mode",
        "The action taken on the node.",
    ),
    (
        "Sync",
        "string",
        r#".status.conditions[?(@.type=="Synced")].reason"#,
        "How current the mirror is: the reason of its Synced condition.",
    ),
];

/// With `-o wide`.
const REMEDIATION_WIDE: &[Row] = &[
    (
        "Age",
        "date",
        ".status.createTime",
        "Creation time of the remediation in the Together API.",
    ),
    (
        "ClusterWatch",
        "string",
        r".metadata.labels.compute\.together\.ai/cluster-watch",
        "The ClusterWatch that writes this mirror.",
    ),
    (
        "Instance",
        "string",
        ".status.instanceId",
        "Id of the node in the Together API.",
    ),
    (
        "Cluster",
        "string",
        ".spec.clusterId",
        "Id of the cluster in the Together API.",
    ),
    (
        "Trigger",
        "string",
        ".status.trigger",
        "Whether a person or the system requested the remediation.",
    ),
    (
        "Reason",
        "string",
        ".status.reason",
        "Why the remediation was requested.",
    ),
    (
        "Requested By",
        "string",
        ".status.requestedBy",
        "Who requested the remediation.",
    ),
    (
        "Reviewed By",
        "string",
        ".status.reviewedBy",
        "Who approved or rejected the remediation.",
    ),
    (
        "Error",
        "string",
        ".status.errorMessage",
        "Why the remediation failed.",
    ),
];

/// The columns of `ClusterWatch`.
pub(super) fn cluster_watch() -> Vec<Column> {
    columns(CLUSTER_WATCH, CLUSTER_WATCH_WIDE)
}

/// The columns of `Remediation`.
pub(super) fn remediation() -> Vec<Column> {
    columns(REMEDIATION, REMEDIATION_WIDE)
}

fn columns(always: &[Row], wide: &[Row]) -> Vec<Column> {
    let always = always.iter().map(|row| column(row, None));
    let wide = wide.iter().map(|row| column(row, Some(1)));
    always.chain(wide).collect()
}

fn column(&(name, type_, json_path, description): &Row, priority: Option<i32>) -> Column {
    Column {
        name: name.to_owned(),
        type_: type_.to_owned(),
        json_path: json_path.to_owned(),
        description: Some(description.to_owned()),
        priority,
        ..Column::default()
    }
}
