//! How long a difference may last, from a watch's spec and the contract.

use k8s_openapi::jiff::SignedDuration;
use serde_json::Value;

/// What the contract adds to three intervals before a mirror is stale.
const GRACE: SignedDuration = SignedDuration::from_mins(2);
/// The status of a watch is written at least this often.
pub(super) const HEARTBEAT: SignedDuration = SignedDuration::from_mins(5);
/// The longest wait after a refused key.
const REFUSED: SignedDuration = SignedDuration::from_mins(10);
/// The longest that one call of the API may take.
const CALL: SignedDuration = SignedDuration::from_mins(1);
/// From a start to the end of the first poll: the Lease of the one before may have to run out.
pub(super) const START: SignedDuration = SignedDuration::from_secs(17 + 60);

/// The times that a watch must keep.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From a change to the mirror that shows it, while nothing goes wrong: the poll that is due, and one more.
    pub fresh: SignedDuration,
    /// From a change to the mirror that shows it or is marked stale, whatever goes wrong.
    pub stale: SignedDuration,
    /// The same for one that was never seen open: only a full listing shows it.
    pub full: SignedDuration,
    /// From the end of all trouble to Ready.
    pub recovery: SignedDuration,
    /// From the end of all trouble to a status that is not past its `staleAfter`.
    pub heartbeat: SignedDuration,
    /// How long a finished one is kept, if not for ever.
    pub kept: Option<SignedDuration>,
}

impl Bounds {
    /// Those of a watch's `spec`, with something open or not; `slack`: what machine and network may add to each.
    #[must_use]
    pub fn of(spec: &Value, something_open: bool, slack: SignedDuration) -> Self {
        let time = |pointer: &str| {
            spec.pointer(pointer)
                .and_then(Value::as_str)
                .and_then(parse)
        };
        let interval = time("/interval").unwrap_or(SignedDuration::from_mins(1));
        let active = time("/activeInterval").unwrap_or(SignedDuration::from_secs(15));
        let current = if something_open {
            active.min(interval)
        } else {
            interval
        };
        // The jitter is 5 %; whatever a poll finds out late, it finds out at its end.
        let cycle = current * 21 / 20 + slack;
        let full = time("/fullResyncInterval").unwrap_or(SignedDuration::from_mins(10));
        Self {
            fresh: cycle * 2,
            stale: current * 3 + GRACE + cycle + CALL,
            full: full + cycle * 2,
            recovery: REFUSED + cycle * 2,
            heartbeat: HEARTBEAT + cycle * 2,
            kept: time("/retention/ttlAfterFinished"),
        }
    }
}

/// A Go duration of whole numbers.
fn parse(text: &str) -> Option<SignedDuration> {
    let mut sum = SignedDuration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        sum += SignedDuration::from_millis(number.parse::<i64>().ok()?.checked_mul(milliseconds)?);
        rest = tail;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_follow_from_the_spec() {
        let spec = json!({"interval": "1m", "activeInterval": "20s", "fullResyncInterval": "5m", "retention": {"ttlAfterFinished": "1h30m"}});
        let seconds = SignedDuration::from_secs;
        let active = Bounds::of(&spec, true, seconds(9));
        assert_eq!(active.fresh, seconds(2 * (21 + 9)));
        assert_eq!(active.stale, seconds(60 + 120 + 30 + 60));
        assert_eq!(active.kept, Some(seconds(5400)));
        let idle = Bounds::of(&spec, false, seconds(0));
        assert_eq!(idle.stale, seconds(180 + 120 + 63 + 60));
        assert_eq!(idle.full, seconds(300 + 126));
    }
}
