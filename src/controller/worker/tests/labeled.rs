//! How mirrors come by the labels of the `ClusterWatch` that writes them, and by those of the flags.

use super::*;
use crate::{mirror::labels::CLUSTER_WATCH, testing::flags};

impl World {
    /// So many mirrors that another `ClusterWatch` left behind, and a suspended one that retains them.
    async fn left_behind(mirrors: u64) -> Self {
        let world = Self::new(mirrors, DeletionPolicy::Retain, true).await;
        for number in 0..mirrors {
            world.cluster.touch(number, |object| {
                object.metadata.owner_references = None;
                let labels = object.labels_mut();
                labels.insert(CLUSTER_WATCH.into(), "gone".into());
            });
            let object = world.cluster.object(number).unwrap();
            world.env.index.apply(object);
        }
        world.cluster.calls();
        world
    }

    /// The operator is started again with these `--mirror-label`.
    fn restarts(&mut self, labels: FlagLabels) {
        let index = Index::new(0).labeling(labels);
        self.cluster.look(|mirrors| {
            for mirror in mirrors.values() {
                index.apply(mirror.clone());
            }
        });
        self.env = env(self.cluster.clone(), index);
    }

    /// The values of this label, one after the other the same but once.
    fn values(&self, key: &str) -> Vec<Option<String>> {
        self.cluster.look(|mirrors| {
            let values = mirrors.values();
            let mut values: Vec<_> = values.map(|m| m.labels().get(key).cloned()).collect();
            values.dedup();
            values
        })
    }

    /// How many patches were sent since this was last asked.
    fn patches(&self) -> usize {
        let calls = self.cluster.calls();
        calls.iter().filter(|c| matches!(c, Call::Patch(_))).count()
    }
}

#[tokio::test(start_paused = true)]
async fn mirrors_that_another_left_behind_get_the_name_of_the_one_that_writes_them() {
    let world = World::left_behind(3).await;
    world.lives(30, Some(ReadyState::Suspended)).await;
    assert_eq!(world.values(CLUSTER_WATCH), [Some("training".to_owned())]);
    assert_eq!(world.patches(), 3);
    assert_eq!(world.status().mirrors_generation, Some(1));
    world.lives(900, Some(ReadyState::Suspended)).await;
    assert_eq!(world.patches(), 0, "nothing is written in a steady state");
}

#[tokio::test(start_paused = true)]
async fn mirrors_generation_waits_for_labels_too() {
    let world = World::left_behind(2).await;
    world.cluster.fail(|call| {
        matches!(call, Call::Patch(_)).then(|| KubeApiError::Refused("by a policy".into()))
    });
    for (refused, generation, reconciling) in [(true, None, "True"), (false, Some(1), "False")] {
        if !refused {
            world.cluster.fail(|_| None);
        }
        world.lives(30, Some(ReadyState::Suspended)).await;
        let status = world.status();
        assert_eq!(status.mirrors_generation, generation);
        assert_eq!(word(&status.conditions, "Reconciling").0, reconciling);
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_flag_reaches_mirrors_that_are_there_and_one_taken_off_leaves_its_label() {
    let mut world = World::left_behind(2).await;
    for (given, team, patches) in [
        (flags(&[("team", "gpu")]), "gpu", 2),
        (flags(&[("team", "ml")]), "ml", 2),
        (flags(&[]), "ml", 0),
    ] {
        world.restarts(given);
        world.lives(30, Some(ReadyState::Suspended)).await;
        assert_eq!(world.values("team"), [Some(team.to_owned())]);
        assert_eq!(world.patches(), patches, "{team}");
        assert_eq!(world.status().mirrors_generation, Some(1));
    }
}
