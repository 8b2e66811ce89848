#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn states(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

fn open() -> Vec<String> {
    states("PENDING PENDING_APPROVAL QUARANTINED RUNNING")
}

#[test]
fn the_reference_pages_states_come_before_another_form() {
    let reference = states("PENDING PENDING_APPROVAL RUNNING");
    let expected = [
        StateFilter::Repeated(open()),
        StateFilter::Repeated(reference.clone()),
        StateFilter::Comma(open()),
        StateFilter::Comma(reference),
        StateFilter::None,
    ];
    assert_eq!(StateFilter::ladder(&open()), expected);
}

#[test]
fn no_step_of_the_ladder_repeats_another() {
    let two = states("PENDING RUNNING");
    let expected = [
        StateFilter::Repeated(two.clone()),
        StateFilter::Comma(two.clone()),
        StateFilter::None,
    ];
    assert_eq!(StateFilter::ladder(&two), expected);
    for one in ["RUNNING", "DRAINING"] {
        let expected = [StateFilter::Repeated(states(one)), StateFilter::None];
        assert_eq!(StateFilter::ladder(&states(one)), expected);
    }
    assert_eq!(StateFilter::ladder(&[]), [StateFilter::None]);
}

#[tokio::test(start_paused = true)]
async fn what_was_learned_holds_for_six_hours_and_for_all_clones() {
    let dialects = Dialects::default();
    let comma = StateFilter::Comma(open());
    dialects.clone().filter_taken(&open(), &comma);
    dialects.clone().names_work(QueryNames::Sdk);
    let second = Duration::from_secs(1);
    tokio::time::advance(RETRY.checked_sub(second).unwrap()).await;
    assert_eq!(
        (dialects.filter(&open()), dialects.names()),
        (comma, QueryNames::Sdk)
    );
    tokio::time::advance(second).await;
    let best = StateFilter::Repeated(open());
    assert_eq!(
        (dialects.filter(&open()), dialects.names()),
        (best, QueryNames::Reference)
    );
}

#[tokio::test]
async fn a_better_form_that_works_again_is_taken_back() {
    let dialects = Dialects::default();
    dialects.filter_ignored(&open());
    dialects.names_work(QueryNames::Sdk);
    assert!(!dialects.filters(&open()));
    dialects.filter_taken(&open(), &StateFilter::Repeated(open()));
    dialects.names_work(QueryNames::Reference);
    assert!(dialects.filters(&open()));
    assert_eq!(dialects.names(), QueryNames::Reference);
}

#[tokio::test]
async fn what_one_set_of_states_met_does_not_touch_another() {
    let dialects = Dialects::default();
    dialects.filter_taken(&states("RUNING"), &StateFilter::None);
    assert!(!dialects.filters(&states("RUNING")));
    assert!(dialects.filters(&open()));
    assert_eq!(dialects.filter(&[]), StateFilter::None);
}

#[tokio::test]
async fn the_memory_is_bounded() {
    let dialects = Dialects::default();
    for n in 0..10 * MAX_SETS {
        dialects.filter_taken(&[format!("S{n}")], &StateFilter::None);
    }
    assert!(dialects.learned().filters.len() <= MAX_SETS);
}

#[tokio::test]
async fn tells_in_words_how_the_server_is_asked() {
    let dialects = Dialects::default();
    let reference = states("PENDING PENDING_APPROVAL RUNNING");
    let told = || (dialects.note(&open()), dialects.spoken());
    let mut all = vec![told()];
    for filter in [
        StateFilter::Repeated(reference.clone()),
        StateFilter::Comma(open()),
        StateFilter::Comma(reference),
        StateFilter::None,
    ] {
        dialects.filter_taken(&open(), &filter);
        all.push(told());
    }
    dialects.filter_ignored(&open());
    dialects.names_work(QueryNames::Sdk);
    all.push(told());
    let all: Vec<_> = all
        .into_iter()
        .map(|(note, spoken)| {
            let filters: Vec<_> = spoken.filters.into_iter().collect();
            format!(
                "{} {}: {}",
                spoken.names,
                filters.join(" "),
                note.unwrap_or_default()
            )
        })
        .collect();
    insta::assert_yaml_snapshot!(all, @r#"
    - "reference repeated: "
    - "reference repeated-reference: the API refuses the newer states as a filter: remediations in those are asked for one by one"
    - "reference comma: the API is asked for states joined by commas: it refuses the reference page's form"
    - "reference comma-reference: the API is asked for states joined by commas, and without the newer ones, which it refuses: remediations in those are asked for one by one"
    - "reference refused: the API refuses the state filter: every poll lists everything"
    - "sdk ignored: the API is asked with the query names of its SDKs (page_size): it does not heed those of its reference page; the API ignores the state filter: every poll lists everything"
    "#);
    assert_eq!(dialects.fallbacks().len(), 6, "each of these once");
    assert!(dialects.fallbacks().values().all(|count| *count == 1));
    assert_eq!(
        dialects.note(&[]).map(|note| note.contains("SDKs")),
        Some(true)
    );
}
