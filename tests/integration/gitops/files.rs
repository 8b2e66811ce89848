//! The objects that docs/argo-cd shows, as stored by an API server, without what differs from run to run.

use std::{fs, sync::LazyLock};

use k8s_openapi::jiff::Timestamp;
use regex::Regex;
use serde_json::{Value, json};
use testbed::drift;

use super::{
    argo::{ArgoCd, FOLDER},
    situation::{Kind, Situation},
};

const TEST: &str = "--test integration gitops";

/// Those that are shown: one of each kind of verdict.
const SHOWN: [(Kind, &str); 19] = [
    (Kind::Watch, "created"),
    (Kind::Watch, "first-sync"),
    (Kind::Watch, "synced"),
    (Kind::Watch, "remediation-open"),
    (Kind::Watch, "attention"),
    (Kind::Watch, "unauthorized"),
    (Kind::Watch, "edited"),
    (Kind::Watch, "suspended"),
    (Kind::Watch, "silent"),
    (Kind::Mirror, "created"),
    (Kind::Mirror, "pending-approval"),
    (Kind::Mirror, "running"),
    (Kind::Mirror, "succeeded"),
    (Kind::Mirror, "cancelled"),
    (Kind::Mirror, "failed"),
    (Kind::Mirror, "stale"),
    (Kind::Mirror, "not-found"),
    (Kind::Mirror, "forbidden"),
    (Kind::Mirror, "unknown-state"),
];

fn path(kind: Kind, name: &str) -> String {
    format!("{FOLDER}/{}/testdata/{name}.yaml", kind.name())
}

/// The object in one of these files.
pub(super) fn testdata(kind: Kind, name: &str) -> Value {
    let text = fs::read_to_string(drift::file(&path(kind, name))).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// Compares the shown objects with their files, or updates the files.
pub(super) fn check_fixtures(seen: &[Situation]) {
    for (kind, name) in SHOWN {
        let one = seen.iter().find(|one| (one.kind, one.name) == (kind, name));
        let shown = shown(one.unwrap());
        let yaml = serde_saphyr::to_string(&shown).unwrap();
        drift::check(&path(kind, name), &yaml, TEST);
    }
}

/// What Argo CD's own tests of the scripts read: each file with the verdict on it.
pub(super) async fn check_health_tests(argo: &ArgoCd) {
    for kind in [Kind::Watch, Kind::Mirror] {
        let mut tests = Vec::new();
        for (_, name) in SHOWN.iter().filter(|(of, _)| *of == kind) {
            let health = argo.health(&testdata(kind, name), super::SETTINGS).await;
            tests.push(json!({
                "inputPath": format!("testdata/{name}.yaml"),
                "healthStatus": {"status": health.status, "message": health.message},
            }));
        }
        let yaml = serde_saphyr::to_string(&json!({"tests": tests})).unwrap();
        let at = format!("{FOLDER}/{}/health_test.yaml", kind.name());
        drift::check(&at, &yaml, TEST);
    }
}

/// What Argo CD's own tests of the actions read: what each is done to, and what comes of it.
pub(super) fn check_actions() {
    let [synced, suspended] = ["synced", "suspended"].map(|name| testdata(Kind::Watch, name));
    let set = |object: &Value, at: &str, value: Value| {
        let mut object = object.clone();
        *object.pointer_mut(at).unwrap() = value;
        object
    };
    let asked = json!({"compute.together.ai/requestedAt": "0001-01-01T00:00:00Z"});
    let mut asked_now = synced.clone();
    asked_now["metadata"]["annotations"] = asked;
    for (name, object) in [
        ("synced", synced.clone()),
        ("suspended", suspended.clone()),
        ("synced-sync-now", asked_now),
        ("synced-suspend", set(&synced, "/spec/suspend", true.into())),
        (
            "suspended-resume",
            set(&suspended, "/spec/suspend", false.into()),
        ),
    ] {
        let yaml = serde_saphyr::to_string(&object).unwrap();
        let at = format!("{FOLDER}/ClusterWatch/actions/testdata/{name}.yaml");
        drift::check(&at, &yaml, TEST);
    }
    let test = |action: &str, input: &str, output: &str| {
        json!({
            "action": action,
            "inputPath": format!("testdata/{input}.yaml"),
            "expectedOutputPath": format!("testdata/{output}.yaml"),
        })
    };
    let offered = |suspended: bool| {
        let action = |name: &str, title: &str, disabled: bool| {
            let mut action = json!({"name": name, "displayName": title});
            if disabled {
                action["disabled"] = true.into();
            }
            action
        };
        [
            action("sync-now", "Sync now", suspended),
            action("suspend", "Suspend", suspended),
            action("resume", "Resume", !suspended),
        ]
    };
    let tests = json!({
        "actionTests": [
            test("sync-now", "synced", "synced-sync-now"),
            test("sync-now", "suspended", "suspended"),
            test("suspend", "synced", "synced-suspend"),
            test("suspend", "suspended", "suspended"),
            test("resume", "suspended", "suspended-resume"),
            test("resume", "synced", "synced"),
        ],
        "discoveryTests": [
            {"inputPath": "testdata/synced.yaml", "result": offered(false)},
            {"inputPath": "testdata/suspended.yaml", "result": offered(true)},
        ],
    });
    let at = format!("{FOLDER}/ClusterWatch/actions/action_test.yaml");
    drift::check(&at, &serde_saphyr::to_string(&tests).unwrap(), TEST);
}

fn shown(one: &Situation) -> Value {
    let mut object = one.object.clone();
    let metadata = object["metadata"].as_object_mut().unwrap();
    for differing in ["managedFields", "resourceVersion", "uid"] {
        metadata.remove(differing);
    }
    let fresh = Timestamp::now().to_string();
    plain(&mut object, "", &one.renamed, &fresh);
    object
}

/// Each time becomes one and the same, but what lies before or behind now stays there.
fn plain(value: &mut Value, key: &str, renamed: &[(String, &'static str)], now: &str) {
    static TIME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").unwrap());
    match value {
        Value::String(text) if key == "staleAfter" && text.as_str() < now => {
            "2026-11-23T10:10:00Z".clone_into(text);
        }
        Value::String(text) if key == "staleAfter" => "2999-01-01T00:00:00Z".clone_into(text),
        Value::String(text) if key == "uid" => {
            "5c1de1a5-0000-4000-8000-000000000000".clone_into(text);
        }
        Value::String(text) => {
            for (differing, name) in renamed {
                *text = text.replace(differing, name);
            }
            *text = TIME.replace_all(text, "2026-11-23T10:00:00Z").into_owned();
        }
        Value::Array(items) => {
            for item in items {
                plain(item, key, renamed, now);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                plain(field, key, renamed, now);
            }
        }
        _ => {}
    }
}
