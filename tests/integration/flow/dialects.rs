//! Every dialect of the API: what is asked, what it costs to find out, and where it is reported.

use std::time::Duration;

use testbed::simulator::{Dialect, Names, PAGE_STATES, Remediation as Truth, StateForm};

use crate::{
    conditions::{assert_contains, condition},
    fixture::Fixture,
    steps::pages_of,
    truth::assert_mirrors,
};

const POLL: Duration = Duration::from_secs(20);
const ELSEWHERE: &str = "another-cluster";

/// A dialect, and what is to come of it.
struct Case {
    name: &'static str,
    dialect: Dialect,
    /// Calls of the first two listings of what is open, which must agree, and of each one after that.
    calls: (u64, u64),
    /// The metric's word for it.
    word: &'static str,
    /// Part of the message of Ready; empty: no note.
    sentence: &'static str,
}

fn of_form(state_form: StateForm) -> Dialect {
    Dialect {
        state_form,
        ..Dialect::default()
    }
}

fn without_newer(state_form: StateForm) -> Dialect {
    Dialect {
        states: PAGE_STATES.iter().map(ToString::to_string).collect(),
        ..of_form(state_form)
    }
}

fn cases() -> [Case; 6] {
    [
        Case {
            name: "repeated",
            dialect: Dialect::default(),
            calls: (1, 1),
            word: "repeated",
            sentence: "",
        },
        Case {
            name: "reference",
            dialect: without_newer(StateForm::Repeated),
            calls: (2, 1),
            word: "repeated-reference",
            sentence: "The API rejects newer states in the filter",
        },
        Case {
            name: "comma",
            dialect: of_form(StateForm::Comma),
            calls: (3, 1),
            word: "comma",
            sentence: "joins states by commas, because the API rejects the filter format",
        },
        Case {
            name: "comma-reference",
            dialect: without_newer(StateForm::Comma),
            calls: (4, 1),
            word: "comma-reference",
            sentence: "joins states by commas and fetches remediations in newer states one by one",
        },
        Case {
            name: "refused",
            dialect: Dialect {
                states: [].into(),
                ..Dialect::default()
            },
            calls: (5, 1),
            word: "refused",
            sentence: "The API rejects the state filter, so every sync lists everything",
        },
        Case {
            name: "ignored",
            dialect: of_form(StateForm::Ignored),
            calls: (1, 1),
            word: "ignored",
            sentence: "The API ignores the state filter, so every sync lists everything",
        },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_form_of_the_filter_is_found_once_remembered_and_reported() {
    for case in cases() {
        let fixture = Fixture::new(case.name).await;
        fixture.simulator.set_dialect(case.dialect);
        for number in 1..=6 {
            let state = if number < 3 { "RUNNING" } else { "SUCCEEDED" };
            fixture.put_in(number, state);
        }
        fixture.synced_watch(|_| {}).await;
        let (first, next) = case.calls;
        for expected in [first, first, next, next] {
            let before = fixture.calls();
            fixture.turn(POLL).await;
            let calls = fixture.calls() - before;
            assert_eq!(calls, expected, "{}", case.name);
        }

        let watch = fixture.ready("training", "Synced").await;
        let message = condition(&watch, "Ready").message;
        if case.sentence.is_empty() {
            assert_eq!(message, crate::conditions::IN_SYNC);
        } else {
            assert!(message.contains(case.sentence), "{}: {message}", case.name);
        }
        let scrape = fixture.scrape().await;
        assert_eq!(scrape.values("api_dialect_info", "filter"), [case.word]);
        assert_eq!(scrape.values("api_dialect_info", "names"), ["reference"]);
        let counted = (!case.sentence.is_empty()).then_some(1.0);
        assert_eq!(
            scrape.get("api_dialect_fallbacks", &[("to", case.word)]),
            counted
        );

        // What is known of a server serves all watches of it.
        fixture.simulator.put(Truth::numbered(ELSEWHERE, 101));
        fixture
            .watch("second", |spec| ELSEWHERE.clone_into(&mut spec.cluster_id))
            .await;
        fixture.ready("second", "Synced").await;
        let before = fixture.calls();
        fixture.turn(POLL).await;
        let calls = fixture.calls() - before;
        assert_eq!(calls, 2 * next, "{}: one poll of each watch", case.name);
        let mut truth = fixture.truth();
        truth.extend(fixture.simulator.truth(ELSEWHERE));
        assert_mirrors(&fixture.all().await, &truth);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_of_the_sdks_are_found_once_remembered_and_reported() {
    let fixture = Fixture::new("sdk-names").await;
    fixture.simulator.set_dialect(Dialect {
        names: Names::Snake,
        ..Dialect::default()
    });
    for number in 1..=60 {
        let state = if number < 3 { "RUNNING" } else { "SUCCEEDED" };
        fixture.put_in(number, state);
    }
    fixture
        .synced_watch(|spec| {
            spec.query = Some(pages_of(25));
        })
        .await;
    // The server's own fifty, the same again, then three pages of 25.
    assert_eq!(fixture.calls(), 5);
    fixture.agrees().await;
    fixture.sync("training").await;
    assert_eq!(fixture.calls(), 5 + 5, "both agree");
    fixture.sync("training").await;
    assert_eq!(fixture.calls(), 5 + 5 + 3);
    let message = condition(&fixture.ready("training", "Synced").await, "Ready").message;
    assert_contains(&message, &["the SDKs' query parameters (page_size)"]);
    let scrape = fixture.scrape().await;
    assert_eq!(scrape.values("api_dialect_info", "names"), ["sdk"]);
    assert_eq!(
        scrape.get("api_dialect_fallbacks", &[("to", "sdk-names")]),
        Some(1.0)
    );
}
