//! When a `ClusterWatch` syncs, and whether it lists everything: pure.

pub mod request;

use std::time::Duration;

use crate::{
    api::cluster_watch::ClusterWatchSpec,
    clock::{JITTER, jittered},
};

/// Maximum time between two writes of a `ClusterWatch`'s status, which shows readers that the operator is alive.
pub const HEARTBEAT: Duration = Duration::from_secs(300);
/// Minimum distance of full syncs, as a multiple of the API time of the last one: they keep the API busy for at most a
/// tenth of the time, however slow it is.
pub const FULL_SPACING: u32 = 10;
/// Default time between full syncs. Active syncs notice all that is open; only a full one sees what was created and
/// finished between two of them.
const FULL_RESYNC: Duration = Duration::from_secs(600);
/// Added to three intervals before a mirror counts as stale. A sync may take this long before it does.
pub const STALE_GRACE: Duration = Duration::from_secs(120);
/// The first syncs of a `ClusterWatch` share one jitter: ten times up to 5 % either way is a whole interval, so
/// `ClusterWatches` that started together are spread over it.
const SPREADING: u64 = 10;
/// Maximum wait after a rejected key, or after a sync that made too many requests: a repaired permission works within
/// ten minutes, without a person who asks for a sync.
const REFUSED_MAX: Duration = Duration::from_secs(600);
/// Requests by id that every sync may make: few enough that a sync of one page stays cheap when the API shows nothing.
const QUESTIONS: usize = 10;
/// Minimum time between starts of full syncs with several pages, whatever their result. The bound on requests is per
/// minute, and two of them in one minute would exceed it.
pub const FULL_APART: Duration = Duration::from_secs(60);

/// Requests by id of a sync with this many pages: ten, or as many as pages.
#[must_use]
pub fn most_questions(pages: usize) -> usize {
    QUESTIONS.max(pages)
}

/// The operator's default intervals.
#[derive(Clone, Copy, Debug)]
pub struct PollDefaults {
    /// Time between syncs of a `ClusterWatch` without `interval`.
    pub default_interval: Duration,
    /// Time between syncs while something is open, for one without `activeInterval`.
    pub default_active_interval: Duration,
    /// Minimum time between syncs of any `ClusterWatch`.
    pub min_interval: Duration,
}

/// The intervals of one `ClusterWatch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
    /// Time between syncs while nothing is open.
    pub interval: Duration,
    /// Time between syncs while something is open.
    pub active_interval: Duration,
    /// Time between full syncs.
    pub full_resync: Duration,
}

impl Cadence {
    /// The intervals of `spec`, with the operator's defaults. None is below the operator's minimum, and the active
    /// interval never exceeds the interval.
    #[must_use]
    pub fn of(spec: &ClusterWatchSpec, speeds: PollDefaults) -> Self {
        let interval = spec.interval().unwrap_or(speeds.default_interval);
        let interval = interval.max(speeds.min_interval);
        let active_interval = spec
            .active_interval()
            .unwrap_or(speeds.default_active_interval)
            .max(speeds.min_interval)
            .min(interval);
        let full_resync = spec
            .full_resync_interval()
            .unwrap_or(FULL_RESYNC)
            .max(interval);
        Self {
            interval,
            active_interval,
            full_resync,
        }
    }

    /// The interval in force.
    #[must_use]
    pub fn current(&self, something_open: bool) -> Duration {
        if something_open {
            self.active_interval
        } else {
            self.interval
        }
    }

    /// The most requests per minute of a healthy `ClusterWatch`, if a full sync takes `full` pages and an active sync
    /// `open`: one full sync, and active syncs for the rest of the minute, each with its requests by id. No fault
    /// raises this number (docs/concepts/architecture.md explains why).
    #[must_use]
    pub fn calls_a_minute(&self, full: usize, open: usize) -> usize {
        let shortest = self.active_interval.mul_f64(1.0 - JITTER).as_secs_f64();
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 63: no interval is shorter than a second"
        )]
        let others = (60.0 / shortest.max(1.0)).floor() as usize;
        let cost = |pages: usize| pages + most_questions(pages);
        cost(full) + others * cost(open)
    }

    /// How long a mirror may stay unconfirmed before it is stale: three intervals and two minutes. A sync that takes
    /// longer than its interval counts as one interval. If the API must not be called for longer, `rest`, the time
    /// lasts until the list after that should have ended, plus two minutes.
    #[must_use]
    pub fn stale_after(
        &self,
        something_open: bool,
        last_poll: Duration,
        rest: Duration,
    ) -> Duration {
        let polls = self.current(something_open).max(last_poll) * 3;
        polls.max(rest + last_poll) + STALE_GRACE
    }

    /// Whether the next sync is a full one, `since` after the last full sync, for which the API `taken` this long.
    #[must_use]
    pub fn full_is_due(
        &self,
        since: Option<Duration>,
        taken: Duration,
        wanted_sooner: bool,
    ) -> bool {
        let Some(since) = since else { return true };
        let spacing = taken * FULL_SPACING;
        since >= spacing && (wanted_sooner || since >= self.full_resync)
    }
}

/// When the sync number `poll` starts: after `interval` with jitter, and never below `minimum`.
#[must_use]
pub fn next_poll(interval: Duration, minimum: Duration, uid: &str, poll: u64) -> Duration {
    jittered(interval, uid, poll.max(SPREADING)).max(minimum)
}

/// How long a rejected key (401, 403, 404, 400) is not used after `refusals` rejections in a row: the interval, doubled
/// each time, at most ten minutes (or the interval if that is longer).
#[must_use]
pub fn after_refusal(interval: Duration, refusals: u32) -> Duration {
    interval
        .saturating_mul(1 << refusals.min(10))
        .min(REFUSED_MAX.max(interval))
}

/// How long to wait after a failed sync with `calls` requests, if a good one makes `usual`: one interval for each
/// `usual` requests. At most ten minutes, or the interval if that is longer.
#[must_use]
pub fn after_failure(interval: Duration, calls: usize, usual: usize) -> Duration {
    let turns = calls.div_ceil(usual.max(1)).max(1);
    interval
        .saturating_mul(u32::try_from(turns).unwrap_or(u32::MAX))
        .min(REFUSED_MAX.max(interval))
}

#[cfg(test)]
#[allow(clippy::cast_precision_loss)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    mod speeds;

    const SPEEDS: PollDefaults = PollDefaults {
        default_interval: Duration::from_secs(60),
        default_active_interval: Duration::from_secs(15),
        min_interval: Duration::from_secs(10),
    };
    const CADENCE: Cadence = Cadence {
        interval: Duration::from_secs(60),
        active_interval: Duration::from_secs(15),
        full_resync: Duration::from_secs(600),
    };

    #[test]
    fn full_listings_keep_their_distance() {
        let second = Duration::from_secs(1);
        assert!(CADENCE.full_is_due(None, Duration::ZERO, false));
        assert!(!CADENCE.full_is_due(Some(second * 599), second, false));
        assert!(CADENCE.full_is_due(Some(second * 600), second, false));
        assert!(CADENCE.full_is_due(Some(second * 10), second, true));
        assert!(!CADENCE.full_is_due(Some(second * 9), second, true));
        assert!(!CADENCE.full_is_due(Some(second * 600), second * 100, true));
    }

    #[test]
    fn stale_is_three_intervals_and_two_minutes() {
        // Whether any is open, how long the last list took, a longer rest; all in seconds.
        for (open, lasted, rest, stale) in [
            (true, 0, 0, 165),
            (false, 0, 0, 300),
            (true, 100, 0, 420),
            (true, 100, 1000, 1220),
        ] {
            let [lasted, rest, stale] = [lasted, rest, stale].map(Duration::from_secs);
            assert_eq!(CADENCE.stale_after(open, lasted, rest), stale);
        }
    }

    #[test]
    fn a_healthy_minute_is_one_full_listing_and_the_polls_between() {
        // five polls begin within a minute where each comes 14.25 s after the last
        assert_eq!(CADENCE.calls_a_minute(1, 1), 5 * 11);
        assert_eq!(CADENCE.calls_a_minute(100, 2), 200 + 4 * 12);
        let slow = Cadence {
            active_interval: Duration::from_secs(60),
            ..CADENCE
        };
        assert_eq!(slow.calls_a_minute(3, 1), 13 + 11);
    }

    #[test]
    fn watches_that_begin_together_are_spread_after_ten_polls() {
        let interval = Duration::from_secs(30);
        let mut seconds = std::collections::BTreeMap::new();
        for watch in 0..3000 {
            let uid = format!("watch {watch}");
            let pauses = (1..=10).map(|poll| next_poll(interval, Duration::ZERO, &uid, poll));
            let phase = pauses.sum::<Duration>().as_secs() % 30;
            *seconds.entry(phase).or_insert(0) += 1;
        }
        let fair = 60..=140;
        assert_eq!(seconds.len(), 30);
        assert!(seconds.values().all(|of| fair.contains(of)), "{seconds:?}");
    }

    #[test]
    fn a_failed_poll_pays_for_its_calls() {
        let second = Duration::from_secs(1);
        assert_eq!(after_failure(second * 15, 1, 1), second * 15);
        assert_eq!(after_failure(second * 15, 4, 1), second * 60);
        assert_eq!(after_failure(second * 15, 60, 100), second * 15);
        assert_eq!(after_failure(second * 15, 4, 0), second * 60);
        assert_eq!(after_failure(second * 15, 1000, 1), second * 600, "at most");
        assert_eq!(after_failure(second * 900, 9, 1), second * 900);
    }

    fn any_spec() -> impl Strategy<Value = ClusterWatchSpec> {
        let duration =
            || prop::option::of((0_u64..100_000).prop_map(|seconds| format!("{seconds}s")));
        (duration(), duration(), duration()).prop_map(|(interval, active, full)| ClusterWatchSpec {
            interval,
            active_interval: active,
            full_resync_interval: full,
            ..ClusterWatchSpec::default()
        })
    }

    fn seconds() -> impl Strategy<Value = Duration> {
        (0_u64..100_000_000).prop_map(Duration::from_millis)
    }

    proptest! {
        /// However often a poll fails with however many calls: their rate is at most that of good polls, unless the
        /// longest wait says otherwise.
        #[test]
        fn failing_costs_no_more_than_succeeding(interval in 1_u64..600, calls in 1_usize..200, usual in 1_usize..50) {
            let interval = Duration::from_secs(interval);
            let wait = after_failure(interval, calls, usual);
            let healthy = interval.as_secs_f64() / usual as f64;
            let failing = wait.as_secs_f64() / calls as f64;
            prop_assert!(failing >= healthy * 0.999 || wait >= REFUSED_MAX);
        }

        #[test]
        fn no_watch_is_faster_than_the_operators_minimum(
            spec in any_spec(),
            (default_interval, default_active_interval, minimum) in (seconds(), seconds(), seconds()),
            (uid, poll, open) in ("[a-f0-9-]{1,36}", any::<u64>(), any::<bool>()),
        ) {
            let speeds = PollDefaults { default_interval, default_active_interval, min_interval: minimum };
            let cadence = Cadence::of(&spec, speeds);
            prop_assert!(cadence.active_interval <= cadence.interval, "{:?}", cadence);
            prop_assert!(cadence.full_resync >= cadence.interval, "{:?}", cadence);
            let current = cadence.current(open);
            prop_assert!(current >= minimum);
            prop_assert!(next_poll(current, minimum, &uid, poll) >= minimum);
        }

        #[test]
        fn a_mirror_gets_stale_after_three_polls_and_two_minutes(
            spec in any_spec(),
            (lasted, open) in (seconds(), any::<bool>()),
        ) {
            let cadence = Cadence::of(&spec, SPEEDS);
            let stale = cadence.stale_after(open, lasted, Duration::ZERO);
            prop_assert_eq!(stale, cadence.current(open).max(lasted) * 3 + Duration::from_secs(120));
            // Three polls in a row that come as late as they may, each as slow as the last: still in time.
            let late = next_poll(cadence.current(open), Duration::ZERO, "u", 1).max(lasted);
            prop_assert!(late * 2 + lasted < stale);
        }

        #[test]
        fn full_listings_take_a_tenth_of_the_time_at_most(
            spec in any_spec(),
            since in prop::option::of(seconds()),
            (lasted, sooner) in (seconds(), any::<bool>()),
        ) {
            let cadence = Cadence::of(&spec, SPEEDS);
            let due = cadence.full_is_due(since, lasted, sooner);
            match since {
                None => prop_assert!(due),
                Some(since) => {
                    prop_assert!(!due || since >= lasted * 10);
                    prop_assert!(due || sooner || since < cadence.full_resync.max(lasted * 10));
                }
            }
        }

        #[test]
        fn jitter_stays_within_five_percent(seconds in 1_u64..86_400, uid in "[a-f0-9-]{1,36}", poll in any::<u64>()) {
            let interval = Duration::from_secs(seconds);
            let jittered = jittered(interval, &uid, poll);
            prop_assert_eq!(next_poll(interval, Duration::ZERO, &uid, poll.max(10)), next_poll(interval, Duration::ZERO, &uid, poll));
            prop_assert!(jittered >= interval.mul_f64(0.9499) && jittered <= interval.mul_f64(1.0501));
        }

        #[test]
        fn a_refused_key_is_never_asked_more_often_than_a_good_one(seconds in 1_u64..86_400, refusals in any::<u32>()) {
            let interval = Duration::from_secs(seconds);
            prop_assert!(after_refusal(interval, refusals) >= interval);
            prop_assert!(after_refusal(interval, refusals) <= interval.max(Duration::from_secs(600)));
        }
    }
}
