//! Waits that double with each failure, with jitter so that clients that failed together do not return together.

use std::hash::Hasher;
use std::time::Duration;

use siphasher::sip::SipHasher13;

/// How long to wait after `failures` failures in a row (from 0): `first`, doubled for each, at most `most`, and of that
/// between half and all. The jitter depends on `who` and the number of failures, and is always the same for the same
/// two.
pub(super) fn backoff(first: Duration, most: Duration, failures: u32, who: &[u8]) -> Duration {
    let longest = first.saturating_mul(1 << failures.min(20)).min(most);
    let mut hash = SipHasher13::new();
    hash.write(who);
    hash.write_u32(failures);
    let unit = f64::from(u32::try_from(hash.finish() >> 32).unwrap_or_default());
    longest.mul_f64(0.5 + 0.5 * unit / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const FIRST: Duration = Duration::from_secs(1);
    const MOST: Duration = Duration::from_secs(60);

    #[test]
    fn a_wait_doubles_up_to_its_bound_and_at_least_half_of_it_is_waited() {
        for (failures, longest) in [(0, 1), (1, 2), (5, 32), (6, 60), (7, 60), (u32::MAX, 60)] {
            let longest = Duration::from_secs(longest);
            for who in 0..100_u8 {
                let wait = backoff(FIRST, MOST, failures, &[who]);
                let bounds = longest / 2..=longest;
                assert!(bounds.contains(&wait), "{failures}: {wait:?}");
                assert_eq!(wait, backoff(FIRST, MOST, failures, &[who]));
            }
        }
    }

    #[test]
    fn those_who_failed_together_wait_differently() {
        let waits = (0..100_u8).map(|who| backoff(FIRST, MOST, 0, &[who]).as_millis() / 50);
        let spread: BTreeSet<_> = waits.collect();
        assert!(spread.len() >= 9, "{spread:?}");
    }
}
