//! Steps that create many or odd remediations.

use crate::{
    api::cluster_watch::Query,
    simulation::{judge::ANOTHER, sequence::Sequence, truth::Entry},
    together::{Remediation, Text, wire::state},
};

/// How Go and Unix write an unset time.
const ZEROS: [&str; 2] = ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"];
/// Maximum number of remediations in a cluster whose list must have many pages.
const MANY: usize = 48;

impl Sequence {
    pub(super) fn add_many(&mut self) {
        for _ in 0..MANY {
            let instance = self.draw(0..3);
            let state = ["RUNNING", "PENDING", "SUCCEEDED"][self.draw(0..3)];
            self.world.with(|world, now| {
                if world.truth.entries.len() < MANY {
                    world.truth.add(state, instance, now);
                }
            });
        }
        let size = 1 + self.draw(0..2) as u32;
        self.put_first(|watch| {
            watch.spec.query = Some(Query {
                page_size: Some(size),
                order_by: None,
            });
        });
    }

    /// A new finished remediation with unset times.
    pub(super) fn add_without_times(&mut self) {
        let state = ["FAILED", "SUCCEEDED", "CANCELLED"][self.draw(0..3)];
        let (instance, zero) = (self.draw(0..3), ZEROS[self.draw(0..2)]);
        let others = [self.draw(0..2), self.draw(0..2), self.draw(0..6)];
        self.world.with(|world, now| {
            world.judge.last.minds = now;
            let id = world.truth.add(state, instance, now);
            world.log(now, || {
                format!("  {id} is new, {state}, and ended at {zero}")
            });
            let zero = Text::from(zero);
            let entry = world.truth.entries.get_mut(&id).unwrap();
            let item = &mut entry.versions[0];
            item.end_time = Some(zero.clone());
            item.review_time = (others[0] == 0).then(|| zero.clone());
            item.start_time = (others[1] == 0).then(|| zero.clone());
            if others[2] == 0 {
                (item.create_time, item.update_time) = (Some(zero.clone()), Some(zero));
            }
        });
    }

    /// A remediation gets enum values that the API's gateway has no names for.
    pub(super) fn write_numbers(&mut self) {
        let (at, what) = (self.draw(0..1000), self.draw(0..4));
        self.change_one(at, |item| match what {
            0 => item.state = "17".into(),
            1 => item.trigger = Some("9".into()),
            _ => item.mode = Some("6".into()),
        });
    }

    /// The API assigns a remediation to another cluster.
    pub(super) fn give_away(&mut self) {
        let (at, hide) = (self.draw(0..1000), self.draw(0..2) == 0);
        let state = ["RUNNING", "FAILED"][self.draw(0..2)];
        let id = self.change_one(at, |item| {
            item.cluster_id = Some(ANOTHER.into());
            item.state = state.into();
        });
        if let (Some(id), true) = (id, hide) {
            self.world.with(|world, _| {
                world.truth.entries.get_mut(&id).unwrap().listed = false;
            });
        }
    }

    /// A new version of an open remediation; returns its id.
    fn change_one(&self, at: usize, change: impl FnOnce(&mut Remediation)) -> Option<String> {
        self.world.with(|world, now| {
            let open = |entry: &Entry| {
                let current = entry.current()?;
                (!state::is_final(&current.state)).then(|| current.clone())
            };
            let entries = world.truth.entries.iter();
            let all: Vec<_> = entries
                .filter_map(|(id, entry)| Some((id.clone(), open(entry)?)))
                .collect();
            let (id, mut item) = all.get(at.checked_rem(all.len())?)?.clone();
            world.judge.last.minds = now;
            change(&mut item);
            world.log(now, || format!("  {id} {:?} {:?}", item.state, item.mode));
            let item = world.truth.dated(item, now);
            let entry = world.truth.entries.get_mut(&id)?;
            entry.become_(item, now);
            Some(id)
        })
    }
}
