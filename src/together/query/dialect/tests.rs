#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use super::*;

fn states(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

fn open() -> Vec<String> {
    states("PENDING PENDING_APPROVAL QUARANTINED RUNNING")
}

#[test]
fn each_step_asks_for_fewer_states_first_repeated_and_then_joined_and_none_repeats_another() {
    // The requested states, and those that are requested instead if the server refuses them.
    for steps in [
        &[
            "PENDING PENDING_APPROVAL QUARANTINED RUNNING",
            "PENDING PENDING_APPROVAL RUNNING",
        ][..],
        &[
            "DREAMING PENDING QUARANTINED RUNNING",
            "PENDING QUARANTINED RUNNING",
            "PENDING RUNNING",
        ],
        &["PENDING RUNNING"],
    ] {
        let steps: Vec<_> = steps.iter().map(|step| states(step)).collect();
        let repeated = steps.iter().cloned().map(StateFilter::Repeated);
        let joined = steps.iter().cloned().map(StateFilter::Comma);
        let expected: Vec<_> = repeated.chain(joined).chain([StateFilter::None]).collect();
        assert_eq!(StateFilter::fallbacks(&steps[0]), expected);
    }
    for one in ["RUNNING", "DRAINING"] {
        let expected = [StateFilter::Repeated(states(one)), StateFilter::None];
        assert_eq!(StateFilter::fallbacks(&states(one)), expected);
    }
    assert_eq!(StateFilter::fallbacks(&[]), [StateFilter::None]);
}

fn request(asked: &[String]) -> ListRequest {
    ListRequest {
        cluster: "c".to_owned(),
        instance: None,
        states: asked.to_vec(),
        page_size: 100,
        order_by: None,
    }
}

/// Two listings with the same experience.
fn twice(meet: impl Fn()) {
    meet();
    meet();
}

#[tokio::test(start_paused = true)]
async fn what_was_learned_holds_for_ten_minutes_then_twice_as_long_and_at_most_six_hours() {
    let dialects = Dialects::default();
    let clone = dialects.clone();
    let comma = StateFilter::Comma(open());
    let met = || {
        clone.filter_taken(&request(&open()), &comma);
        clone.names_work(&request(&open()), QueryNames::Sdk);
    };
    met();
    for minutes in [10, 20, 40, 80, 160, 320, 360, 360] {
        let best = StateFilter::Repeated(open());
        let begins = || (dialects.filter(&open()), dialects.names());
        assert_eq!(begins(), (best.clone(), QueryNames::Reference));
        met();
        tokio::time::advance(Duration::from_secs(60 * minutes - 1)).await;
        assert_eq!(begins(), (comma.clone(), QueryNames::Sdk), "{minutes}");
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let counted = [("comma", 8), ("sdk-names", 8)];
    assert_eq!(dialects.fallbacks(), counted.into());
}

#[tokio::test]
async fn two_clusters_that_each_meet_something_once_agree_on_nothing() {
    let dialects = Dialects::default();
    for cluster in ["c", "d"] {
        let request = ListRequest {
            cluster: cluster.to_owned(),
            ..request(&open())
        };
        dialects.filter_taken(&request, &StateFilter::None);
        dialects.filter_ignored(&request);
        dialects.filter_lacks(&request, &StateFilter::Repeated(open()));
        dialects.names_work(&request, QueryNames::Sdk);
    }
    assert_eq!(dialects.note(&open()), None);
    assert!(dialects.fallbacks().is_empty());
}

#[tokio::test]
async fn a_better_form_that_works_again_is_taken_back() {
    let dialects = Dialects::default();
    let request = request(&open());
    twice(|| dialects.filter_ignored(&request));
    twice(|| dialects.names_work(&request, QueryNames::Sdk));
    assert!(!dialects.filters(&open()));
    dialects.filter_honored(&request, &StateFilter::Repeated(open()));
    dialects.names_work(&request, QueryNames::Reference);
    assert!(dialects.filters(&open()));
    assert_eq!(dialects.names(), QueryNames::Reference);
}

#[tokio::test(start_paused = true)]
async fn a_form_that_lists_too_little_gives_way_to_the_other_one_and_then_to_none() {
    let dialects = Dialects::default();
    let request = request(&open());
    let lacks = || {
        let filter = dialects.filter(&open());
        dialects.filter_lacks(&request, &filter);
        // It ends well all the same.
        dialects.filter_honored(&request, &filter);
        dialects.filter(&open())
    };
    let begun = [lacks(), lacks(), lacks(), lacks()];
    let [repeated, comma] = [StateFilter::Repeated(open()), StateFilter::Comma(open())];
    let expected = [repeated.clone(), comma.clone(), comma, StateFilter::None];
    assert_eq!(begun, expected);
    let note = dialects.note(&open()).unwrap();
    assert!(note.contains("too few"), "{note}");

    // Tried again after ten minutes, and found out by one more.
    tokio::time::advance(term::FIRST).await;
    assert_eq!(dialects.filter(&open()), repeated);
    assert_eq!(lacks(), StateFilter::None);
    tokio::time::advance(term::FIRST).await;
    assert_eq!(dialects.filter(&open()), StateFilter::None, "for longer");

    // The server was fixed meanwhile.
    tokio::time::advance(term::FIRST).await;
    dialects.filter_lacks_nothing(&request);
    assert_eq!(lacks(), repeated);
}

#[tokio::test]
async fn what_one_set_of_states_met_does_not_touch_another() {
    let dialects = Dialects::default();
    let request = request(&states("RUNING"));
    twice(|| dialects.filter_taken(&request, &StateFilter::None));
    assert!(!dialects.filters(&states("RUNING")));
    assert!(dialects.filters(&open()));
    assert_eq!(dialects.filter(&[]), StateFilter::None);
}

#[tokio::test]
async fn the_memory_is_bounded() {
    let dialects = Dialects::default();
    for n in 0..10 * MAX_SETS {
        let request = request(&[format!("S{n}")]);
        twice(|| dialects.filter_taken(&request, &StateFilter::None));
    }
    assert!(dialects.learned().filters.len() <= MAX_SETS);
}

#[tokio::test]
async fn the_note_describes_how_the_server_is_asked() {
    let dialects = Dialects::default();
    let asked = states("DREAMING PENDING QUARANTINED RUNNING");
    let request = request(&asked);
    let described = || (dialects.note(&asked), dialects.spoken());
    let mut all = vec![described()];
    for filter in StateFilter::fallbacks(&asked).into_iter().skip(1) {
        twice(|| dialects.filter_taken(&request, &filter));
        all.push(described());
    }
    twice(|| dialects.filter_lacks(&request, &StateFilter::None));
    all.push(described());
    twice(|| dialects.filter_ignored(&request));
    twice(|| dialects.names_work(&request, QueryNames::Sdk));
    all.push(described());
    let all: Vec<_> = all
        .into_iter()
        .map(|(note, spoken)| {
            let filters: Vec<_> = spoken.filters.into_iter().collect();
            let (filters, note) = (filters.join(" "), note.unwrap_or_default());
            format!("{} {filters}: {note}", spoken.names)
        })
        .collect();
    insta::assert_yaml_snapshot!(all, @r#"
    - "reference repeated: "
    - "reference repeated-known: The API rejects unknown states in the filter, so remediations in those states are fetched one by one"
    - "reference repeated-reference: The API rejects newer states in the filter, so remediations in those states are fetched one by one"
    - "reference comma: The operator joins states by commas, because the API rejects the filter format of its reference page"
    - "reference comma-known: The operator joins states by commas and fetches remediations in unknown states one by one, because the API rejects those states in the filter"
    - "reference comma-reference: The operator joins states by commas and fetches remediations in newer states one by one, because the API rejects those states in the filter"
    - "reference refused: The API rejects the state filter, so every sync lists everything"
    - "reference lacking: The API returns too few remediations if filtered by state, so every sync lists everything"
    - "sdk ignored: The operator uses the SDKs' query parameters (page_size), because the API ignores those of its reference page; The API ignores the state filter, so every sync lists everything"
    "#);
    assert_eq!(dialects.fallbacks().len(), 9, "each of these once");
    assert!(dialects.fallbacks().values().all(|count| *count == 1));
    assert!(dialects.note(&[]).unwrap().contains("SDKs"));
}
