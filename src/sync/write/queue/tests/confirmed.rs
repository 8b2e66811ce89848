//! A mirror that was found correct is not planned again until something that it depends on changes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::*;
use crate::{
    api::cluster_watch::OmitField, sync::evidence::inputs, testing::full_item, together::Text,
};

impl World {
    fn confirms(&self, item: &Remediation) -> bool {
        let mirror = self.index.get(&self.target.namespace, &item.id).unwrap();
        mirror.confirms(inputs(self.target.digest(), item))
    }

    /// A world whose mirror of `item` is there and confirmed.
    async fn confirmed(item: &Remediation) -> Self {
        let world = Self::new(target());
        world.run(vec![item.clone()]).await;
        world.run(vec![item.clone()]).await;
        world.cluster.calls();
        world
    }

    /// How many calls a round over `item` makes.
    async fn calls(&self, item: Remediation) -> usize {
        self.run(vec![item]).await;
        self.cluster.calls().len()
    }
}

#[tokio::test]
async fn a_mirror_is_confirmed_once_it_is_found_unchanged() {
    let world = World::new(target());
    let item = item(1, "RUNNING");
    world.run(vec![item.clone()]).await;
    assert!(!world.confirms(&item), "written, not yet compared");
    world.run(vec![item.clone()]).await;
    assert!(world.confirms(&item));
    assert_eq!(world.calls(item).await, 2, "the two that created it");
}

#[tokio::test]
async fn each_field_of_the_api_undoes_it() {
    let whole = full_item("RUNNING");
    let world = World::confirmed(&whole).await;
    assert!(world.confirms(&whole));
    let texts: [fn(&mut Remediation) -> &mut Option<Text>; 17] = [
        |item| &mut item.cluster_id,
        |item| &mut item.instance_id,
        |item| &mut item.mode,
        |item| &mut item.trigger,
        |item| &mut item.reason,
        |item| &mut item.active_health_check_run_id,
        |item| &mut item.passive_health_check_event_id,
        |item| &mut item.requested_by,
        |item| &mut item.create_time,
        |item| &mut item.reviewed_by,
        |item| &mut item.review_time,
        |item| &mut item.review_comment,
        |item| &mut item.start_time,
        |item| &mut item.end_time,
        |item| &mut item.error_message,
        |item| &mut item.update_time,
        |item| &mut item.instance_name,
    ];
    let changed = texts.map(|field| {
        let mut changed = whole.clone();
        *field(&mut changed) = None;
        changed
    });
    let state = Remediation {
        state: "FAILED".into(),
        ..whole.clone()
    };
    let mut alert = whole.clone();
    alert.linked_alerts[0].title = None;
    for changed in changed.into_iter().chain([state, alert]) {
        assert!(!world.confirms(&changed), "{changed:?}");
    }
}

#[tokio::test]
async fn each_wish_of_the_watch_undoes_it() {
    let whole = full_item("RUNNING");
    let mut world = World::confirmed(&whole).await;
    let as_it_was = world.target.clone();
    let mut wishes = vec![as_it_was.clone(); 4];
    wishes[0].omit.push(OmitField::Reason);
    wishes[1].owners = [OwnerReference::default()].into();
    wishes[2].instance = Some("instance-1".into());
    wishes[3].cluster = "cluster-2".into();
    for wish in wishes {
        world.target = wish;
        assert!(!world.confirms(&whole), "{:?}", world.target);
    }
    world.target = as_it_was;
    world.target.omit.push(OmitField::Reason);
    assert_eq!(world.calls(whole).await, 1, "the reason goes");
}

#[tokio::test]
async fn an_edit_by_hand_undoes_it() {
    let whole = full_item("RUNNING");
    let world = World::confirmed(&whole).await;
    world.cluster.touch(1, |object| {
        object.status.as_mut().unwrap().reason = some("somebody's");
    });
    world.index.apply(world.cluster.object(1).unwrap());
    assert!(!world.confirms(&whole));
    assert_eq!(world.calls(whole).await, 1, "it is put right");
}

#[tokio::test]
async fn what_was_found_right_of_older_facts_confirms_nothing() {
    let whole = full_item("RUNNING");
    let world = World::confirmed(&whole).await;
    let facts = || world.index.get(&world.target.namespace, &whole.id).unwrap();
    let mut older = (*facts()).clone();
    older.object.resource_version -= 1;
    world
        .index
        .confirm(&world.target.namespace, &whole.id, older.into(), 7);
    assert!(!facts().confirms(7));
    assert!(world.confirms(&whole));
}

#[tokio::test]
async fn a_cut_field_is_reported_each_time() {
    let long = Remediation {
        reason: some(&"x".repeat(10_000)),
        ..item(1, "RUNNING")
    };
    let world = World::confirmed(&long).await;
    assert!(!world.confirms(&long));
    let (_, left_out) = world.run(vec![long]).await;
    assert!(left_out.message().unwrap().contains("reason"));
}
