//! The connections to the API. Each is used for a while only, so that a name that has moved is looked up again, however
//! fast the calls follow each other.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

type Build = dyn Fn() -> Option<reqwest::Client> + Send + Sync;

/// An HTTP client that is replaced by a new one, with no connection yet, before its connections get too old. The client
/// itself bounds how long a connection rests, and not how long it is used.
pub(super) struct Connections {
    build: Box<Build>,
    idle_timeout: Duration,
    max_age: Duration,
    state: Mutex<State>,
}

/// All times are monotonic.
struct State {
    http: reqwest::Client,
    /// No connection that is in use was opened before.
    since: Duration,
    /// When a call last began or ended.
    used: Duration,
}

/// The client for one call, to be dropped when the call has ended.
pub(super) struct Lease<'a> {
    http: reqwest::Client,
    of: &'a Connections,
    clock: &'a dyn Clock,
}

impl Connections {
    /// Connections of the client that `build` makes, which closes one that has rested for `idle_timeout`. No call begins on
    /// one that was opened more than `max_age` ago. `None` where no client can be made.
    pub(super) fn new(
        build: impl Fn() -> Option<reqwest::Client> + Send + Sync + 'static,
        idle_timeout: Duration,
        max_age: Duration,
    ) -> Option<Self> {
        let state = State {
            http: build()?,
            since: Duration::ZERO,
            used: Duration::ZERO,
        };
        Some(Self {
            build: Box::new(build),
            idle_timeout,
            max_age,
            state: Mutex::new(state),
        })
    }

    /// The client for a call that begins now. Calls under way go on with the one that they began with.
    pub(super) fn lease<'a>(&'a self, clock: &'a dyn Clock) -> Lease<'a> {
        let now = clock.elapsed();
        let mut state = self.lock();
        if now >= state.used + self.idle_timeout {
            // There is no connection any more.
            state.since = now;
        } else if now >= state.since + self.max_age {
            state.since = now;
            if let Some(http) = (self.build)() {
                state.http = http;
            }
        }
        state.used = now;
        Lease {
            http: state.http.clone(),
            of: self,
            clock,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Lease<'_> {
    type Target = reqwest::Client;

    fn deref(&self) -> &reqwest::Client {
        &self.http
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.of.lock().used = self.clock.elapsed();
    }
}
