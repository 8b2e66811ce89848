//! The columns of `kubectl get`: for each kind, those always shown, then those of `-o wide`.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceColumnDefinition as Column;

/// The columns of `ClusterWatch`.
pub(super) fn cluster_watch() -> Vec<Column> {
    let ready = |part| format!(r#".status.conditions[?(@.type=="Ready")].{part}"#);
    let count = |part| format!(".status.remediations.{part}");
    vec![
        column(
            "Ready",
            "string",
            &ready("status"),
            "Whether the mirrors are in sync with Together.",
        ),
        column(
            "Reason",
            "string",
            &ready("reason"),
            "Reason of the Ready condition.",
        ),
        column(
            "Open",
            "integer",
            &count("open"),
            "Remediations that may still change.",
        ),
        column(
            "Awaiting",
            "integer",
            &count("awaitingApproval"),
            "Remediations that await approval.",
        ),
        column(
            "Failed Nodes",
            "integer",
            &count("failedNodes"),
            "Nodes whose most recent remediation failed.",
        ),
        column(
            "Total",
            "integer",
            &count("total"),
            "Remediations mirrored.",
        ),
        column(
            "Last Sync",
            "date",
            ".status.lastSyncTime",
            "Time of the last complete list of the Together API.",
        ),
        wide(
            "Cluster",
            "string",
            ".spec.clusterId",
            "Id of the cluster in the Together API.",
        ),
        wide(
            "Instance",
            "string",
            ".spec.instanceId",
            "The only instance mirrored; empty or - means all.",
        ),
        wide(
            "Interval",
            "string",
            ".spec.interval",
            "Time between syncs while nothing is open; empty means the operator's default.",
        ),
        wide(
            "Suspended",
            "boolean",
            ".spec.suspend",
            "Whether syncs are suspended.",
        ),
        wide(
            "Message",
            "string",
            &ready("message"),
            "Message of the Ready condition.",
        ),
    ]
}

/// The columns of `Remediation`.
pub(super) fn remediation() -> Vec<Column> {
    let synced = r#".status.conditions[?(@.type=="Synced")].reason"#;
    let watch = r".metadata.labels.compute\.together\.ai/cluster-watch";
    vec![
        column("Node", "string", ".status.node", "The node."),
        column(
            "State",
            "string",
            ".status.state",
            "Progress of the remediation, as named in the Together API.",
        ),
        column(
            "Since",
            "date",
            ".status.stateSince",
            "When the remediation entered this state, by the API's times.",
        ),
        column(
            "Mode",
            "string",
            ".status.mode",
            "The action taken on the node.",
        ),
        column(
            "Sync",
            "string",
            synced,
            "How current the mirror is: the reason of its Synced condition.",
        ),
        wide(
            "Age",
            "date",
            ".status.createTime",
            "Creation time of the remediation in the Together API.",
        ),
        wide(
            "ClusterWatch",
            "string",
            watch,
            "The ClusterWatch that writes this mirror.",
        ),
        wide(
            "Instance",
            "string",
            ".status.instanceId",
            "Id of the node in the Together API.",
        ),
        wide(
            "Cluster",
            "string",
            ".spec.clusterId",
            "Id of the cluster in the Together API.",
        ),
        wide(
            "Trigger",
            "string",
            ".status.trigger",
            "Whether a person or the system requested the remediation.",
        ),
        wide(
            "Reason",
            "string",
            ".status.reason",
            "Why the remediation was requested.",
        ),
        wide(
            "Requested By",
            "string",
            ".status.requestedBy",
            "Who requested the remediation.",
        ),
        wide(
            "Reviewed By",
            "string",
            ".status.reviewedBy",
            "Who approved or rejected the remediation.",
        ),
        wide(
            "Error",
            "string",
            ".status.errorMessage",
            "Why the remediation failed.",
        ),
    ]
}

fn column(name: &str, type_: &str, json_path: &str, description: &str) -> Column {
    Column {
        name: name.to_owned(),
        type_: type_.to_owned(),
        json_path: json_path.to_owned(),
        description: Some(description.to_owned()),
        ..Column::default()
    }
}

fn wide(name: &str, type_: &str, json_path: &str, description: &str) -> Column {
    Column {
        priority: Some(1),
        ..column(name, type_, json_path, description)
    }
}
