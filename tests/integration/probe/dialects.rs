//! Each dialect of the simulator.

use std::collections::BTreeSet;

use futures::future::join_all;
use testbed::simulator::{
    Dialect, NEWER_STATES, Names, PAGE_STATES, Remediation as Truth, StateForm,
};

use super::{report, simulator};
use crate::fixture::CLUSTER;

/// More than one page, whichever size the API takes.
const MANY: u32 = 120;

fn states(states: &[&str]) -> BTreeSet<String> {
    states.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn each_spelling_of_the_query_and_each_form_of_the_filter_is_found() {
    let names = [
        (Names::Camel, "reference"),
        (Names::Snake, "sdk"),
        (Names::Both, "reference"),
    ];
    let forms = [
        (StateForm::Repeated, "repeated"),
        (StateForm::Comma, "comma"),
        (StateForm::Either, "repeated"),
        (StateForm::Ignored, "ignored"),
    ];
    let cases = names
        .into_iter()
        .flat_map(|names| forms.map(|form| (names, form)));
    let cases = cases.map(|((names, name), (state_form, form))| async move {
        let simulator = simulator(MANY).await;
        let what = format!("{names:?} {state_form:?}");
        simulator.set_dialect(Dialect {
            names,
            state_form,
            ..Dialect::default()
        });
        let report = report(&simulator).await;
        assert_eq!(report["ok"], true, "{what}: {report}");
        assert_eq!(report["dialect"]["queryNames"], name, "{what}");
        assert_eq!(report["dialect"]["queryNamesProven"], true, "{what}");
        assert_eq!(report["dialect"]["stateFilter"], form, "{what}");
        assert_eq!(report["dialect"]["fieldStyle"], "snake_case", "{what}");
        assert_eq!(report["lists"][0]["items"], MANY, "{what}");
        let differs = name != "reference" || form != "repeated";
        let has_notes = report["notes"] != serde_json::json!([]);
        assert_eq!(has_notes, differs, "{what}: {}", report["notes"]);
    });
    join_all(cases).await;
}

#[tokio::test]
async fn a_filter_that_takes_fewer_states_is_found() {
    let newer = [&PAGE_STATES[..], &NEWER_STATES].concat();
    let cases = [
        (
            StateForm::Repeated,
            states(&PAGE_STATES),
            false,
            "repeated-reference",
        ),
        (
            StateForm::Comma,
            states(&PAGE_STATES),
            false,
            "comma-reference",
        ),
        (StateForm::Repeated, states(&newer), true, "repeated-known"),
        (StateForm::Comma, states(&newer), true, "comma-known"),
        (StateForm::Repeated, BTreeSet::new(), false, "refused"),
    ];
    for (state_form, states, odd, expected) in cases {
        let simulator = simulator(4).await;
        simulator.set_dialect(Dialect {
            state_form,
            states,
            ..Dialect::default()
        });
        if odd {
            simulator.put(Truth {
                state: "DEFROSTING".to_owned(),
                ..Truth::numbered(CLUSTER, 9)
            });
        }
        let report = report(&simulator).await;
        assert_eq!(report["ok"], true, "{expected}: {report}");
        assert_eq!(report["dialect"]["stateFilter"], expected);
    }
}
