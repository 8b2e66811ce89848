//! The connections to the API. Each has a limited age, so that a changed address is used even if requests follow each
//! other quickly.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, MonoTime};

type Build = dyn Fn() -> Option<reqwest::Client> + Send + Sync;

/// An HTTP client that is replaced by a new one, without connections, before its connections become too old. The HTTP
/// client itself limits only how long a connection is idle.
pub(super) struct Connections {
    build: Box<Build>,
    idle_timeout: Duration,
    max_age: Duration,
    state: Mutex<State>,
}

struct State {
    http: reqwest::Client,
    /// No connection in use was opened before.
    since: MonoTime,
    /// When a request last started or ended.
    used: MonoTime,
}

/// The client for one request; drop it when the request has ended.
pub(super) struct Lease<'a> {
    http: reqwest::Client,
    of: &'a Connections,
    clock: &'a dyn Clock,
}

impl Connections {
    /// Connections of clients created by `build`, which closes those that are idle for `idle_timeout`. No request
    /// starts on one older than `max_age`. `None` if no client can be created.
    pub(super) fn new(
        build: impl Fn() -> Option<reqwest::Client> + Send + Sync + 'static,
        idle_timeout: Duration,
        max_age: Duration,
    ) -> Option<Self> {
        let state = State {
            http: build()?,
            since: MonoTime::ZERO,
            used: MonoTime::ZERO,
        };
        Some(Self {
            build: Box::new(build),
            idle_timeout,
            max_age,
            state: Mutex::new(state),
        })
    }

    /// The client for a request that starts now. Requests in flight continue with theirs.
    pub(super) fn lease<'a>(&'a self, clock: &'a dyn Clock) -> Lease<'a> {
        let now = clock.elapsed();
        let mut state = self.lock();
        if now >= state.used + self.idle_timeout {
            // No connection is left.
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
