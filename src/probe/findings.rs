//! What the items of a listing come to: counted as they arrive. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    mirror::{
        end::Clocks,
        name::object_name,
        truncate::{MODE, TRIGGER, cut_short, shown_id, suffix},
    },
    probe::printable::is_value,
    sync::{
        decide::plan::{Verdict, plan},
        metrics::change::{OTHER, mode_label},
        target::MirrorTarget,
        write::spelling::Spelling,
    },
    together::{Malformed, Remediation, Text, wire::state},
};

/// Most values of one field that are counted apart.
const VALUES: usize = 64;
/// Most items of one problem that are named.
const NAMED: usize = 5;
/// What stands for a value that is not shown.
const HIDDEN: &str = "(not shown)";

/// The triggers that this program was written for.
const TRIGGERS: [&str; 2] = ["MANUAL", "AUTOMATED"];

/// How often each value of a field came, and which of them are unknown.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) counts: BTreeMap<String, usize>,
    pub(super) unknown: BTreeSet<String>,
}

impl Values {
    fn count(&mut self, value: &str, is_known: bool) {
        let shown = if is_known || is_value(value) {
            value
        } else {
            HIDDEN
        };
        let fits = self.counts.len() < VALUES || self.counts.contains_key(shown);
        let shown = if fits { shown } else { HIDDEN };
        *self.counts.entry(shown.to_owned()).or_default() += 1;
        if !is_known {
            self.unknown.insert(shown.to_owned());
        }
    }
}

/// One thing that is wrong with some items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// What is wrong.
    pub problem: String,
    /// With how many items.
    pub count: usize,
    /// Places of the first ones in the list, from 1.
    pub items: Vec<usize>,
    /// Their ids, where they may be shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
}

/// Problems of one kind, each once.
#[derive(Debug, Default)]
pub(super) struct Problems(BTreeMap<String, Problem>);

impl Problems {
    fn add(&mut self, problem: &str, item: usize, id: Option<&str>) {
        let entry = self.0.entry(problem.to_owned()).or_default();
        problem.clone_into(&mut entry.problem);
        entry.count += 1;
        if entry.items.len() < NAMED {
            entry.items.push(item);
            entry.ids.extend(id.map(shown_id));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, with ids where those are `shown`.
    pub(super) fn into_list(self, shown: bool) -> Vec<Problem> {
        let all = self.0.into_values().map(|problem| Problem {
            ids: if shown { problem.ids } else { Vec::new() },
            ..problem
        });
        all.collect()
    }
}

/// The values of the fields that this program interprets.
#[derive(Debug, Default)]
pub(super) struct FieldValues {
    pub(super) states: Values,
    pub(super) modes: Values,
    pub(super) triggers: Values,
}

impl FieldValues {
    fn count(&mut self, item: &Remediation) {
        self.states.count(&item.state, state::is_known(&item.state));
        if let Some(mode) = suffix(item.mode.as_deref(), MODE) {
            self.modes.count(mode, mode_label(mode) != OTHER);
        }
        if let Some(trigger) = suffix(item.trigger.as_deref(), TRIGGER) {
            self.triggers.count(trigger, TRIGGERS.contains(&trigger));
        }
    }

    /// Whether this version does not know one of them.
    pub(super) fn has_unknown(&self) -> bool {
        let mut all = [&self.states, &self.modes, &self.triggers].into_iter();
        all.any(|values| !values.unknown.is_empty())
    }
}

/// What `run` would make of the items.
#[derive(Debug, Default)]
pub(super) struct Forecast {
    /// Items that get a mirror.
    pub(super) mirrored: usize,
    /// Items that the `ClusterWatch` does not want: states, retention.
    pub(super) excluded: usize,
    /// Items that get no mirror because something is wrong with them.
    pub(super) left_out: Problems,
    /// Items whose mirror would not hold all of a text or list.
    pub(super) shortened: Problems,
    /// Items with an optional field that cannot be read.
    pub(super) unreadable: Problems,
}

impl Forecast {
    /// Adds the item at this `place` in the list.
    fn add(&mut self, place: usize, target: &MirrorTarget, clocks: Clocks, item: Remediation) {
        let id = item.id.clone();
        for field in &item.unreadable {
            let problem = format!("field {field}: of another type");
            self.unreadable.add(&problem, place, Some(&id));
        }
        let cut = cut_short(&item, &target.omit);
        let name = object_name(&target.cluster, &id);
        match plan(target, &name, item, None, false, clocks) {
            Verdict::Skipped(why) => return self.left_out.add(why, place, Some(&id)),
            Verdict::Excluded => self.excluded += 1,
            _ => self.mirrored += 1,
        }
        if let Some(field) = cut {
            let problem = format!("field {field}: longer than a mirror holds");
            self.shortened.add(&problem, place, Some(&id));
        }
    }

    /// Adds the unreadable item at this `place` in the list.
    fn add_malformed(&mut self, place: usize, malformed: &Malformed) {
        let problem = if malformed.field.is_empty() {
            malformed.problem.to_owned()
        } else {
            format!("field {}: {}", malformed.field, malformed.problem)
        };
        self.left_out.add(&problem, place, malformed.id.as_deref());
    }
}

/// What the items of the first listing come to.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) values: FieldValues,
    pub(super) forecast: Forecast,
    /// Ids and states of the open ones.
    pub(super) open: Vec<(Text, Text)>,
    /// Instance and id of the first one that can be read.
    pub(super) lookup_probe: Option<(Option<Text>, Text)>,
    pub(super) spelling: Spelling,
    items: usize,
}

impl Findings {
    /// Takes in the next item.
    pub(super) fn take(
        &mut self,
        target: &MirrorTarget,
        clocks: Clocks,
        item: Result<Remediation, Malformed>,
    ) {
        self.items += 1;
        let item = match item {
            Ok(item) => item,
            Err(malformed) => return self.forecast.add_malformed(self.items, &malformed),
        };
        let id = &item.id;
        self.spelling.note(target, &item);
        self.values.count(&item);
        if !state::is_final(&item.state) {
            self.open.push((id.clone(), item.state.clone()));
        }
        self.lookup_probe
            .get_or_insert_with(|| (item.instance_id.clone(), id.clone()));
        self.forecast.add(self.items, target, clocks, item);
    }
}

#[cfg(test)]
mod tests;
