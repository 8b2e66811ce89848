//! The main flows on a real kind node, wherever a container engine answers.

use kube::{Api, api::DeleteParams};
use testbed::{
    control_plane::{ControlPlane, Error, Way},
    simulator::Remediation as Truth,
    tools::not_run,
};

use crate::{
    fixture::{CLUSTER, Fixture, mirror_condition},
    setup,
};

#[tokio::test(flavor = "multi_thread")]
async fn mirrored_changed_restarted_and_collected_on_a_kind_node() {
    let control_plane = match ControlPlane::start_with(Way::Kind).await {
        Ok(control_plane) => control_plane,
        Err(Error::Absent(why)) => {
            return not_run::note("a kind node", &why);
        }
        Err(error) => panic!("{error}"),
    };
    setup::install(&control_plane).await;
    let mut fixture = Fixture::on(&control_plane, "on-kind").await;
    fixture.put(0..50);
    fixture.synced_watch(|_| {}).await;
    fixture.agrees().await;

    let id = Truth::numbered(CLUSTER, 7).id;
    fixture.enter(&id, "FAILED");
    fixture.sync("training").await;
    assert_eq!(
        mirror_condition(&fixture.mirror(&id).await, "Stalled"),
        ["True", "RemediationFailed"]
    );

    let versions = fixture.versions().await;
    fixture.stop().await;
    fixture.start(&[]).await;
    fixture.sync("training").await;
    assert_eq!(
        fixture.versions().await,
        versions,
        "a restart writes nothing"
    );

    let watches: Api<_> = fixture.watches();
    watches
        .delete("training", &DeleteParams::default())
        .await
        .unwrap();
    fixture.emptied().await;
}
