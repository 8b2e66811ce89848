//! docs/reference/messages.md: every message that a person can see, made from the code, and the words that none may have.

mod code;
mod outside;

use std::{collections::BTreeSet, fmt::Write as _};

use regex::Regex;
use strum::{IntoEnumIterator as _, VariantArray as _};
use testbed::drift::check;
use together_remediation_operator::{api::Reason, network::Cause};

use self::{
    code::{Message, Way, of_file},
    outside::Shown,
};
use crate::setup;

const PAGE: &str = "docs/reference/messages.md";

const HEAD: &str = "# Messages

Every text that the operator, its CRDs, its Helm chart and its health scripts for Argo CD can show. `{…}` is a placeholder. To update
this page, run `UPDATE_DOCS=1 cargo test --test integration messages`.

Match on [reasons](../on-call/troubleshooting.md) and fields, never on these texts: they may change in any release.
";

/// Source files whose texts the section on CRDs shows.
const SHOWN: [&str; 5] = [
    "api/cluster_watch.rs",
    "api/crd.rs",
    "api/crd/columns.rs",
    "api/rules.rs",
    "api/schema.rs",
];

/// Literals that are compared with the API server's words, and that no person sees.
const NOT_SHOWN: [&str; 8] = [
    "Duplicate value",
    "Invalid value",
    "Not found",
    "Too large resource version",
    "Unsupported value",
    "denied the request",
    "not yet ready to handle request",
    "status unknown for quota",
];

/// Words that no message has, and what to write instead.
const BANNED: [(&str, &str); 30] = [
    (r"\banew\b", "again"),
    (r"\bheed(s|ed)?\b", "honor, act on"),
    (r"\btold\b", "report"),
    (r"\btells?\b", "report, contact"),
    (r"\bnobody\b", "no person, nothing"),
    (r"\bsomebody\b", "a person"),
    (r"\bwhoever\b", "the one who"),
    (r"\bmend(s|ed)?\b", "fix"),
    (r"\bis away\b", "fails"),
    (r"\bfares\b", "check"),
    (r"\bno more\b", "no longer"),
    (r"\blook(s|ed)? at\b", "sync, check"),
    (r"\bmachines?\b", "node"),
    (r"\brepair(s|ed)?\b", "remediation"),
    (r"\bdefinitions?\b", "CRD"),
    (r"\bput right\b", "fix"),
    (r"\bhas no time\b", "is throttling"),
    (r"\bto (its|the) end\b", "completely"),
    (r"\bif this stays\b", "if this persists"),
    (r"\btried again\b", "retrying"),
    (r"\bpoll(s|ed|ing)?\b", "sync"),
    (r"\bthe cluster (refuse|take|did)", "the API server"),
    (r"\bwhere (it|this|that) is\b", "if"),
    (r"\bby itself\b", "retries"),
    (r"\bleft alone\b", "ignored"),
    (r"\bfor instance\b", "for example"),
    (r"\bmakes? of\b", "check"),
    (r"\bask(s|ed)? for\b", "request"),
    (r"\bknows nothing\b", "not found"),
    (r"\bthat one\b", "name the thing"),
];

fn code() -> BTreeSet<Message> {
    let mut all = code::all(&SHOWN);
    all.retain(|message| !NOT_SHOWN.contains(&&*message.text));
    all
}

/// One cell of a table.
fn cell(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("`{}`", text.replace('|', "\\|").replace('`', "'"))
}

fn table(title: &str, head: &str, rows: impl IntoIterator<Item = Shown>) -> String {
    let mut text = format!("\n## {title}\n\n| {head} | text |\n|---|---|\n");
    for (place, message) in rows {
        writeln!(text, "| {place} | {} |", cell(&message)).unwrap();
    }
    text
}

/// The messages of the code that go one `way`, and are help texts of metrics or not.
fn rows(all: &BTreeSet<Message>, way: Way, metrics: bool) -> Vec<Shown> {
    let is_metric =
        |message: &Message| message.way == Way::Text && message.place.contains("metrics");
    let expected = all
        .iter()
        .filter(|message| message.way == way && is_metric(message) == metrics);
    let place = |message: &Message| match &*message.what {
        "" => format!("`{}`", message.place),
        what => format!("`{}` {what}", message.place),
    };
    expected
        .map(|message| (place(message), message.text.clone()))
        .collect()
}

/// The words that stand for the error of another library.
fn causes() -> Vec<Shown> {
    Cause::iter()
        .map(|cause| ("`network/cause.rs`".to_owned(), cause.phrase()))
        .collect()
}

fn sections() -> Vec<(&'static str, &'static str, Vec<Shown>)> {
    let all = code();
    vec![
        ("Errors", "error", rows(&all, Way::Error, false)),
        ("Log messages", "level", rows(&all, Way::Log, false)),
        (
            "Conditions, Events, probes and parts of messages",
            "source",
            rows(&all, Way::Text, false),
        ),
        ("Why a connection fails", "source", causes()),
        ("Metrics", "source", rows(&all, Way::Text, true)),
        ("Command line", "subcommand or flag", outside::help()),
        ("CRDs", "field", outside::crd_texts()),
        ("Helm chart", "place", outside::chart()),
        ("Argo CD health scripts", "script", outside::health()),
    ]
}

#[test]
fn the_page_lists_every_message() {
    let sections = sections();
    let count: usize = sections.iter().map(|(_, _, rows)| rows.len()).sum();
    let mut page = format!("{HEAD}\n{count} texts.\n");
    for (title, head, rows) in sections {
        assert!(!rows.is_empty(), "{title}");
        page += &table(title, head, rows);
    }
    check(PAGE, &page, "--test integration messages");
}

#[test]
fn no_message_has_a_banned_word() {
    let banned =
        BANNED.map(|(word, instead)| (Regex::new(&format!("(?i){word}")).unwrap(), instead));
    let mut found = Vec::new();
    for (title, _, rows) in sections() {
        for (place, text) in rows {
            for (word, instead) in &banned {
                if let Some(hit) = word.find(&text) {
                    found.push(format!(
                        "{title}, {place}: {:?} ({instead}) in {text:?}",
                        hit.as_str()
                    ));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Notifications fire on reasons and on fields. A change of prose must not change when they fire.
#[test]
fn triggers_of_notifications_hold_reasons_and_fields_alone() {
    let settings = setup::yaml("docs/argo-cd/notifications.yaml");
    let literal = Regex::new(r#""([^"]*)""#).unwrap();
    let word = Regex::new(r"[A-Za-z]+").unwrap();
    let known: BTreeSet<&str> = Reason::VARIANTS
        .iter()
        .map(|reason| reason.as_str())
        .chain(["ClusterWatch", "open"])
        .collect();
    let mut conditions = 0;
    for (name, text) in settings["data"].as_object().unwrap() {
        if !name.starts_with("trigger.") {
            continue;
        }
        let trigger: serde_json::Value = serde_saphyr::from_str(text.as_str().unwrap()).unwrap();
        for case in trigger.as_array().unwrap() {
            let when = case["when"].as_str().unwrap();
            for found in literal.captures_iter(when) {
                for word in word.find_iter(&found[1]) {
                    assert!(
                        known.contains(word.as_str()),
                        "{name}: {:?} in {when}",
                        word.as_str()
                    );
                }
                conditions += 1;
            }
        }
    }
    assert!(conditions >= 4, "{conditions}");
}

#[test]
fn a_message_is_found_wherever_it_is_written() {
    let text = r#"
        #[derive(thiserror::Error)] enum E { #[error("an error: {0}")] A(u8), #[error(transparent)] B(X) }
        #[error("a struct failed")] struct S;
        const A: &str = "a const text";
        #[cfg(test)] mod tests { const B: &str = "of a test"; }
        fn f() {
            tracing::warn!(error = "a field value", %name, "warned {}", name);
            let text = format!("{} formatted text", g("an argument of it"));
            match text { "a pattern here" => h("an arm with text"), _ => text.starts_with("not shown here") };
        }
        #[expect(lint, reason = "never shown to people")] fn k() { l("one"); }
    "#;
    let found = of_file("f.rs", text);
    let found: Vec<_> = found
        .iter()
        .map(|message| (message.way, &*message.what, &*message.text))
        .collect();
    let expected = [
        (Way::Error, "A", "an error: {0}"),
        (Way::Error, "S", "a struct failed"),
        (Way::Log, "warn", "warned {}"),
        (Way::Text, "", "a const text"),
        (Way::Text, "", "an argument of it"),
        (Way::Text, "", "an arm with text"),
        (Way::Text, "", "{} formatted text"),
    ];
    assert_eq!(found, expected);
}
