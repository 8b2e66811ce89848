//! What was asked, and how it was answered.

use serde::Serialize;

use crate::{
    api::cluster_watch::ClusterWatch,
    probe::survey::{Listed, Survey},
    together::{CompleteListing, Error, Fields, QueryNames},
};

/// What was asked, and how it was answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
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
}

impl Exchange {
    /// That of a probe of `watch` that asked nothing.
    pub(super) fn unasked(api: String, watch: &ClusterWatch, show_ids: bool) -> Self {
        Self {
            api,
            scope: Scope::of(watch, show_ids),
            calls: Calls::default(),
            lists: Vec::new(),
            dialect: Dialect::default(),
        }
    }

    /// The same with the calls of `survey`.
    pub(super) fn with(self, survey: &Survey) -> Self {
        let (first, open, lookup) = (&survey.first, survey.open.as_ref(), survey.lookup.as_ref());
        let what = if first.states.is_empty() {
            "everything"
        } else {
            "spec.states"
        };
        let open_states = open.map(|open| ("open states", open));
        let lists = [Some((what, first)), open_states].into_iter().flatten();
        let sum = |of: fn(&Listed) -> usize| lists.clone().map(|(_, listed)| of(listed)).sum();
        let listed: usize = sum(|listed| listed.calls);
        Self {
            calls: Calls {
                made: listed + usize::from(lookup.is_some()),
                repeated: sum(|listed| listed.retries),
            },
            lists: lists
                .clone()
                .map(|(what, listed)| List::of(what, listed))
                .collect(),
            dialect: Dialect::of(first, open, lookup, &survey.fields),
            ..self
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

impl Dialect {
    fn of(
        first: &Listed,
        open: Option<&Listed>,
        lookup: Option<&Result<(), Error>>,
        fields: &Fields,
    ) -> Self {
        let names = first.names();
        Self {
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
}
