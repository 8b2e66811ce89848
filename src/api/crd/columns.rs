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
            "Whether the mirror agrees with the API.",
        ),
        column(
            "Reason",
            "string",
            &ready("reason"),
            "Why Ready is as it is.",
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
            "Remediations that wait for a person's approval.",
        ),
        column(
            "Failed Nodes",
            "integer",
            &count("failedNodes"),
            "Nodes whose latest remediation failed.",
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
            "When the API was last read to the end.",
        ),
        wide(
            "Cluster",
            "string",
            ".spec.clusterId",
            "The cluster's id in Together's API.",
        ),
        wide(
            "Instance",
            "string",
            ".spec.instanceId",
            "The one instance that is watched; empty or -: all.",
        ),
        wide(
            "Interval",
            "string",
            ".spec.interval",
            "How often the API is read while nothing is open; empty: the operator's default.",
        ),
        wide(
            "Suspended",
            "boolean",
            ".spec.suspend",
            "Whether polling is switched off.",
        ),
        wide(
            "Message",
            "string",
            &ready("message"),
            "Why Ready is as it is, in words.",
        ),
    ]
}

/// The columns of `Remediation`.
pub(super) fn remediation() -> Vec<Column> {
    let synced = r#".status.conditions[?(@.type=="Synced")].reason"#;
    let watch = r".metadata.labels.compute\.together\.ai/cluster-watch";
    vec![
        column("Node", "string", ".status.node", "The machine."),
        column(
            "State",
            "string",
            ".status.state",
            "How far the repair is, as the API says it.",
        ),
        column(
            "Since",
            "date",
            ".status.stateSince",
            "Since when it is in this state, by the API's times.",
        ),
        column(
            "Mode",
            "string",
            ".status.mode",
            "What is done to the machine.",
        ),
        column(
            "Sync",
            "string",
            synced,
            "How the mirror stands to the API: the reason of its condition Synced.",
        ),
        wide(
            "Age",
            "date",
            ".status.createTime",
            "When the API says that it was created.",
        ),
        wide(
            "ClusterWatch",
            "string",
            watch,
            "The ClusterWatch that writes it.",
        ),
        wide(
            "Instance",
            "string",
            ".status.instanceId",
            "The machine's id in Together's API.",
        ),
        wide(
            "Cluster",
            "string",
            ".spec.clusterId",
            "The cluster's id in Together's API.",
        ),
        wide(
            "Trigger",
            "string",
            ".status.trigger",
            "Whether a person or the system asked for it.",
        ),
        wide(
            "Reason",
            "string",
            ".status.reason",
            "Why it was asked for.",
        ),
        wide(
            "Requested By",
            "string",
            ".status.requestedBy",
            "Who asked for it.",
        ),
        wide(
            "Reviewed By",
            "string",
            ".status.reviewedBy",
            "Who approved or rejected it.",
        ),
        wide("Error", "string", ".status.errorMessage", "Why it failed."),
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
