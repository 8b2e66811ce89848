//! The objects of one cluster in one namespace.

use std::{
    collections::{BTreeMap, btree_map},
    sync::Arc,
};

use super::Mirror;

/// The objects by name, with what every sync asks of them, so that a sync does not visit each.
#[derive(Default)]
pub(super) struct Group {
    objects: BTreeMap<Box<str>, Arc<Mirror>>,
    /// Number of open mirrors.
    open: usize,
    /// The number of the last change, as the index counts its changes.
    changed: u64,
}

fn is_open(mirror: &Mirror) -> bool {
    mirror.lifecycle.open && !mirror.foreign
}

impl Group {
    pub(super) fn get(&self, name: &str) -> Option<&Arc<Mirror>> {
        self.objects.get(name)
    }

    pub(super) fn iter(&self) -> btree_map::Iter<'_, Box<str>, Arc<Mirror>> {
        self.objects.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Whether any mirror is open.
    pub(super) fn any_open(&self) -> bool {
        self.open > 0
    }

    /// The number of the last change.
    pub(super) fn changed(&self) -> u64 {
        self.changed
    }

    /// Adds or replaces an object; this is change number `change`.
    pub(super) fn put(&mut self, name: &str, mirror: Mirror, change: u64) {
        self.changed = change;
        self.open += usize::from(is_open(&mirror));
        let mirror = Arc::new(mirror);
        let Some(known) = self.objects.get_mut(name) else {
            self.objects.insert(name.into(), mirror);
            return;
        };
        self.open -= usize::from(is_open(known));
        *known = mirror;
    }

    /// Removes an object; this is change number `change`.
    pub(super) fn remove(&mut self, name: &str, change: u64) {
        if let Some(removed) = self.objects.remove(name) {
            self.changed = change;
            self.open -= usize::from(is_open(&removed));
        }
    }

    /// Keeps only the objects that pass `keep`; this is change number `change`.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Mirror) -> bool, change: u64) {
        let before = self.objects.len();
        self.objects.retain(|_, mirror| {
            let kept = keep(mirror);
            self.open -= usize::from(!kept && is_open(mirror));
            kept
        });
        if self.objects.len() < before {
            self.changed = change;
        }
    }

    /// Updates what the operator itself remembers of an object. No reader sees that as a change.
    pub(super) fn note(&mut self, name: &str, update: impl FnOnce(&mut Mirror)) {
        if let Some(known) = self.objects.get_mut(name) {
            update(Arc::make_mut(known));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{mirror::labels::FlagLabels, store::entry::Names, testing::mirror_at};

    fn mirror(open: bool, foreign: bool) -> Mirror {
        let state = if open { "RUNNING" } else { "SUCCEEDED" };
        let mut object = mirror_at("a", 1, state);
        object.status.as_mut().unwrap().open = Some(open);
        let labels = FlagLabels::default();
        let mut mirror = Mirror::of(&mut object, &mut Names::default(), &labels).unwrap();
        mirror.foreign = foreign;
        mirror
    }

    #[derive(Clone, Debug)]
    enum Step {
        Put(u8, bool, bool),
        Remove(u8),
        RetainOpen(bool),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_u8..4, any::<bool>(), any::<bool>())
                .prop_map(|(name, open, foreign)| Step::Put(name, open, foreign)),
            (0_u8..4).prop_map(Step::Remove),
            any::<bool>().prop_map(Step::RetainOpen),
        ]
    }

    proptest! {
        #[test]
        fn what_is_open_and_what_changed_is_known_without_a_visit(
            steps in proptest::collection::vec(step(), 1..20),
        ) {
            let mut group = Group::default();
            for (step, change) in steps.into_iter().zip(1..) {
                let before = (group.len(), group.changed());
                let put = matches!(step, Step::Put(..));
                match step {
                    Step::Put(name, open, foreign) => group.put(&name.to_string(), mirror(open, foreign), change),
                    Step::Remove(name) => group.remove(&name.to_string(), change),
                    Step::RetainOpen(open) => group.retain(|mirror| mirror.lifecycle.open == open, change),
                }
                let scanned = group.iter().any(|(_, mirror)| mirror.lifecycle.open && !mirror.foreign);
                prop_assert_eq!(group.any_open(), scanned);
                let changed = put || group.len() < before.0;
                prop_assert_eq!(group.changed(), if changed { change } else { before.1 });
            }
        }
    }
}
