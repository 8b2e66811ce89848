use super::*;
use crate::{mirror::truncate::ID_SHOWN, testing::target};

fn clocks() -> Clocks {
    let ours = k8s_openapi::jiff::Timestamp::UNIX_EPOCH;
    Clocks {
        ours,
        apis: Some(ours),
    }
}

fn item(id: &str, state: &str) -> Remediation {
    Remediation {
        id: id.into(),
        state: state.into(),
        ..Remediation::default()
    }
}

fn found(items: impl IntoIterator<Item = Remediation>) -> Findings {
    let mut findings = Findings::default();
    for item in items {
        findings.take(&target(), clocks(), Ok(item));
    }
    findings
}

#[test]
fn a_value_that_does_not_look_like_one_is_counted_and_not_shown() {
    let states = [
        "RUNNING",
        "DEFROSTING",
        "jane@example.com",
        "9f0c8a527d0e4a39",
    ];
    let findings = found(states.map(|state| item("r", state)));
    let counts = [("(not shown)", 2), ("DEFROSTING", 1), ("RUNNING", 1)];
    let counts = counts.map(|(state, count)| (state.to_owned(), count));
    assert_eq!(findings.values.states.counts, counts.into());
    let unknown = ["(not shown)", "DEFROSTING"].map(str::to_owned);
    assert_eq!(findings.values.states.unknown, unknown.into());
}

#[test]
fn one_unknown_value_of_any_field_is_an_unknown_one() {
    let values = |state: &str, mode: Option<&str>| {
        let item = Remediation {
            mode: mode.map(Into::into),
            ..item("r", state)
        };
        found([item]).values
    };
    assert!(!values("RUNNING", None).has_unknown());
    assert!(values("DEFROSTING", None).has_unknown());
    assert!(values("RUNNING", Some("REMEDIATION_MODE_DREAMING")).has_unknown());
}

#[test]
fn values_and_problems_are_bounded() {
    let letters = |number: usize| {
        let last = b'A' + u8::try_from(number % 26).unwrap_or(0);
        format!("{}{}", "A".repeat(number / 26 + 1), char::from(last))
    };
    let findings = found((0..500).map(|number| item(&"x".repeat(2000), &letters(number))));
    assert!(findings.values.states.counts.len() <= VALUES + 1);
    assert!(findings.values.states.unknown.len() <= VALUES + 1);
    let left_out = findings.forecast.left_out.into_list(true);
    assert_eq!(left_out.len(), 1);
    assert_eq!((left_out[0].count, left_out[0].items.len()), (500, NAMED));
    assert!(left_out[0].ids.iter().all(|id| id.len() == ID_SHOWN));
}

#[test]
fn ids_of_problems_are_shown_only_where_they_may_be() {
    let malformed = Malformed {
        position: 0,
        id: Some("r-1".to_owned()),
        field: "state".to_owned(),
        problem: "absent or empty",
    };
    let left_out = |shown| {
        let mut findings = Findings::default();
        findings.take(&target(), clocks(), Err(malformed.clone()));
        findings.forecast.left_out.into_list(shown)
    };
    assert_eq!(left_out(false)[0].problem, "field state: absent or empty");
    assert!(left_out(false)[0].ids.is_empty());
    assert_eq!(left_out(true)[0].ids, ["r-1"]);
    assert_eq!(left_out(true)[0].items, [1]);
}

#[test]
fn what_another_cluster_owns_is_left_out_with_the_words_of_run() {
    let foreign = Remediation {
        cluster_id: Some("another".into()),
        ..item("r", "RUNNING")
    };
    let findings = found([foreign, item("s", "RUNNING")]);
    assert_eq!(findings.forecast.mirrored, 1);
    let left_out = findings.forecast.left_out.into_list(false);
    assert!(left_out[0].problem.contains("another cluster"));
}
