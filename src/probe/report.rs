//! What a probe says: pure. It holds no API key, nothing of a person, and ids only where they may be shown.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    findings::{Findings, Problem},
    notes,
    printable::is_field,
    survey::{Listed, Survey},
};
use crate::{
    api::{Reason, cluster_watch::ClusterWatch, conditions::sentence},
    controller::status::reason::Failure,
    together::{ApiClock, CompleteListing, Error, Fields, QueryNames},
};

/// Most unknown fields that are named.
const FIELDS: usize = 20;

/// The outcome of a probe.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of the program.
    pub version: &'static str,
    /// Whether `run` could mirror it.
    pub ok: bool,
    /// Why not, as Ready of the `ClusterWatch` would say it.
    pub failure: Option<Failed>,
    /// Host and port of the API.
    pub api: String,
    /// What was asked for.
    pub scope: Scope,
    /// Calls of the Together API.
    pub calls: Calls,
    /// The listings, in the order in which they were made.
    pub lists: Vec<List>,
    /// How the API wants to be asked, and how it answers.
    pub dialect: Dialect,
    /// How often each state was listed.
    pub states: BTreeMap<String, usize>,
    /// The same for modes.
    pub modes: BTreeMap<String, usize>,
    /// The same for triggers.
    pub triggers: BTreeMap<String, usize>,
    /// What this version does not know.
    pub unknown: Unknown,
    /// How many remediations would get a mirror.
    pub mirrored: usize,
    /// How many the `ClusterWatch` does not want.
    pub unwanted: usize,
    /// Items that would get no mirror.
    pub left_out: Vec<Problem>,
    /// Items whose mirror would be shortened.
    pub shortened: Vec<Problem>,
    /// Items with a field that cannot be read.
    pub unreadable_fields: Vec<Problem>,
    /// The API's clock.
    pub clock: Clock,
    /// What to know, and what to do.
    pub notes: Vec<String>,
}

/// Why `run` could not mirror it.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// Reason of Ready.
    pub reason: &'static str,
    /// Its message: what happened, and what to do.
    pub message: String,
    /// Trying again is no use, so that the `ClusterWatch` would be Stalled.
    pub stalled: bool,
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self {
            reason: failure.reason.as_str(),
            message: sentence(&failure.message),
            stalled: failure.needs_somebody,
        }
    }
}

impl Failed {
    /// Why the API key of this `place`, which is no Secret, cannot be used.
    pub(super) fn no_key(place: &str, problem: impl std::fmt::Display) -> Self {
        Self {
            reason: Reason::SecretInvalid.as_str(),
            message: format!("the API key of {place} cannot be used: {problem}"),
            stalled: true,
        }
    }
}

/// What was asked for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// Whether it is one instance; else all of the cluster.
    pub one_instance: bool,
    /// The cluster's id, where it may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// The instance's id, where it may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
}

impl Scope {
    fn of(watch: &ClusterWatch, show_ids: bool) -> Self {
        let instance = watch.spec.instance();
        let shown = |id: &str| show_ids.then(|| id.to_owned());
        Self {
            one_instance: instance.is_some(),
            cluster_id: shown(&watch.spec.cluster_id),
            instance_id: instance.and_then(shown),
        }
    }
}

/// Calls of the Together API.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Calls {
    /// All of them.
    pub made: usize,
    /// Those that repeated one that had failed.
    pub repeated: usize,
}

/// One listing.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct List {
    /// `everything`, `open states` or `spec.states`.
    pub of: &'static str,
    /// Whether it came to its end.
    pub complete: bool,
    /// Its items, each once.
    pub items: usize,
    /// The pages that came.
    pub pages: usize,
    /// How long it took.
    pub seconds: f64,
}

impl List {
    fn of(what: &'static str, listed: &Listed) -> Self {
        Self {
            of: what,
            complete: listed.outcome.is_ok(),
            items: listed.items,
            // Those of an abandoned attempt do not count.
            pages: listed
                .outcome
                .as_ref()
                .map_or(listed.pages, CompleteListing::pages),
            seconds: (listed.took.as_secs_f64() * 100.0).round() / 100.0,
        }
    }
}

/// How the API wants to be asked, and how it answers.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dialect {
    /// `reference` (pageSize) or `sdk` (`page_size`).
    pub query_names: Option<&'static str>,
    /// Whether the answers prove it: everything on one page does not.
    pub query_names_proven: bool,
    /// The word of the metric `api_dialect_info` for the state filter.
    pub state_filter: Option<&'static str>,
    /// `snake_case` (which is read), `camelCase` or `mixed`.
    pub field_style: Option<&'static str>,
    /// Whether the call by id works: `works`, else the reason of its failure.
    pub lookup_by_id: Option<&'static str>,
}

/// What this version does not know.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unknown {
    /// States.
    pub states: Vec<String>,
    /// Modes.
    pub modes: Vec<String>,
    /// Triggers.
    pub triggers: Vec<String>,
    /// Fields, with the place where they stand.
    pub fields: Vec<String>,
    /// Further fields, whose names are not shown.
    pub more_fields: usize,
}

/// The API's clock.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Clock {
    /// By how much it is ahead of the local one (negative: behind); absent: not known.
    pub skew_seconds: Option<f64>,
    /// It is off by more than a day.
    pub more_than_a_day: bool,
}

impl Report {
    /// Of a probe of `watch` that asked nothing.
    pub(super) fn unasked(api: String, watch: &ClusterWatch, show_ids: bool) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            ok: false,
            failure: None,
            api,
            scope: Scope::of(watch, show_ids),
            calls: Calls::default(),
            lists: Vec::new(),
            dialect: Dialect::default(),
            states: BTreeMap::new(),
            modes: BTreeMap::new(),
            triggers: BTreeMap::new(),
            unknown: Unknown::default(),
            mirrored: 0,
            unwanted: 0,
            left_out: Vec::new(),
            shortened: Vec::new(),
            unreadable_fields: Vec::new(),
            clock: Clock::default(),
            notes: Vec::new(),
        }
    }

    /// The same with what the calls brought; `failure`: that of the survey, in words.
    pub(super) fn with(self, survey: Survey, failure: Option<Failed>, show_ids: bool) -> Self {
        let notes = notes::of(&survey);
        let Survey {
            findings,
            fields,
            first,
            open,
            lookup,
            clock,
            ..
        } = survey;
        let what = if first.states.is_empty() {
            "everything"
        } else {
            "spec.states"
        };
        let dialect = dialect(&first, open.as_ref(), lookup.as_ref(), &fields);
        let unknown = unknown(&findings, &fields);
        let open = open.as_ref().map(|open| ("open states", open));
        let lists: Vec<_> = [Some((what, &first)), open].into_iter().flatten().collect();
        let sum = |of: fn(&Listed) -> usize| lists.iter().map(|(_, listed)| of(listed)).sum();
        let listed: usize = sum(|listed| listed.calls);
        Self {
            ok: failure.is_none(),
            failure,
            calls: Calls {
                made: listed + usize::from(lookup.is_some()),
                repeated: sum(|listed| listed.retries),
            },
            lists: lists
                .iter()
                .map(|(what, listed)| List::of(what, listed))
                .collect(),
            dialect,
            states: findings.states.counts,
            modes: findings.modes.counts,
            triggers: findings.triggers.counts,
            unknown,
            mirrored: findings.mirrored,
            unwanted: findings.unwanted,
            left_out: findings.left_out.told(show_ids),
            shortened: findings.shortened.told(show_ids),
            unreadable_fields: findings.unreadable.told(show_ids),
            clock: of_clock(clock),
            notes,
            ..self
        }
    }
}

fn dialect(
    first: &Listed,
    open: Option<&Listed>,
    lookup: Option<&Result<(), Error>>,
    fields: &Fields,
) -> Dialect {
    let names = first.names();
    Dialect {
        query_names: names.map(|(names, _)| match names {
            QueryNames::Reference => "reference",
            QueryNames::Sdk => "sdk",
        }),
        query_names_proven: names.is_some_and(|(_, proven)| proven),
        state_filter: open.unwrap_or(first).filter(),
        field_style: match (fields.snake_case, fields.camel_case) {
            (true, false) => Some("snake_case"),
            (false, true) => Some("camelCase"),
            (true, true) => Some("mixed"),
            (false, false) => None,
        },
        lookup_by_id: lookup.map(|answer| match answer {
            Ok(()) => "works",
            Err(error) => error.reason().as_str(),
        }),
    }
}

fn unknown(findings: &Findings, fields: &Fields) -> Unknown {
    let shown = fields.unknown.iter().filter(|(_, name)| is_field(name));
    let names: Vec<_> = shown
        .take(FIELDS)
        .map(|(place, name)| format!("{place}{name}"))
        .collect();
    Unknown {
        states: findings.states.unknown.iter().cloned().collect(),
        modes: findings.modes.unknown.iter().cloned().collect(),
        triggers: findings.triggers.unknown.iter().cloned().collect(),
        more_fields: fields.unknown.len() - names.len(),
        fields: names,
    }
}

fn of_clock(clock: ApiClock) -> Clock {
    Clock {
        skew_seconds: match clock {
            ApiClock::Known { ahead, .. } => Some((ahead.as_secs_f64() * 10.0).round() / 10.0),
            ApiClock::Untold | ApiClock::Doubtful { .. } => None,
        },
        more_than_a_day: matches!(clock, ApiClock::Doubtful { .. }),
    }
}
