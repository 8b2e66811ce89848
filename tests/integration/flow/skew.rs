//! The API's clock is another than ours: retention goes by the API's.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use testbed::simulator::Remediation as Truth;

use crate::{
    fixture::{CLUSTER, Fixture, until},
    steps::kept_for,
};

const MINUTE: Duration = Duration::from_secs(60);

/// A fixture whose API is `ahead` of the operator's clock; in the API, the only remediation ended 55 minutes ago.
async fn fixture(name: &str, ahead: SignedDuration) -> Fixture {
    let fixture = Fixture::new(name).await;
    fixture.simulator.set_clock(fixture.simulator.now() + ahead);
    let ended: Timestamp = fixture.simulator.now() - SignedDuration::from_mins(55);
    let mut truth = Truth::numbered(CLUSTER, 1);
    truth.enter("SUCCEEDED", ended);
    fixture.simulator.put(truth);
    fixture
        .synced_watch(|spec| {
            spec.retention = Some(kept_for("1h"));
        })
        .await;
    fixture
}

/// Both clocks go on, and the operator polls.
async fn pass(fixture: &Fixture, minutes: u32) {
    fixture.simulator.advance(MINUTE * minutes);
    fixture.turn(MINUTE * minutes).await;
}

async fn skew(fixture: &Fixture) -> Option<f64> {
    fixture.scrape().await.get("api_clock_skew_seconds", &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_is_pruned_by_the_clock_of_the_api() {
    for (name, hours) in [("ahead", 1), ("behind", -1), ("agrees", 0)] {
        let fixture = fixture(name, SignedDuration::from_hours(hours)).await;
        #[allow(clippy::cast_precision_loss)]
        let expected = (hours * 3600) as f64;
        let shown = skew(&fixture).await.unwrap();
        assert!((shown - expected).abs() < 3.0, "{name}: {shown}");
        fixture.agrees().await;
        pass(&fixture, 3).await;
        assert_eq!(fixture.all().await.len(), 1, "{name}: not an hour early");
        pass(&fixture, 3).await;
        until("it is pruned", || async {
            match fixture.all().await.len() {
                0 => Ok(()),
                left => Err(format!("{name}: {left}")),
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_that_no_clock_shows_corrects_nothing() {
    for (name, date) in [
        ("mad", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("no-date", "soon"),
    ] {
        let fixture = Fixture::new(name).await;
        fixture.simulator.set_date(Some(date));
        fixture.put([1]);
        fixture.synced_watch(|_| {}).await;
        assert_eq!(skew(&fixture).await, None, "{name}");
        fixture.agrees().await;
    }
}
