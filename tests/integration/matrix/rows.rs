//! The faults, what each does, and what a person should do about it.

use testbed::simulator::{Fault, Times};

use super::expected::Effect::{self, Passes, Retried, Stalled};

/// One row of the table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// For people.
    pub(super) name: &'static str,
    pub(super) fault: Fault,
    pub(super) times: Times,
    pub(super) effect: Effect,
    /// What is mirrored meanwhile, if the effect alone does not define it.
    pub(super) mirrored: &'static str,
    pub(super) advice: &'static str,
}

const OUTAGE: &str =
    "Nothing: the operator retries at each interval. If this persists, contact Together.";
const URL: &str = "Check `--api-url` and any proxy on the way: another service answers.";
const THEIRS: &str = "If this persists, report it to Together: the API pages incorrectly.";
const SKIPPED: &str =
    "Report it to Together. The message of Ready names the remediation, if it has an id.";

fn status(status: u16, retry_after: Option<&str>) -> Fault {
    Fault::Status {
        status,
        retry_after: retry_after.map(str::to_owned),
    }
}

fn row(name: &'static str, fault: Fault, effect: Effect, advice: &'static str) -> Row {
    Row {
        name,
        fault,
        times: Times::UntilCleared,
        effect,
        mirrored: "",
        advice,
    }
}

fn listed(name: &'static str, fault: Fault, mirrored: &'static str, advice: &'static str) -> Row {
    let effect = Effect::Listed { note: None };
    Row {
        mirrored,
        ..row(name, fault, effect, advice)
    }
}

fn left_out(name: &'static str, fault: Fault, mirrored: &'static str) -> Row {
    let note = Some("Left out");
    Row {
        mirrored,
        ..row(name, fault, Effect::Listed { note }, SKIPPED)
    }
}

/// All of them; the slowest first, so that the others run beside it.
pub(super) fn all() -> Vec<Row> {
    [
        silence(),
        refusals(),
        outages(),
        bodies(),
        paging(),
        items(),
    ]
    .concat()
}

fn silence() -> Vec<Row> {
    vec![
        row(
            "no answer at all",
            Fault::Hang,
            Retried("Unavailable"),
            OUTAGE,
        ),
        listed(
            "an answer that drips in slowly",
            Fault::SlowDrip { pause_ms: 1 },
            "All of it, later.",
            "Nothing. An answer that takes longer than a minute counts as none.",
        ),
    ]
}

fn refusals() -> Vec<Row> {
    let key = "Put a valid key into the Secret. It is used at the next sync.";
    let rights = "Check that the key belongs to the cluster's project; then as for 401.";
    let id = "Check `spec.clusterId` (and `spec.instanceId`), and that the key belongs to their project.";
    let query = "Check `spec.query` and `spec.states`.";
    vec![
        row("400", status(400, None), Stalled("BadRequest"), query),
        row("401", status(401, None), Stalled("Unauthorized"), key),
        Row {
            times: Times::Next(1),
            ..row(
                "401 once, then good",
                status(401, None),
                Passes("Unauthorized"),
                "Nothing.",
            )
        },
        row("403", status(403, None), Stalled("Forbidden"), rights),
        row("404", status(404, None), Stalled("ClusterNotFound"), id),
    ]
}

fn outages() -> Vec<Row> {
    let rate =
        "Nothing, if rare. Otherwise lower `--api-qps`, or use the key for fewer ClusterWatches.";
    let limited = |name, after| row(name, status(429, after), Retried("RateLimited"), rate);
    let away = |name, fault| row(name, fault, Retried("Unavailable"), OUTAGE);
    vec![
        limited("429", None),
        limited("429 with Retry-After", Some("5")),
        away("500", status(500, None)),
        away("502", status(502, None)),
        away("503", status(503, None)),
        away("503 with Retry-After", status(503, Some("5"))),
        away("502 and a web page", Fault::Html { status: 502 }),
        away("half of a body", Fault::CutBody),
    ]
}

fn bodies() -> Vec<Row> {
    let location = "http://127.0.0.1:9/".to_owned();
    let error = Fault::Answer {
        status: 200,
        body: r#"{"code": 13, "message": "internal", "details": []}"#.to_owned(),
    };
    let odd = |name, fault| row(name, fault, Retried("InvalidResponse"), URL);
    vec![
        odd("200 and no JSON", Fault::NotJson),
        odd("200 and other JSON", Fault::OtherShape),
        odd("200 and an error as JSON", error),
        odd("200 and a web page", Fault::Html { status: 200 }),
        odd("a redirect", Fault::Redirect { location }),
    ]
}

fn paging() -> Vec<Row> {
    let endless = |name, fault| row(name, fault, Retried("IncompleteListing"), THEIRS);
    vec![
        endless("a token that leads to the same page", Fault::RepeatedToken),
        endless("a next page without a token", Fault::MissingToken),
        listed(
            "a page that is skipped",
            Fault::LostPage,
            "What the API shows. A missing open remediation is requested by id. Nothing is marked gone.",
            THEIRS,
        ),
        listed(
            "a page that begins one item late",
            Fault::ShiftedPage,
            "As for a skipped page.",
            THEIRS,
        ),
        listed(
            "a page that repeats an item",
            Fault::DoubledPage,
            "All of it, once.",
            "Nothing.",
        ),
        listed(
            "an empty list",
            Fault::EmptyList,
            "Nothing. Later, each open one is asked for by id. Nothing is marked gone.",
            "If OPEN and TOTAL look too low after a first sync, check with `tg`.",
        ),
    ]
}

fn items() -> Vec<Row> {
    vec![
        left_out(
            "an item without an id",
            Fault::ItemWithoutId,
            "All others. Nothing is marked gone meanwhile.",
        ),
        left_out(
            "an item that cannot be read",
            Fault::MalformedItem,
            "All others. One that has a mirror is requested by id. If that fails too, it becomes stale.",
        ),
        listed(
            "unknown state, mode and trigger",
            Fault::UnknownEnum,
            "The words of the API. An unknown state counts as open.",
            "Nothing. A newer operator may know the words.",
        ),
        listed(
            "an old version after a newer one",
            Fault::OldVersion,
            "The newer version, by `updateTime`. The old one only if two full syncs, five minutes apart, show it.",
            "Nothing.",
        ),
    ]
}
