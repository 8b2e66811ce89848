//! Somebody, or something, that edits a watch again and again.

use std::time::Duration;

use serde_json::json;

use super::{PAGES, cadence, fixture};

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_edited_every_second_costs_no_more_than_a_healthy_one() {
    let fixture = fixture("quota-edits").await;
    let mut seen = vec![fixture.calls()];
    for second in 0..150 {
        let interval = format!("{}s", 120 + second % 2);

        fixture
            .respec(json!({"fullResyncInterval": interval}))
            .await;
        fixture.edit_seen("training").await;
        fixture.turn(Duration::from_secs(1)).await;
        seen.push(fixture.calls());
    }
    let worst = seen.windows(61).map(|minute| minute[60] - minute[0]).max();
    let worst = worst.unwrap();
    let healthy = cadence().calls_a_minute(PAGES.0, PAGES.1) as u64;
    println!("edited every second: {worst} in its worst minute, healthy {healthy}");
    assert!(worst <= healthy, "{worst} of {healthy}");
    let all = seen.last().unwrap() - seen[0];
    assert!(all >= 6, "it is listed all the same: {all}");
}
