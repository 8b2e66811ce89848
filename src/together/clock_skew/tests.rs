use std::time::Duration;

use proptest::prelude::*;
use reqwest::header::HeaderValue;

use super::*;
use crate::testing::clock::second;

const NOON: &str = "2026-11-23T12:00:00Z";

fn noon() -> Timestamp {
    NOON.parse().unwrap_or_default()
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let lines = lines.iter();
    lines
        .map(|(name, value)| {
            let name = reqwest::header::HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        })
        .collect()
}

/// When the clocks have gone on by so much since noon.
fn moment(ms: i64) -> Moment {
    let since = SignedDuration::from_millis(ms);
    Moment {
        day: noon() + since,
        elapsed: MonoTime::at(Duration::try_from(since).unwrap_or_default()),
    }
}

/// Dates an hour before noon, an hour after it, and more than a day after it.
const BEFORE: &str = "Mon, 23 Nov 2026 11:00:00 GMT";
const NEAR: &str = "Mon, 23 Nov 2026 13:00:00 GMT";
const FAR: &str = "Tue, 24 Nov 2026 12:10:00 GMT";

/// An answer at noon has this `Date`.
fn dated(skew: &Skew, date: &'static str) {
    skew.note(&headers(&[("date", date)]), moment(0), moment(0));
}

fn skew_from(lines: &[(&'static str, &'static str)]) -> Option<SignedDuration> {
    let skew = Skew::default();
    skew.note(&headers(lines), moment(0), moment(1000));
    skew.get()
}

#[test]
fn the_middle_of_the_call_is_compared_with_the_middle_of_the_second() {
    assert_eq!(skew_from(&[("date", NEAR)]), Some(seconds(3600)));
}

#[test]
fn an_unusable_date_corrects_nothing() {
    for (why, lines) in [
        ("absent", &[][..]),
        ("no date", &[("date", "soon")]),
        ("never set", &[("date", "Thu, 01 Jan 1970 00:00:00 GMT")]),
        ("more than a day", &[("date", FAR)]),
        ("kept by a cache", &[("date", NEAR), ("age", "90")]),
    ] {
        assert_eq!(skew_from(lines), None, "{why}");
    }
    for set in [-5, 5] {
        let answered = Moment {
            day: noon() + seconds(set),
            ..moment(1000)
        };
        let sample = sample(noon(), moment(0), answered);
        assert_eq!(sample, None, "our own clock was set meanwhile");
    }
}

#[test]
fn a_response_without_a_date_keeps_the_known_skew() {
    let skew = Skew::default();
    dated(&skew, NEAR);
    let known = skew.get();
    assert!(known.is_some());
    skew.note(&HeaderMap::new(), moment(0), moment(0));
    assert_eq!(skew.get(), known);
}

#[test]
fn the_apis_time_goes_on_by_the_monotonic_clock() {
    let skew = Skew::default();
    let time = |skew: &Skew| skew.clock().time(noon() + seconds(7200), second(60));
    assert_eq!(time(&skew), Some(noon() + seconds(7200)), "ours stands in");
    dated(&skew, BEFORE);
    let apis = noon() - seconds(3600) + SignedDuration::from_millis(500) + seconds(60);
    assert_eq!(time(&skew), Some(apis), "whatever our time of day is");
}

#[test]
fn clocks_more_than_a_day_apart_leave_the_time_unknown_until_they_agree() {
    let skew = Skew::default();
    for (date, known) in [
        (FAR, false),
        (NEAR, true),
        (FAR, false),
        (FAR, false),
        (NEAR, true),
    ] {
        dated(&skew, date);
        let time = skew.clock().time(noon(), MonoTime::ZERO);
        assert_eq!(time.is_some(), known, "{date}");
        assert_eq!(skew.get().is_some(), known, "{date}");
    }
}

#[test]
fn a_clock_that_is_days_off_still_tells_the_apis_own_time() {
    let skew = Skew::default();
    assert_eq!(
        skew.clock().time_at(MonoTime::ZERO),
        None,
        "no response has come"
    );
    dated(&skew, "Thu, 26 Nov 2026 12:00:00 GMT");
    let apis = noon() + seconds(3 * 86_400) + SignedDuration::from_millis(500);
    let later = second(60);
    assert_eq!(skew.clock().time_at(later), Some(apis + later.since_zero()));
    // Nothing expires by it.
    assert_eq!(skew.clock().time(noon(), later), None);
}

proptest! {
    /// Whatever the skew, the time on the wire and the fraction of the second: the error is half a second and half the
    /// time on the wire at most.
    #[test]
    fn a_sample_is_as_good_as_it_can_be(
        skew in -80_000_000_i64..80_000_000,
        there in 0_i64..2_000,
        back in 0_i64..2_000,
        fraction in 0_i64..1_000,
    ) {
        let ms = SignedDuration::from_millis;
        let asked = moment(fraction);
        let stamped = asked.day + ms(there) + ms(skew);
        let date = Timestamp::from_second(stamped.as_millisecond().div_euclid(1000)).unwrap_or_default();
        let sample = sample(date, asked, moment(fraction + there + back));
        let error = sample.map(|sample| (sample - ms(skew)).abs());
        prop_assert!(error.is_some_and(|error| error <= ms(500 + i64::midpoint(there, back) + 1)), "{error:?}");
    }

    /// Many samples of one skew come to lie closer than one may, and never leave their bounds.
    #[test]
    fn smoothing_stays_within_the_samples(skew in -80_000_i64..80_000, noise in prop::collection::vec(-500_i64..=500, 1..100)) {
        let ms = SignedDuration::from_millis;
        let mut known = None;
        for noise in noise {
            known = Some(smoothed(known, seconds(skew) + ms(noise)));
        }
        prop_assert!(known.is_some_and(|known| (known - seconds(skew)).abs() <= ms(501)), "{known:?}");
    }

    /// A clock that was set is believed at once.
    #[test]
    fn a_step_is_not_smoothed(before in -80_000_i64..80_000, step in 6_i64..80_000, back in any::<bool>()) {
        let after = if back { before - step } else { before + step };
        prop_assert_eq!(smoothed(Some(seconds(before)), seconds(after)), seconds(after));
    }
}
