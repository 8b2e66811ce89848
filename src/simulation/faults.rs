//! The active faults. Every fault ends by itself.

use tokio::time::Instant;

/// A fault of the Together API that affects lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiFault {
    Status(u16),
    /// 429, with this Retry-After in seconds.
    RateLimited(Option<u64>),
    Unauthorized,
    Forbidden,
    /// No response within the client's timeout.
    Hang,
    /// Every response takes this many seconds.
    Slow(u64),
    /// The second page fails.
    Cut,
    /// Later pages begin one item too late.
    Shifted,
    /// The second page is skipped.
    Lost,
    /// Later pages begin one item too early.
    Doubled,
    /// The token of the next page leads to the same page.
    Looping,
    NoToken,
    Empty,
    /// The first item is unreadable.
    Malformed,
    /// One item is unreadable, including its id.
    Unnamed,
    FilterIgnored,
    FilterRefused,
    /// States that are not on the reference page are rejected.
    NewerRefused,
    /// Only the SDKs' query parameters are known.
    SdkNames,
    /// Some responses show versions from before the last change.
    Lagging,
    /// Every third page fails once in each listing, ten at most.
    Stutters,
    /// Of several repeated states, only the first is honored.
    FirstStateOnly,
}

/// A fault of the request by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdFault {
    NotFound,
    Forbidden,
    Status(u16),
    Hang,
}

/// A fault of Kubernetes that affects writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KubeFault {
    Refused,
    Conflict,
    Unavailable,
    /// The write takes effect, but the response says that it did not.
    AnswerLost,
    /// The write takes effect, but there is no response.
    NoAnswer,
    /// Writes take effect this many seconds late.
    Slow(u64),
    /// 429: writes must wait this many seconds.
    Throttled(u64),
    /// Nothing is readable.
    Unreadable,
}

/// A fault and its end; it affects this percentage of requests.
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
    /// The process whose next request to the API panics.
    pub(super) panics: Option<usize>,
    /// The next list by state is rejected once (400).
    pub(super) refuses_once: bool,
    /// The mirror whose writes Kubernetes rejects.
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
