//! The actions of a watch, run by the real Argo CD on objects read from a real API server.

use std::fs;

use serde_json::Value;
use testbed::drift;

use super::{SETTINGS, argo::ArgoCd, files, situation::Kind};

/// A `ClusterWatch` of the test data.
fn testdata(name: &str) -> Value {
    files::testdata(Kind::Watch, name)
}

/// The lines that an action takes away and adds.
async fn changes(argo: &ArgoCd, object: &Value, action: &str) -> Vec<String> {
    let output = argo.ask("run-action", object, SETTINGS, &[action]).await;
    let output = output.unwrap();
    let lines = output.lines().filter(|line| {
        line.starts_with(['<', '>', '+', '-'])
            && !line.starts_with("---")
            && !line.starts_with("+++")
    });
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[tokio::test]
async fn what_can_be_done_is_offered_and_the_rest_is_not() {
    let Some(argo) = ArgoCd::new() else {
        return;
    };
    for (name, expected) in [
        ("synced", ["resume true", "suspend false", "sync-now false"]),
        (
            "suspended",
            ["resume false", "suspend true", "sync-now true"],
        ),
    ] {
        let output = argo
            .ask("list-actions", &testdata(name), SETTINGS, &[])
            .await;
        let output = output.unwrap();
        let listed: Vec<String> = output
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(listed, expected, "{name}");
    }
}

#[tokio::test]
async fn each_changes_one_field_and_nothing_where_it_is_not_offered() {
    let Some(argo) = ArgoCd::new() else {
        return;
    };
    let (synced, suspended) = (testdata("synced"), testdata("suspended"));
    let suspend = ["< suspend: false", "> suspend: true"];
    assert_eq!(changes(&argo, &synced, "suspend").await, suspend);
    let resume = ["< suspend: true", "> suspend: false"];
    assert_eq!(changes(&argo, &suspended, "resume").await, resume);
    for (object, action) in [
        (&synced, "resume"),
        (&suspended, "suspend"),
        (&suspended, "sync-now"),
    ] {
        let none: [&str; 0] = [];
        assert_eq!(changes(&argo, object, action).await, none, "{action}");
    }
    for object in [&synced, &with_annotation(&synced)] {
        let before = k8s_openapi::jiff::Timestamp::now().to_string();
        let asked = changes(&argo, object, "sync-now").await;
        let last = asked.last().unwrap();
        let (name, time) = last.split_once(": ").unwrap();
        assert_eq!(name, "> compute.together.ai/requestedAt");
        let time = time.trim_matches('"');
        assert!(time.len() == 20 && time >= &before[..19], "{time}");
        assert!(
            !asked.iter().any(|line| line.contains("another")),
            "{asked:?}"
        );
    }
}

fn with_annotation(object: &Value) -> Value {
    let mut object = object.clone();
    object["metadata"]["annotations"]["another"] = "stays".into();
    object
}

/// As differences, with the status compared at all: Argo CD 3.5.7's own `ignore-resource-updates` finds no rule whatever is set.
#[tokio::test]
async fn what_changes_while_nothing_happens_refreshes_no_application() {
    let Some(argo) = ArgoCd::new() else {
        return;
    };
    let settings = fs::read_to_string(drift::file(SETTINGS)).unwrap();
    let settings = settings.replace("ignoreResourceUpdates", "ignoreDifferences")
        + "  resource.compareoptions: 'ignoreResourceStatusField: none'\n";
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("argocd-cm.yaml");
    fs::write(&at, settings).unwrap();
    let output = argo
        .ask(
            "ignore-differences",
            &testdata("synced"),
            at.to_str().unwrap(),
            &[],
        )
        .await;
    let output = output.unwrap();
    for (field, ignored) in [
        ("lastSyncTime", true),
        ("lastFullSyncTime", true),
        ("staleAfter", true),
        ("conditions", false),
        ("remediations", false),
    ] {
        let gone = output
            .lines()
            .any(|line| line.starts_with('<') && line.contains(field));
        assert_eq!(gone, ignored, "{field}: {output}");
    }
}
