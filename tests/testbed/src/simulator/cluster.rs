//! One cluster's remediations, kept in the orders in which the API lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;

use super::history::History;
use super::listing::{Order, Place};
use super::remediation::Remediation;

/// Machines and remediations of one cluster.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    /// Names of the machines by instance id.
    pub(super) instances: BTreeMap<String, String>,
    remediations: BTreeMap<String, Arc<Remediation>>,
    /// Of all that ever were.
    pub(super) histories: BTreeMap<String, History>,
    by_create: BTreeSet<Place>,
    by_update: BTreeSet<Place>,
}

impl Cluster {
    pub(super) fn get(&self, id: &str) -> Option<&Remediation> {
        self.remediations.get(id).map(|found| &**found)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Remediation> {
        self.remediations.values().map(|found| &**found)
    }

    /// The version before the present one.
    pub(super) fn previous(&self, id: &str) -> Option<&Remediation> {
        self.histories.get(id)?.previous()
    }

    /// An answer holds this item.
    pub(super) fn answered(&mut self, item: &Remediation, now: Timestamp) {
        if let Some(history) = self.histories.get_mut(&item.id) {
            history.answered(item, now);
        }
    }

    pub(super) fn places(&self, order: Order) -> &BTreeSet<Place> {
        if order.by_update {
            &self.by_update
        } else {
            &self.by_create
        }
    }

    /// Inserts or replaces; the machine becomes known.
    pub(super) fn put(&mut self, remediation: Remediation, now: Timestamp) {
        self.instances
            .entry(remediation.instance_id.clone())
            .or_insert_with(|| remediation.instance_name.clone().unwrap_or_default());
        let old = self.take(&remediation.id);
        let remediation = Arc::new(remediation);
        if old.is_none_or(|old| old != remediation) {
            let history = self.histories.entry(remediation.id.clone()).or_default();
            history.begin(remediation.clone(), now);
        }
        self.by_create
            .insert(Place::of(remediation.create_time.as_ref(), &remediation.id));
        self.by_update
            .insert(Place::of(remediation.update_time.as_ref(), &remediation.id));
        self.remediations
            .insert(remediation.id.clone(), remediation);
    }

    /// Changes one in place; its `update_time` moves on unless `change` moved it.
    pub(super) fn change(
        &mut self,
        id: &str,
        now: Timestamp,
        change: impl FnOnce(&mut Remediation),
    ) -> bool {
        let Some(old) = self.remediations.get(id) else {
            return false;
        };
        let mut new = Remediation::clone(old);
        change(&mut new);
        if new != **old && new.update_time == old.update_time {
            new.update_time = Some(now.to_string());
        }
        if new.id != id {
            self.remove(id, now);
        }
        self.put(new, now);
        true
    }

    /// Forgets it; `false` if there was none.
    pub(super) fn remove(&mut self, id: &str, now: Timestamp) -> bool {
        let found = self.take(id).is_some();
        if let Some(history) = self.histories.get_mut(id).filter(|_| found) {
            history.end(now);
        }
        found
    }

    fn take(&mut self, id: &str) -> Option<Arc<Remediation>> {
        let old = self.remediations.remove(id)?;
        self.by_create
            .remove(&Place::of(old.create_time.as_ref(), &old.id));
        self.by_update
            .remove(&Place::of(old.update_time.as_ref(), &old.id));
        Some(old)
    }
}
