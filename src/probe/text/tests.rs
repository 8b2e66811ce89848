use super::*;
use crate::{
    api::cluster_watch::{ClusterWatch, ClusterWatchSpec},
    probe::report::{Failed, Report},
};

fn report() -> Report {
    let watch = ClusterWatch::new("probe", ClusterWatchSpec::default());
    Report::unasked("api.example".to_owned(), &watch, None, false)
}

fn problem(count: usize, ids: &[&str]) -> Problem {
    Problem {
        problem: "field id: absent or empty".to_owned(),
        count,
        items: (1..=count.min(5)).collect(),
        ids: ids.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_failure_comes_first_in_lines_that_fit_a_terminal() {
    let failure = Failed {
        reason: "Unavailable",
        message: "the API is unavailable: timed out. ".repeat(4),
        stalled: false,
    };
    let mut report = report();
    report.outcome.failure = Some(failure);
    insta::assert_snapshot!(render(&report), @r"
    result        FAILED: Unavailable
                  the API is unavailable: timed out. the API is unavailable: timed out. the API is
                  unavailable: timed out. the API is unavailable: timed out.
    in run        run retries. Ready turns False once nothing was synced for three intervals and two
                  minutes.
    version       together-remediation-operator 0.1.0
    API           api.example
    scope         all instances of one cluster (ids: --show-ids)
    calls         none: nothing was asked
    ");
}

#[test]
fn the_effect_in_run_follows_from_the_reason() {
    let message = |reason, stalled| {
        in_run(&Failed {
            reason,
            message: String::new(),
            stalled,
        })
    };
    assert!(message("SecretInvalid", true).contains("after two minutes"));
    assert!(message("Unauthorized", true).contains("Stalled is True at once"));
    assert!(message("RateLimited", false).contains("retries"));
}

#[test]
fn a_problem_names_the_first_items_by_place_or_by_id() {
    for (count, ids, items) in [
        (7, &[][..], "1, 2, 3, 4, 5, …"),
        (1, &["a\u{1b}[31mb"], "a\\u{1b}[31mb"),
    ] {
        let expected = format!("{count}: field id: absent or empty (item {items})");
        assert_eq!(problem_text(&problem(count, ids)), expected);
    }
}

#[test]
fn a_skew_is_shown_with_its_direction() {
    let skew = |seconds| {
        clock(&Clock {
            skew_seconds: Some(seconds),
            more_than_a_day: false,
        })
    };
    assert_eq!(skew(0.4), "agrees with the local clock");
    assert_eq!(skew(12.0), "12 s ahead of the local clock");
    assert_eq!(skew(-12.0), "12 s behind the local clock");
}
