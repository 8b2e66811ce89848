//! Whatever the index holds: the plan is a function of what it is given, deletes nothing, and writes only what differs.

use proptest::prelude::*;

use super::*;

/// What somebody may have done to a mirror.
#[derive(Clone, Debug)]
enum Edit {
    None,
    Status(Box<Remediation>),
    NoStatus,
    NoLabels,
    NoOwners,
    Foreign(&'static str),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => Just(Edit::None),
        2 => random::remediation(1).prop_map(|item| Edit::Status(Box::new(item))),
        1 => Just(Edit::NoStatus),
        1 => Just(Edit::NoLabels),
        1 => Just(Edit::NoOwners),
        1 => Just(Edit::Foreign("another-cluster")),
    ]
}

impl World {
    /// Mirrors `item` (no retention decides), then does `edit` to its object; the index sees it.
    fn edited(&self, target: &MirrorTarget, item: &Remediation, edit: &Edit) {
        let number: u64 = u64::from_str_radix(&item.id[24..], 16).unwrap();
        if self.cluster.object(number).is_some() {
            return;
        }
        if let Edit::Foreign(cluster) = edit {
            self.cluster.plant(number, cluster);
        } else if let Verdict::Write(write) = self.plan_trusting(target, item, true) {
            self.write(target, write);
            self.cluster.touch(number, |object| match edit {
                Edit::Status(other) => object.status = Some(status::from_api(other, &[], 1)),
                Edit::NoStatus => object.status = None,
                Edit::NoLabels => object.metadata.labels = None,
                Edit::NoOwners => object.metadata.owner_references = None,
                Edit::None | Edit::Foreign(_) => {}
            });
        }
        if let Some(object) = self.cluster.object(number) {
            self.index.apply(object);
        }
    }

    /// All objects but their versions.
    fn contents(&self) -> Vec<String> {
        let names = self.cluster.names().into_iter();
        let objects = names.map(|name| {
            let number = u64::from_str_radix(&name[24..], 16).unwrap();
            let mut object = self.cluster.object(number).unwrap();
            object.metadata.resource_version = None;
            serde_json::to_string(&object).unwrap()
        });
        objects.collect()
    }
}

proptest! {
    #[test]
    fn a_plan_is_pure_deletes_nothing_and_writes_only_what_differs(
        target in any_scope(),
        before in prop::collection::vec((random::remediation(6), edit()), 0..8),
        items in prop::collection::vec(random::remediation(6), 1..8),
        trust_older in any::<bool>(),
    ) {
        let world = World::new();
        for (item, edit) in &before {
            world.edited(&target, item, edit);
        }
        for item in &items {
            let verdict = world.plan_trusting(&target, item, trust_older);
            let again = world.plan_trusting(&target, item, trust_older);
            prop_assert_eq!(format!("{verdict:?}"), format!("{again:?}"));
            let Verdict::Write(write) = verdict else { continue };
            prop_assert!(matches!(write.change, MirrorChange::Create(..) | MirrorChange::Update { .. }), "{:?}", write);
            prop_assert_eq!(&*write.name, object_name(CLUSTER, &item.id));
            let contents = world.contents();
            prop_assert_ne!(world.write(&target, write), Done::Conflict);
            prop_assert_ne!(world.contents(), contents, "a write that changes nothing");
            prop_assert!(matches!(world.plan(&target, item), Verdict::Unchanged));
        }
    }

    /// The plan for an item does not depend on the items before it.
    #[test]
    fn the_order_of_a_listing_does_not_matter(
        target in any_scope(),
        items in prop::collection::btree_map(0..12_u64, random::remediation(1), 1..12),
        order in any::<prop::sample::Index>(),
    ) {
        let mut items: Vec<_> = items.into_iter().map(|(number, item)| Remediation { id: id(number).into(), ..item }).collect();
        let mirrored = |items: &[Remediation]| {
            let world = World::new();
            for item in items {
                if let Verdict::Write(write) = world.plan(&target, item) {
                    world.write(&target, write);
                }
            }
            let uid = regex::Regex::new("uid-[0-9]+").unwrap();
            let contents = world.contents();
            contents.iter().map(|object| uid.replace_all(object, "uid").into_owned()).collect::<Vec<_>>()
        };
        let straight = mirrored(&items);
        let turn = order.index(items.len());
        items.rotate_left(turn);
        items.reverse();
        prop_assert_eq!(mirrored(&items), straight);
    }
}
