//! Planted lies, each of which must be found, and what looks like a lie and is none.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use serde_json::json;

use super::super::fields::status;
use super::*;
use crate::simulator::Remediation;

mod ends;

const ID: &str = "9f0c2a1e-0000-4000-8000-000000000001";
const SECOND: SignedDuration = SignedDuration::from_secs(1);
/// With the spec below: fresh 31.5 s, stale 240.75 s, full 331.5 s.
const LATE: i64 = 1000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_790_000_000 + seconds)
}

fn remediation(state: &str, since: i64) -> Remediation {
    let mut made = Remediation::new("c-1", "i-1", ID);
    made.enter(state, at(since));
    made
}

/// States one after another, each with when it began; `GONE` is a time without it.
fn history(states: &[(&str, i64)]) -> History {
    let mut history = History::default();
    for (place, (state, since)) in states.iter().enumerate() {
        if *state != "GONE" {
            history.versions.push(Version {
                since: at(*since),
                until: states.get(place + 1).map(|(_, next)| at(*next)),
                served: None,
                shown: Arc::new(remediation(state, *since)),
            });
        }
    }
    history.served = states.first().map(|(_, since)| at(*since));
    history
}

fn mirror(shown: &Remediation, synced: &str, reason: &str) -> Value {
    let mut content = status(shown);
    content.insert(
        "conditions".into(),
        json!([{"type": "Synced", "status": synced, "reason": reason}]),
    );
    if ["NotFound", "NotListed"].contains(&reason) {
        content.insert("open".into(), json!(false));
    }
    json!({"spec": {"clusterId": "c-1", "id": shown.id}, "status": content})
}

/// A scene that a test changes.
struct Scene {
    watch: Value,
    mirrors: Vec<Value>,
    history: History,
    now: i64,
    calm_since: Option<i64>,
    sums_off_since: Option<i64>,
    restarted: Option<i64>,
}

impl Scene {
    fn new(states: &[(&str, i64)], mirrors: Vec<Value>) -> Self {
        let mut by_state = serde_json::Map::new();
        for mirror in &mirrors {
            let gone = mirror["status"]["conditions"][0]["status"] == "False";
            if let Some(state) = mirror["status"]["state"].as_str().filter(|_| !gone) {
                by_state.insert(state.into(), json!(1));
            }
        }
        let open = mirrors
            .iter()
            .filter(|mirror| mirror["status"]["open"] == true)
            .count();
        Self {
            watch: json!({
                "spec": {"clusterId": "c-1", "interval": "15s", "fullResyncInterval": "5m"},
                "status": {
                    "remediations": {"total": mirrors.len(), "open": open, "byState": by_state},
                    "staleAfter": at(LATE + 100).to_string(),
                    "conditions": [{"type": "Ready", "status": "True", "message": "the mirror agrees"}],
                },
            }),
            mirrors,
            history: history(states),
            now: LATE,
            calm_since: None,
            sums_off_since: None,
            restarted: None,
        }
    }

    fn found(&self) -> Found {
        let histories = [(ID.to_owned(), self.history.clone())].into();
        let now = at(self.now);
        Look {
            watch: &self.watch,
            mirrors: &self.mirrors,
            histories: &histories,
            asked: now,
            answered: now + SECOND,
            calm_since: self.calm_since.map(at),
            sums_off_since: self.sums_off_since.map(at),
            restarted: self.restarted.map(at),
            slack: SignedDuration::ZERO,
        }
        .verdict()
    }

    /// Exactly one line, with this in it.
    fn reports(&self, what: &str) {
        let found = self.found().unexplained;
        assert_eq!(found.len(), 1, "{what}: {found:#?}");
        assert!(found[0].contains(what), "{what}: {found:#?}");
    }

    fn is_explained(&self) {
        assert_eq!(self.found().unexplained, Vec::<String>::new());
    }
}

/// RUNNING since 0, its end at `ended`, and a mirror that still shows RUNNING.
fn outdated(ended: i64) -> Scene {
    left("SUCCEEDED", ended)
}

/// The same where its state is another one since then.
fn left(state: &str, since: i64) -> Scene {
    let mirror = mirror(&remediation("RUNNING", 0), "True", "Listed");
    Scene::new(&[("RUNNING", 0), (state, since)], vec![mirror])
}

#[test]
fn a_true_mirror_is_no_lie() {
    for (state, reason) in [("RUNNING", "Listed"), ("FAILED", "Final")] {
        let mut scene = Scene::new(
            &[(state, 0)],
            vec![mirror(&remediation(state, 0), "True", reason)],
        );
        scene.is_explained();
        scene.calm_since = Some(0);
        scene.is_explained();
        assert_eq!(scene.found(), Found::default());
    }
}

#[test]
fn a_state_that_the_api_left_long_ago() {
    outdated(LATE - 242).reports("it says RUNNING, Synced True");
    outdated(LATE - 239).is_explained();
    let mut calm = left("QUARANTINED", LATE - 33);
    calm.is_explained();
    calm.calm_since = Some(LATE - 33);
    calm.reports("it says RUNNING, Synced True");
    calm.calm_since = Some(LATE - 30);
    calm.is_explained();
    // The list of open ones does not show what has ended.
    let mut ended = outdated(LATE - 33);
    ended.calm_since = Some(LATE - 33);
    ended.is_explained();
}

#[test]
fn an_operator_that_restarted_may_be_five_minutes_late() {
    let mut scene = outdated(LATE - 242);
    scene.restarted = Some(LATE - 243);
    scene.reports("it says RUNNING, Synced True");
    scene.restarted = Some(LATE - 100);
    scene.is_explained();
    scene = outdated(LATE - 542);
    scene.restarted = Some(LATE - 100);
    scene.reports("it says RUNNING, Synced True");
    scene.restarted = Some(LATE - 76);
    scene.is_explained();
}

#[test]
fn an_operator_that_restarted_knows_when_a_failing_watch_was_last_synced() {
    let mut scene = outdated(LATE - 242);
    scene.restarted = Some(LATE - 100);
    let ready = |status, reason, since| json!({"type": "Ready", "status": status, "reason": reason, "lastTransitionTime": at(since).to_string()});
    scene.watch["status"]["conditions"] = json!([ready("False", "Forbidden", LATE - 101)]);
    scene.reports("it says RUNNING, Synced True");
    for known_later in [
        ready("False", "Forbidden", LATE - 99),
        ready("False", "WriteFailed", LATE - 101),
        ready("True", "Synced", LATE - 101),
    ] {
        scene.watch["status"]["conditions"] = json!([known_later]);
        scene.is_explained();
    }
}

#[test]
fn an_old_state_is_explained_by_its_mark_or_by_the_end_of_the_operator() {
    let mut marked = outdated(0);
    marked.mirrors[0]["status"]["conditions"][0] =
        json!({"type": "Synced", "status": "Unknown", "reason": "Stale"});
    marked.is_explained();
    let mut dead = outdated(0);
    dead.watch["status"]["staleAfter"] = json!(at(LATE).to_string());
    dead.is_explained();
    let mut not_ready = outdated(0);
    not_ready.watch["status"]["conditions"][0]["status"] = json!("False");
    not_ready.reports("it says RUNNING, Synced True");
    let mut named = outdated(0);
    named.watch["status"]["conditions"][0]["message"] =
        json!(format!("Left out 1: {ID} (no state)"));
    named.reports("it says RUNNING, Synced True");
}

#[test]
fn a_mark_that_stays_though_all_is_well() {
    let stale = mirror(&remediation("RUNNING", 0), "Unknown", "Stale");
    let mut scene = Scene::new(&[("RUNNING", 0)], vec![stale]);
    scene.is_explained();
    scene.calm_since = Some(LATE - 33);
    scene.reports("it says Stale though all is well");
}

#[test]
fn one_that_is_gone_must_be_marked_so_in_the_end() {
    let listed = mirror(&remediation("RUNNING", 0), "True", "Listed");
    let left = |at| Scene::new(&[("RUNNING", 0), ("GONE", at)], vec![listed.clone()]);
    left(LATE - 239).is_explained();
    left(LATE - 242).reports("there it is gone");
    let kept = mirror(&remediation("FAILED", 0), "True", "Final");
    Scene::new(&[("FAILED", 0), ("GONE", 10)], vec![kept]).is_explained();
}

#[test]
fn a_false_gone() {
    for reason in ["NotFound", "NotListed"] {
        let gone = mirror(&remediation("RUNNING", 0), "False", reason);
        let scene = |states: &[(&str, i64)]| Scene::new(states, vec![gone.clone()]);
        scene(&[("RUNNING", 0)]).reports("but the API never lost it");
        scene(&[("RUNNING", 0), ("SUCCEEDED", LATE)]).reports("but the API never lost it");
        scene(&[("RUNNING", 0), ("GONE", 10)]).is_explained();
        let back = [("RUNNING", 0), ("GONE", 10), ("RUNNING", LATE - 242)];
        scene(&back).reports("it is back since");
        let back = [("RUNNING", 0), ("GONE", 10), ("RUNNING", LATE - 200)];
        scene(&back).is_explained();

        // Created and never filled.
        let mut empty = gone.clone();
        let conditions = empty["status"]["conditions"].take();
        empty["status"] = json!({"conditions": conditions, "open": false});
        let scene = |states: &[(&str, i64)]| Scene::new(states, vec![empty.clone()]);
        scene(&[("RUNNING", 0)]).reports("but the API never lost it");
        scene(&[("RUNNING", 0), ("GONE", 10)]).is_explained();
    }
}

#[test]
fn one_that_has_no_mirror() {
    let missing = |since| Scene::new(&[("RUNNING", since)], Vec::new());
    missing(LATE - 242).reports("no mirror");
    missing(LATE - 200).is_explained();
    let mut calm = missing(LATE - 33);
    calm.calm_since = Some(0);
    calm.reports("no mirror");
    let mut pending = missing(LATE - 242);
    pending.mirrors = vec![mirror(&remediation("RUNNING", 0), "Unknown", "Pending")];
    pending.reports("no mirror");

    let mut not_ready = missing(0);
    not_ready.watch["status"]["conditions"][0]["status"] = json!("Unknown");
    not_ready.is_explained();
    let mut left_out = missing(0);
    left_out.watch["status"]["conditions"][0]["message"] =
        json!("Left out 1: an item without an id");
    left_out.is_explained();
    let mut unserved = missing(0);
    unserved.history.served = None;
    unserved.is_explained();
    let mut unwanted = missing(0);
    unwanted.watch["spec"]["states"] = json!(["FAILED"]);
    unwanted.is_explained();
}

#[test]
fn a_finished_one_may_wait_for_a_full_listing_and_may_expire() {
    let mut ended = Scene::new(&[("FAILED", LATE - 300)], Vec::new());
    ended.calm_since = Some(0);
    ended.is_explained();
    ended.now += 40;
    ended.reports("no mirror");
    ended.watch["spec"]["retention"] = json!({"ttlAfterFinished": "5m"});
    ended.is_explained();

    let kept = mirror(&remediation("FAILED", 0), "True", "Final");
    let mut kept = Scene::new(&[("FAILED", 0)], vec![kept]);
    kept.watch["spec"]["retention"] = json!({"ttlAfterFinished": "5m"});
    kept.is_explained();
    kept.calm_since = Some(0);
    kept.reports("retention should have taken it");
}

#[test]
fn what_the_api_never_showed() {
    let mut stranger = Scene::new(
        &[("RUNNING", 0)],
        vec![mirror(&remediation("RUNNING", 0), "True", "Listed")],
    );
    stranger.history.served = None;
    stranger.mirrors[0]["spec"]["id"] = json!("nobody");
    stranger.reports("nobody: the API has never shown it");

    let listed = mirror(&remediation("RUNNING", 0), "True", "Listed");
    for (field, value) in [("state", "QUARANTINED"), ("mode", "X"), ("reason", "moths")] {
        let mut invented = Scene::new(&[("RUNNING", 0)], vec![listed.clone()]);
        invented.mirrors[0]["status"][field] = json!(value);
        invented.reports("it shows what the API has never shown");
    }
}

#[test]
fn what_a_fault_showed_may_be_mirrored_as_long_as_any_other_version() {
    let mut lie = remediation("RUNNING", 0);
    lie.state = "DEFROSTING".into();
    let mut scene = Scene::new(&[("RUNNING", 0)], vec![mirror(&lie, "True", "Listed")]);
    scene.history.lies.push(Version {
        since: at(0),
        until: Some(at(LATE - 200)),
        served: None,
        shown: Arc::new(lie),
    });
    scene.is_explained();
    scene.now += 50;
    scene.reports("it says DEFROSTING");
}

#[test]
fn words_that_do_not_fit_each_other() {
    for (state, status, reason, open) in [
        ("RUNNING", "True", "Final", true),
        ("FAILED", "True", "Listed", false),
        ("RUNNING", "True", "Stale", true),
        ("RUNNING", "True", "NotFound", false),
        ("RUNNING", "True", "Whatever", true),
    ] {
        let mut scene = Scene::new(
            &[(state, 0), ("GONE", LATE)],
            vec![mirror(&remediation(state, 0), status, reason)],
        );
        scene.mirrors[0]["status"]["open"] = json!(open);
        scene.reports("Synced is");
    }
    let listed = mirror(&remediation("RUNNING", 0), "True", "Listed");
    let mut closed = Scene::new(&[("RUNNING", 0)], vec![listed.clone()]);
    closed.mirrors[0]["status"]["open"] = json!(false);
    let message = closed.found().unexplained.join("\n");
    assert!(message.contains("open is not true"), "{message}");
    let twice = Scene::new(&[("RUNNING", 0)], vec![listed.clone(), listed]);
    let message = twice.found().unexplained.join("\n");
    assert!(message.contains("two mirrors"), "{message}");
}

#[test]
fn sums_that_do_not_fit_for_long() {
    let listed = mirror(&remediation("RUNNING", 0), "True", "Listed");
    for (field, value) in [
        ("total", json!(2)),
        ("open", json!(0)),
        ("byState", json!({"PENDING": 1})),
        ("byState", json!({"RUNNING": 1, "PENDING": 1})),
    ] {
        let mut scene = Scene::new(&[("RUNNING", 0)], vec![listed.clone()]);
        assert!(!scene.found().sums_off);
        scene.watch["status"]["remediations"][field] = value;
        assert!(scene.found().sums_off, "{field}");
        scene.is_explained();
        scene.sums_off_since = Some(LATE - 242);
        scene.reports("it counts");
    }
}

#[test]
fn a_watch_that_does_not_come_back_when_all_is_well() {
    let mut scene = Scene::new(&[], Vec::new());
    scene.history.served = None;
    scene.watch["status"]["conditions"][0]["status"] = json!("False");
    scene.calm_since = Some(LATE - 630);
    scene.is_explained();
    scene.calm_since = Some(LATE - 632);
    scene.reports("not Ready though all is well");

    let mut scene = Scene::new(&[], Vec::new());
    scene.watch["status"]["staleAfter"] = json!(at(0).to_string());
    scene.is_explained();
    scene.calm_since = Some(LATE - 332);
    scene.reports("its staleAfter has passed");
}
