//! What goes wrong, when, and for how long: all from one seed. Pure.

use std::time::Duration;

use fastrand::Rng;
use testbed::simulator::{Fault, Times};

/// One spell of bad weather.
#[derive(Clone, Debug)]
pub(crate) struct Spell {
    pub(crate) fault: Fault,
    pub(crate) times: Times,
    /// Until the faults are cleared.
    pub(crate) lasts: Duration,
    /// How long after that calls may still suffer from it.
    pub(crate) wake: Duration,
}

/// How the operator ends before it is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// SIGTERM.
    Stop,
    /// SIGKILL.
    Kill,
}

/// A call that began just before the end of a fault may take as long as the operator's own limit.
const CALL: u64 = 60;

/// The next spell: four of ten outlast the stale time of a watch.
pub(crate) fn spell(rng: &mut Rng) -> Spell {
    let fault = fault(rng);
    let wake = match &fault {
        Fault::Status {
            retry_after: Some(seconds),
            ..
        } => seconds.parse().unwrap_or(CALL),
        // The key is left alone for up to a minute.
        Fault::Status {
            status: 429 | 503, ..
        }
        | Fault::Hang
        | Fault::SlowDrip { .. } => CALL,
        _ => 5,
    };
    let (times, lasts) = match rng.u8(0..10) {
        0..3 => (Times::Next(rng.u64(1..=8)), rng.u64(15..40)),
        3..6 => (Times::UntilCleared, rng.u64(5..90)),
        _ => (Times::UntilCleared, rng.u64(240..420)),
    };
    Spell {
        fault,
        times,
        lasts: Duration::from_secs(lasts),
        wake: Duration::from_secs(wake),
    }
}

/// Good weather until the next spell.
pub(crate) fn calm(rng: &mut Rng) -> Duration {
    Duration::from_secs(rng.u64(20..200))
}

/// The operator's next end, and how long it may run until then.
pub(crate) fn end(rng: &mut Rng) -> (Duration, End) {
    let end = if rng.bool() { End::Stop } else { End::Kill };
    (Duration::from_secs(rng.u64(120..480)), end)
}

fn fault(rng: &mut Rng) -> Fault {
    let status = |status, retry_after: Option<&str>| Fault::Status {
        status,
        retry_after: retry_after.map(str::to_owned),
    };
    let all = [
        status(400, None),
        status(401, None),
        status(403, None),
        status(404, None),
        status(429, Some("20")),
        status(429, None),
        status(500, None),
        status(502, None),
        status(503, None),
        status(503, Some("90")),
        Fault::Hang,
        Fault::CutBody,
        Fault::NotJson,
        Fault::OtherShape,
        Fault::Html { status: 200 },
        Fault::Html { status: 502 },
        Fault::Redirect {
            location: "http://127.0.0.1:9/".to_owned(),
        },
        Fault::SlowDrip { pause_ms: 1 },
        Fault::RepeatedToken,
        Fault::MissingToken,
        Fault::LostPage,
        Fault::ShiftedPage,
        Fault::DoubledPage,
        Fault::EmptyList,
        Fault::ItemWithoutId,
        Fault::MalformedItem,
        Fault::UnknownEnum,
        Fault::OldVersion,
    ];
    all[rng.usize(..all.len())].clone()
}
