//! The HTTP client of the Together API: one request at a time per call, bounded in time, size and number.

use std::{sync::Arc, time::Duration};

use hyper::body::Bytes;
use reqwest::{
    Response,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
    redirect::Policy,
    retry,
};
use tokio::time::Instant;
pub(crate) use url::Url;

use super::{
    base_url::BaseUrl,
    connections::Connections,
    error::{DecodeError, Error, TransportError},
};
use crate::{
    agent::USER_AGENT,
    clock::{Clock, SystemClock},
    network::{Cause, Resolver, proxy::ProxyUrl},
    tls,
    together::{
        api_key::ApiKey,
        clock_skew::{ApiClock, Moment, Skew},
        metrics::ApiMeter,
        query::{dialect::Dialects, page::PageQuery, url},
        rate_limit::{Budget, Budgets, Rate},
        response,
        service::{Api, Service},
        wire::{decode, page::Page, remediation::Remediation},
    },
};

/// Limits of the requests.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests per second and key, 0.001 to 1000.
    pub qps: f64,
    /// Burst of requests per key, from 1.
    pub burst: u32,
    /// Connect timeout.
    pub connect_timeout: Duration,
    /// Maximum time between two reads of a response.
    pub read_timeout: Duration,
    /// Timeout of a request, from connecting to the end of the body, without the wait for the rate limit.
    pub total_timeout: Duration,
    /// How long an idle connection is kept: long enough for the next page, but not for the next sync, so that a changed
    /// address is used.
    pub idle_timeout: Duration,
    /// How long after its first request a connection may be reused, for the same reason.
    pub max_age: Duration,
    /// Maximum size of a body in bytes.
    pub max_body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            qps: 5.0,
            burst: 20,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(5),
            max_age: Duration::from_secs(60),
            max_body: 32 << 20,
        }
    }
}

impl Limits {
    fn rate(&self) -> Result<Rate, ClientError> {
        if !(0.001..=1000.0).contains(&self.qps) {
            return Err(ClientError::Qps);
        }
        if self.burst == 0 {
            return Err(ClientError::Burst);
        }
        // The bucket counts whole milliseconds. Rounded up, so that the rate never exceeds qps.
        let interval = Duration::from_secs_f64((1000.0 / self.qps).ceil() / 1000.0);
        Ok(Rate {
            interval,
            burst: self.burst,
        })
    }
}

/// Why the client cannot be created: one line that says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The rate is out of bounds.
    #[error("--api-qps must be a number from 0.001 to 1000")]
    Qps,
    /// The burst is zero.
    #[error("--api-burst must be at least 1")]
    Burst,
    /// The TLS set-up failed.
    #[error("cannot set up TLS. Install CA certificates, or set SSL_CERT_FILE to a file of them")]
    Tls,
}

/// The API at one base URL. Clones share connections, rate limits and what was learned about the server.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    dialects: Dialects,
    skew: Skew,
    meter: ApiMeter,
    clock: Arc<dyn Clock>,
}

struct Shared {
    connections: Connections,
    base: BaseUrl,
    budgets: Budgets,
    max_body: usize,
}

impl Client {
    /// A client of the API at `base`, through `proxy`. It follows no redirects and retries nothing.
    ///
    /// # Errors
    /// [`ClientError`] says which limit is out of bounds, or that TLS cannot be set up.
    pub fn new(
        base: BaseUrl,
        limits: Limits,
        proxy: Option<ProxyUrl>,
    ) -> Result<Self, ClientError> {
        tls::provide();
        let https_only = base.url().scheme() == "https";
        let names = Resolver::default();
        Self::with_http(base, limits, move || {
            let mut http = http(limits)
                .https_only(https_only)
                .dns_resolver(names.clone());
            if let Some(proxy) = &proxy {
                http = http.proxy(proxy.for_reqwest().ok()?);
            }
            http.build().ok()
        })
    }

    /// The same with an HTTP client created by `build`.
    fn with_http(
        base: BaseUrl,
        limits: Limits,
        build: impl Fn() -> Option<reqwest::Client> + Send + Sync + 'static,
    ) -> Result<Self, ClientError> {
        let rate = limits.rate()?;
        let connections = Connections::new(build, limits.idle_timeout, limits.max_age);
        let shared = Shared {
            connections: connections.ok_or(ClientError::Tls)?,
            base,
            budgets: Budgets::new(rate),
            max_body: limits.max_body,
        };
        Ok(Self {
            shared: Arc::new(shared),
            dialects: Dialects::default(),
            skew: Skew::default(),
            meter: ApiMeter::default(),
            clock: Arc::new(SystemClock::default()),
        })
    }

    /// The same with this clock, which measures the API's clock and the age of connections.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The API with a key. All users of a key share one rate limit.
    #[must_use]
    pub fn with_key(&self, key: &ApiKey) -> KeyedClient {
        KeyedClient {
            shared: Arc::clone(&self.shared),
            bearer: key.bearer(),
            budget: self.shared.budgets.of(key.fingerprint()),
            skew: self.skew.clone(),
            meter: self.meter.clone(),
            clock: Arc::clone(&self.clock),
        }
    }

    /// Host and port of the base URL.
    #[must_use]
    pub fn host(&self) -> String {
        self.shared.base.host()
    }

    /// Counts the calls.
    #[must_use]
    pub fn meter(&self) -> &ApiMeter {
        &self.meter
    }

    /// How far the API's clock is ahead of the node's.
    #[must_use]
    pub fn skew(&self) -> &Skew {
        &self.skew
    }

    /// What was learned about the server.
    #[must_use]
    pub fn dialects(&self) -> &Dialects {
        &self.dialects
    }
}

impl Service for Client {
    type Api = KeyedClient;

    fn with_key(&self, key: &ApiKey) -> KeyedClient {
        self.with_key(key)
    }

    fn dialects(&self) -> &Dialects {
        self.dialects()
    }

    fn clock(&self) -> ApiClock {
        self.skew.clock()
    }
}

/// The API with one key.
#[derive(Clone)]
pub struct KeyedClient {
    shared: Arc<Shared>,
    bearer: HeaderValue,
    budget: Arc<Budget>,
    skew: Skew,
    meter: ApiMeter,
    clock: Arc<dyn Clock>,
}

impl KeyedClient {
    /// One page of a listing, not read yet. One call to the API.
    ///
    /// # Errors
    /// Any [`Error`] but [`Error::InvalidResponse`] and [`Error::IncompleteListing`].
    pub(crate) async fn page_body(&self, query: &PageQuery) -> Result<Bytes, Error> {
        self.call(url::page(&self.shared.base, query)?).await
    }

    async fn call(&self, url: Url) -> Result<Bytes, Error> {
        let queued = Instant::now();
        self.budget.take().await?;
        self.meter.waited(queued.elapsed());
        let http = self.shared.connections.lease(&*self.clock);
        let request = http
            .get(url)
            .header(AUTHORIZATION, self.bearer.clone())
            .header(ACCEPT, HeaderValue::from_static("application/json"));
        let asked = Moment::of(&*self.clock);
        let sent = Instant::now();
        let answer = request.send().await;
        self.meter.took(sent.elapsed());
        let response = answer.map_err(|error| {
            let cause = Cause::of(&error);
            self.meter.unanswered(cause);
            no_answer(cause)
        })?;
        let (status, headers) = (response.status(), response.headers());
        self.meter.answered(status.as_u16());
        if status.is_success() {
            let answered = Moment::of(&*self.clock);
            self.skew.note(headers, asked, answered);
        }
        self.budget.record(response::check(status, headers))?;
        read(response, self.shared.max_body).await
    }
}

impl Api for KeyedClient {
    async fn list_page(&self, query: &PageQuery) -> Result<Page, Error> {
        decode::decode_page(&self.page_body(query).await?)
    }

    async fn get(
        &self,
        cluster: &str,
        instance: Option<&str>,
        id: &str,
    ) -> Result<Remediation, Error> {
        let body = self
            .call(url::one(&self.shared.base, cluster, instance, id)?)
            .await?;
        let remediation = decode::decode_one(&body)?;
        if remediation.id == id {
            Ok(remediation)
        } else {
            Err(Error::InvalidResponse(DecodeError::OtherRemediation))
        }
    }

    fn paused(&self) -> Duration {
        self.budget.paused()
    }
}

/// An HTTP client with `limits`. It retries nothing by itself, not even a request that the server refused unprocessed,
/// because each request must count against the key's rate limit.
fn http(limits: Limits) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(Policy::none())
        .retry(retry::never())
        .connect_timeout(limits.connect_timeout)
        .read_timeout(limits.read_timeout)
        .timeout(limits.total_timeout)
        .pool_idle_timeout(limits.idle_timeout)
        // reqwest's own handling of the environment ignores a proxy URL that it cannot parse.
        .no_proxy()
}

/// Reads a body up to the limit, whatever length it announces.
async fn read(mut response: Response, limit: usize) -> Result<Bytes, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| no_answer(Cause::of(&error)))?
    {
        if body.len() + chunk.len() > limit {
            return Err(Error::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}

/// The meaning of a transport error. Its text is dropped, because it may contain the URL.
fn no_answer(cause: Cause) -> Error {
    Error::Unavailable {
        cause: TransportError::Connection(cause),
        retry_after: None,
    }
}

#[cfg(test)]
mod tests;
