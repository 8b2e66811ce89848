//! What the answers hold, and what would become of it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    probe::{
        findings::{FieldValues, Forecast, Problem},
        printable::is_field,
    },
    together::Fields,
};

/// Most unknown fields that are named.
const FIELDS: usize = 20;

/// What the answers hold.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contents {
    /// How often each state was listed.
    pub states: BTreeMap<String, usize>,
    /// The same for modes.
    pub modes: BTreeMap<String, usize>,
    /// The same for triggers.
    pub triggers: BTreeMap<String, usize>,
    /// What this version does not know.
    pub unknown: Unknown,
}

impl Contents {
    pub(super) fn of(values: FieldValues, fields: &Fields) -> Self {
        let unknown = Unknown::of(&values, fields);
        Self {
            states: values.states.counts,
            modes: values.modes.counts,
            triggers: values.triggers.counts,
            unknown,
        }
    }
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

impl Unknown {
    fn of(values: &FieldValues, fields: &Fields) -> Self {
        let shown = fields.unknown.iter().filter(|(_, name)| is_field(name));
        let names: Vec<_> = shown
            .take(FIELDS)
            .map(|(place, name)| format!("{place}{name}"))
            .collect();
        Self {
            states: values.states.unknown.iter().cloned().collect(),
            modes: values.modes.unknown.iter().cloned().collect(),
            triggers: values.triggers.unknown.iter().cloned().collect(),
            more_fields: fields.unknown.len() - names.len(),
            fields: names,
        }
    }
}

/// What would become of what was listed.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mirrors {
    /// How many remediations would get a mirror.
    pub mirrored: usize,
    /// How many the `ClusterWatch` does not want.
    pub excluded: usize,
    /// Items that would get no mirror.
    pub left_out: Vec<Problem>,
    /// Items whose mirror would be shortened.
    pub shortened: Vec<Problem>,
    /// Items with a field that cannot be read.
    pub unreadable_fields: Vec<Problem>,
}

impl Mirrors {
    pub(super) fn of(forecast: Forecast, show_ids: bool) -> Self {
        Self {
            mirrored: forecast.mirrored,
            excluded: forecast.excluded,
            left_out: forecast.left_out.into_list(show_ids),
            shortened: forecast.shortened.into_list(show_ids),
            unreadable_fields: forecast.unreadable.into_list(show_ids),
        }
    }
}
