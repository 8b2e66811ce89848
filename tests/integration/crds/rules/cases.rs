//! Each rule on a new object, with specs on both sides of it.

use serde_json::{Value, json};

pub(super) const DURATION: &str =
    "must be whole numbers with ms, s, m or h, such as 30s, 10m or 1h30m";
const AT_LEAST_5S: &str = "must be at least 5s";
const SECRET_NAME: &str = "must be a valid Secret name: lower-case letters, digits, - and .";
const SECRET_KEY: &str = "must be a valid Secret key: letters, digits, -, _ and ., such as api-key";

const TRIMMED: &str = "must not begin or end with white space or a line break";

/// One rule: the field below spec that it is about, its message, specs that it lets pass and specs that it alone refuses.
pub(super) struct Case {
    pub(super) field: &'static str,
    pub(super) message: &'static str,
    pub(super) good: Vec<Value>,
    pub(super) bad: Vec<Value>,
}

fn case(field: &'static str, message: &'static str, good: Vec<Value>, bad: Vec<Value>) -> Case {
    Case {
        field,
        message,
        good,
        bad,
    }
}

fn intervals(field: &'static str) -> [Case; 2] {
    let specs = |texts: &[&str]| texts.iter().map(|text| json!({ field: text })).collect();
    let long = "999999h999999h99999m";
    [
        case(
            field,
            DURATION,
            specs(&["1h30m15s500ms", long]),
            specs(&["", "60", "1.5s", "soon", "-60s", "1d"]),
        ),
        case(
            field,
            AT_LEAST_5S,
            specs(&["5s", "5000ms"]),
            specs(&["4999ms", "0s"]),
        ),
    ]
}

fn ids() -> [Case; 4] {
    [
        case(
            "clusterId",
            "must not be empty: set the cluster's id in the Together API",
            vec![json!({ "clusterId": "a/b ü" })],
            vec![json!({ "clusterId": "" }), json!({ "clusterId": " \t" })],
        ),
        case(
            "instanceId",
            "must not be empty: set an instance's id, or omit instanceId for all instances",
            vec![json!({ "instanceId": "-" }), json!({ "instanceId": "i" })],
            vec![json!({ "instanceId": "" })],
        ),
        case(
            "clusterId",
            TRIMMED,
            vec![json!({ "clusterId": "a b" })],
            ["c\n", " c", "c\t", "\u{a0}c"]
                .map(|id| json!({ "clusterId": id }))
                .to_vec(),
        ),
        case(
            "instanceId",
            TRIMMED,
            vec![json!({ "instanceId": "i j" })],
            vec![
                json!({ "instanceId": "i\n" }),
                json!({ "instanceId": " -" }),
            ],
        ),
    ]
}

pub(super) fn watch_cases() -> Vec<Case> {
    let mut cases = Vec::from(intervals("interval"));
    cases.extend(intervals("activeInterval"));
    cases.extend(intervals("fullResyncInterval"));
    cases.extend(ids());
    cases.extend([
        case(
            "activeInterval",
            "must not be above interval: set a shorter activeInterval or a longer interval",
            vec![
                json!({ "activeInterval": "24h" }),
                json!({ "interval": "60s", "activeInterval": "1m" }),
            ],
            vec![json!({ "interval": "60s", "activeInterval": "61s" })],
        ),
        case(
            "fullResyncInterval",
            "must not be below interval: set a longer fullResyncInterval or a shorter interval",
            vec![
                json!({ "interval": "24h" }),
                json!({ "fullResyncInterval": "5s" }),
                json!({ "interval": "10m", "fullResyncInterval": "600s" }),
            ],
            vec![json!({ "interval": "10m", "fullResyncInterval": "599s" })],
        ),
        case(
            "states",
            "must not be empty: set at least one state, or omit states for all",
            vec![json!({ "states": ["RUNNING"] })],
            vec![json!({ "states": [] })],
        ),
        case(
            "states",
            "must be states in upper-case letters and underscores, such as PENDING_APPROVAL",
            vec![json!({ "states": ["PENDING_APPROVAL", "NOT_YET_INVENTED"] })],
            vec![
                json!({ "states": ["RUNNING", "running"] }),
                json!({ "states": [""] }),
            ],
        ),
        case(
            "query.pageSize",
            "must be a number from 1 to 1000",
            vec![
                json!({ "query": { "pageSize": 1 } }),
                json!({ "query": { "pageSize": 1000 } }),
            ],
            vec![
                json!({ "query": { "pageSize": 0 } }),
                json!({ "query": { "pageSize": -1 } }),
                json!({ "query": { "pageSize": 1001 } }),
                json!({ "query": { "pageSize": i64::MAX } }),
            ],
        ),
        case(
            "query.orderBy",
            "must not be empty: set for example create_time desc, or omit orderBy",
            vec![json!({ "query": { "orderBy": "create_time desc" } })],
            vec![json!({ "query": { "orderBy": "" } })],
        ),
        case(
            "apiKeySecretRef.name",
            SECRET_NAME,
            vec![json!({ "apiKeySecretRef": { "name": "a-1.b" } })],
            ["", "Together", "a/b", "../other/secrets/a", "a..b", "-a"]
                .map(|name| json!({ "apiKeySecretRef": { "name": name } }))
                .to_vec(),
        ),
        case(
            "apiKeySecretRef.key",
            SECRET_KEY,
            vec![json!({ "apiKeySecretRef": { "key": "_Api.key-1" } })],
            vec![
                json!({ "apiKeySecretRef": { "key": "" } }),
                json!({ "apiKeySecretRef": { "key": "api key" } }),
            ],
        ),
        case(
            "retention.ttlAfterFinished",
            DURATION,
            vec![json!({ "retention": { "ttlAfterFinished": "720h" } })],
            vec![json!({ "retention": { "ttlAfterFinished": "30d" } })],
        ),
        case(
            "retention.maxFinishedPerInstance",
            "must be a number from 1 to 100000",
            vec![json!({ "retention": { "maxFinishedPerInstance": 1 } })],
            vec![
                json!({ "retention": { "maxFinishedPerInstance": 0 } }),
                json!({ "retention": { "maxFinishedPerInstance": 100_001 } }),
            ],
        ),
    ]);
    cases
}

pub(super) fn remediation_cases() -> Vec<Case> {
    let good = || vec![json!({ "clusterId": "c", "id": "a/b ü" })];
    vec![
        case(
            "clusterId",
            "must not be empty: set the cluster's id in the Together API",
            good(),
            vec![json!({ "clusterId": "", "id": "r" })],
        ),
        case(
            "id",
            "must not be empty: set the remediation's id in the Together API",
            good(),
            vec![json!({ "clusterId": "c", "id": " " })],
        ),
    ]
}
