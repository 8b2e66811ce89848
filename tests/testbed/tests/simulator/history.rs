//! What the simulator remembers of what it showed.

use std::time::Duration;

use testbed::simulator::{Fault, Remediation, Simulator, Times};

use super::{CLUSTER, listing};

const ID: &str = "r-1";

#[tokio::test]
async fn versions_breaks_and_lies_are_remembered_with_their_times() {
    let simulator = Simulator::start().await;
    let start = simulator.now();
    let later = |seconds: u64| start + Duration::from_secs(seconds);
    let tick = || simulator.advance(Duration::from_secs(10));
    simulator.put(Remediation::new(CLUSTER, "i-1", ID));
    let history = || simulator.histories(CLUSTER)[ID].clone();
    assert_eq!(history().served, None);
    tick();
    listing(&simulator, 5).await.unwrap();
    assert_eq!(history().served, Some(later(10)));
    tick();
    simulator.enter(CLUSTER, ID, "RUNNING");
    assert_eq!(history().unbroken_since(), Some(start));
    assert_eq!(history().versions[0].until, Some(later(20)));
    assert_eq!(history().present().unwrap().shown.state, "RUNNING");

    tick();
    simulator.fault(Fault::OldVersion, Times::Next(1));
    listing(&simulator, 5).await.unwrap();
    simulator.fault(Fault::ItemWithoutId, Times::Next(1));
    listing(&simulator, 5).await.unwrap();
    let lies = history().lies;
    assert_eq!(
        lies.len(),
        1,
        "an item without an id belongs to no remediation"
    );
    assert_eq!(lies[0].shown.state, "PENDING_APPROVAL");
    assert_eq!((lies[0].since, lies[0].until), (later(30), Some(later(30))));

    assert!(simulator.remove(CLUSTER, ID));
    tick();
    assert!(history().present().is_none());
    assert_eq!(history().unbroken_since(), None);
    simulator.put(Remediation::new(CLUSTER, "i-1", ID));
    assert_eq!(history().unbroken_since(), Some(later(40)));
}
