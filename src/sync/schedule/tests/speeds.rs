//! Which intervals apply, by the spec and by the operator's defaults.

use super::*;

#[test]
fn what_is_not_named_is_the_operators() {
    let cadence = Cadence::of(&ClusterWatchSpec::default(), SPEEDS);
    assert_eq!(cadence.interval, Duration::from_secs(60));
    assert_eq!(cadence.active_interval, Duration::from_secs(15));
    assert_eq!(cadence.full_resync, Duration::from_secs(600));
}

#[test]
fn the_default_active_interval_gives_way_to_a_shorter_interval_and_to_a_longer_minimum() {
    // What the spec sets, the operator's three intervals, and the result: interval and active interval, in seconds.
    for (interval, active, speeds, expected) in [
        (None, None, (60, 15, 10), (60, 15)),
        (Some("10s"), None, (60, 15, 10), (10, 10)),
        (Some("5s"), None, (60, 15, 10), (10, 10)),
        (Some("5m"), None, (60, 15, 10), (300, 15)),
        (None, None, (60, 15, 30), (60, 30)),
        (None, None, (60, 90, 10), (60, 60)),
        (None, None, (10, 15, 1), (10, 10)),
        (None, None, (60, 15, 120), (120, 120)),
        (None, Some("20s"), (60, 15, 10), (60, 20)),
        (None, Some("5m"), (60, 15, 10), (60, 60)),
        (None, Some("5s"), (60, 15, 10), (60, 10)),
        (Some("5s"), Some("5s"), (60, 15, 10), (10, 10)),
    ] {
        let spec = ClusterWatchSpec {
            interval: interval.map(Into::into),
            active_interval: active.map(Into::into),
            ..ClusterWatchSpec::default()
        };
        let seconds = Duration::from_secs;
        let own = PollDefaults {
            default_interval: seconds(speeds.0),
            default_active_interval: seconds(speeds.1),
            min_interval: seconds(speeds.2),
        };
        let cadence = Cadence::of(&spec, own);
        let intervals = (cadence.interval, cadence.active_interval);
        let expected = (seconds(expected.0), seconds(expected.1));
        assert_eq!(intervals, expected, "{interval:?} {active:?} {speeds:?}");
    }
}
