//! What goes wrong at present. Every fault ends by itself.

use tokio::time::Instant;

/// A fault of Together's API that listings meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiFault {
    Status(u16),
    /// 429, with this Retry-After in seconds.
    RateLimited(Option<u64>),
    Unauthorized,
    Forbidden,
    /// No answer within the client's time.
    Hang,
    /// Every answer takes this many seconds.
    Slow(u64),
    /// The second page fails.
    Cut,
    /// Later pages begin one item too late.
    Shifted,
    /// The second page is left out.
    Lost,
    /// Later pages begin one item too early.
    Doubled,
    /// The token of the next page leads to this one.
    Looping,
    NoToken,
    Empty,
    /// The first item cannot be read.
    Malformed,
    /// One item cannot be read, its id neither.
    Unnamed,
    FilterIgnored,
    FilterRefused,
    /// States that are not on the reference page are refused.
    NewerRefused,
    /// Only the SDKs' query names are known.
    SdkNames,
    /// Some answers show versions from before the last change.
    Lagging,
    /// Every third page fails once in each listing, ten at most.
    Stutters,
    /// Of several states that are asked for one by one, only the first is heeded.
    FirstStateOnly,
}

/// A fault of the call by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdFault {
    NotFound,
    Forbidden,
    Status(u16),
    Hang,
}

/// A fault of the cluster that writes meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KubeFault {
    Refused,
    Conflict,
    Unavailable,
    /// The write lands, and its answer says that it did not.
    AnswerLost,
    /// The write lands, and no answer comes.
    NoAnswer,
    /// Writes land this many seconds late.
    Slow(u64),
    /// 429: writes must wait this many seconds.
    Throttled(u64),
    /// Nothing can be read.
    Unreadable,
}

/// A fault and its end; it meets this part of the calls (of 100).
#[derive(Clone, Copy, Debug)]
pub(super) struct Timed<T> {
    pub(super) fault: T,
    pub(super) until: Instant,
    pub(super) part: u8,
}

/// At most one fault of a kind at a time.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) api: Option<Timed<ApiFault>>,
    pub(super) id: Option<Timed<IdFault>>,
    pub(super) kube: Option<Timed<KubeFault>>,
    /// The process whose next call of the API panics.
    pub(super) panics: Option<usize>,
    /// The next listing by state is refused once (400).
    pub(super) refuses_once: bool,
    /// The mirror that the cluster lets nobody write.
    pub(super) unwritable: Option<Timed<String>>,
}

impl<T> Timed<T> {
    pub(super) fn is_on(&self) -> bool {
        Instant::now() < self.until
    }
}

impl Faults {
    pub(super) fn api(&self, rng: &mut fastrand::Rng) -> Option<ApiFault> {
        draw(self.api.as_ref(), rng)
    }

    pub(super) fn id(&self, rng: &mut fastrand::Rng) -> Option<IdFault> {
        draw(self.id.as_ref(), rng)
    }

    pub(super) fn is_unwritable(&self, name: &str) -> bool {
        let timed = self.unwritable.as_ref();
        timed.is_some_and(|timed| timed.is_on() && timed.fault == name)
    }

    pub(super) fn kube(&self, rng: &mut fastrand::Rng) -> Option<KubeFault> {
        draw(self.kube.as_ref(), rng)
    }
}

fn draw<T: Copy>(timed: Option<&Timed<T>>, rng: &mut fastrand::Rng) -> Option<T> {
    let timed = timed.filter(|timed| timed.is_on())?;
    (rng.u8(0..100) < timed.part).then_some(timed.fault)
}
