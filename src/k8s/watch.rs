//! How a watch is created, how long it may be silent, and how it restarts.
//!
//! A connection that died silently shows no events, no error and no end, so an edit or a deletion would be missed.
//! Therefore watches are short, and one that outlives its time, or a list that gets no response, restarts.

use std::{fmt::Debug, time::Duration};

use futures::{Stream, StreamExt, stream};
use kube::{
    Api, Client, Config, Resource,
    core::{NamespaceResourceScope, Status},
};
use kube_runtime::{
    WatchStreamExt,
    watcher::{self, DefaultBackoff, Event, ListSemantic, watcher},
};
use serde::de::DeserializeOwned;

use super::signature;

/// After this many seconds the API server ends a watch, which then resumes.
const SECONDS: u32 = 30;

/// A connection that is silent for this long is dead, because the API server ends every watch earlier.
const SILENCE: Duration = Duration::from_secs(40);

/// Objects per page of a list. A page is in memory four times while it is parsed, and larger pages are no faster.
const PAGE: u32 = 100;

/// HTTP 410: the watch's resourceVersion is too old, so everything must be listed again.
const GONE: u16 = 410;

/// HTTP 403 and 404: listing is not allowed, or the resource does not exist. A list shows when that is over.
const REFUSED: [u16; 2] = [403, 404];

/// Why the API server refuses to continue from a version that it does not have yet: etcd was restored from a backup.
/// Only a new list shows the current state.
const TOO_LARGE: &str = "ResourceVersionTooLarge";
/// The start of the message in older API servers, which give no such reason.
const TOO_LARGE_TEXT: &str = "Too large resource version";

/// A client for watches.
///
/// # Errors
/// If the configuration is invalid.
pub fn client(mut config: Config) -> kube::Result<Client> {
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    signature::client(config)
}

/// The objects of one namespace, or of all (`None`).
#[must_use]
pub fn objects_in<K>(client: Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    }
}

/// The events of a watch on `api`, without end. Errors are reported and retried. If everything must be listed
/// repeatedly, that happens less and less often.
pub fn events<K>(api: Api<K>) -> impl Stream<Item = watcher::Result<Event<K>>> + Send
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    // A list must be a consistent read, because it replaces what is known. A list from a cache could be older.
    let config = watcher::Config::default()
        .timeout(SECONDS)
        .page_size(PAGE)
        .list_semantic(ListSemantic::MostRecent);
    let begin = move || {
        watcher(api.clone(), config.clone())
            .default_backoff()
            .boxed()
    };
    // Other events do not reset the backoff: successful lists are what must not come too often.
    let state = (begin(), DefaultBackoff::default(), None);
    stream::unfold(state, move |(mut events, mut waits, wait)| {
        let begin = begin.clone();
        async move {
            if let Some(wait) = wait {
                tokio::time::sleep(wait).await;
                events = begin();
            }
            let event = events.next().await?;
            let wait = if must_list_again(&event) {
                waits.next()
            } else {
                None
            };
            Some((event, (events, waits, wait)))
        }
    })
}

/// The same, restarted with a list whenever the future of `again` resolves.
pub fn events_listed_again<K, F>(
    api: Api<K>,
    mut again: impl FnMut() -> F + Send,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    F: Future<Output = ()> + Send,
{
    stream::repeat(()).flat_map(move |()| events(api.clone()).take_until(again()))
}

/// Whether the watch cannot resume. The watcher itself notices only the first kind, and only as an event.
fn must_list_again<K>(event: &watcher::Result<Event<K>>) -> bool {
    match event {
        Err(
            watcher::Error::WatchError(status)
            | watcher::Error::WatchStartFailed(kube::Error::Api(status)),
        ) => status.code == GONE || is_too_large(status) || REFUSED.contains(&status.code),
        _ => false,
    }
}

/// Whether the API server does not allow the watch: its namespace may be gone, or the permission to list.
#[must_use]
pub fn is_refused(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => {
            REFUSED.contains(&status.code)
        }
        _ => false,
    }
}

fn is_too_large(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let mut causes = causes.map(|cause| (&cause.reason, &cause.message));
    causes.any(|(reason, message)| reason == TOO_LARGE || message.starts_with(TOO_LARGE_TEXT))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{
        convert::Infallible,
        sync::{
            Arc, Mutex,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use http::{Request, Response};
    use kube::client::Body;
    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::api::remediation::Remediation;

    const GONE_EVENT: &str = r#"{"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "too old", "reason": "Expired", "code": 410}}"#;
    const GONE_STATUS: &str = r#"{"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "too old", "reason": "Expired", "code": 410}"#;
    const TOO_LARGE_EVENT: &str = r#"{"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "Too large resource version: 9, current: 4", "reason": "Timeout", "details": {"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1}, "code": 504}}"#;
    const TOO_LARGE_STATUS: &str = r#"{"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "Too large resource version: 9, current: 4", "reason": "Timeout", "details": {"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1}, "code": 504}"#;
    const FORBIDDEN: &str = r#"{"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "no", "reason": "Forbidden", "code": 403}"#;
    const FIRST_PAGE: &str = r#"{"kind": "RemediationList", "apiVersion": "compute.together.ai/v1alpha1", "metadata": {"resourceVersion": "7", "continue": "two"}, "items": []}"#;
    const LIST: &str = r#"{"kind": "RemediationList", "apiVersion": "compute.together.ai/v1alpha1", "metadata": {"resourceVersion": "7"}, "items": []}"#;

    /// A client of an API server that answers each query so: by a status and a body.
    fn client(answer: impl Fn(&str) -> (u16, &'static str) + Send + 'static) -> Client {
        let service = tower::service_fn(move |request: Request<Body>| {
            let (status, body) = answer(request.uri().query().unwrap_or_default());
            let body = Body::from(body.as_bytes().to_vec());
            let answer = Response::builder().status(status).body(body).unwrap();
            std::future::ready(Ok::<_, Infallible>(answer))
        });
        Client::new(service, "n")
    }

    /// The listings in an hour (of a clock that runs by itself) in which every watch is answered so.
    async fn listings_of_an_hour(status: u16, answer: &'static str) -> usize {
        let listings = Arc::new(AtomicUsize::new(0));
        let counted = listings.clone();
        let client = client(move |query| {
            if query.contains("watch=true") {
                return (status, answer);
            }
            counted.fetch_add(1, Ordering::SeqCst);
            (200, LIST)
        });
        let mut events = Box::pin(events(Api::<Remediation>::all(client)));
        let end = Instant::now() + Duration::from_secs(3600);
        while Instant::now() < end {
            let _ = timeout(Duration::from_secs(60), events.next()).await;
        }
        listings.load(Ordering::SeqCst)
    }

    /// It comes too late, it is from a version that the API server does not have yet, or it is refused: a list would show
    /// when that ends.
    #[tokio::test(start_paused = true)]
    async fn a_watch_that_always_fails_lists_again_ever_more_rarely() {
        for (status, answer) in [
            (200, GONE_EVENT),
            (410, GONE_STATUS),
            (200, TOO_LARGE_EVENT),
            (504, TOO_LARGE_STATUS),
            (403, FORBIDDEN),
        ] {
            let listings = listings_of_an_hour(status, answer).await;
            assert!((50..200).contains(&listings), "{answer}: {listings}");
        }
    }

    /// The queries of lists, where each list has two pages and each watch ends at once.
    async fn queries_of_lists(lists: usize) -> Vec<String> {
        let queries = Arc::new(Mutex::new(Vec::new()));
        let asked = queries.clone();
        let client = client(move |query| {
            if query.contains("watch=true") {
                return (200, GONE_EVENT);
            }
            asked.lock().unwrap().push(query.to_owned());
            let later = query.contains("continue=");
            (200, if later { LIST } else { FIRST_PAGE })
        });
        let mut events = Box::pin(events(Api::<Remediation>::all(client)));
        while queries.lock().unwrap().len() < lists {
            let _ = events.next().await;
        }
        queries.lock().unwrap().clone()
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_is_a_consistent_read_page_by_page() {
        for query in queries_of_lists(4).await {
            assert!(query.contains("limit=100"), "{query}");
            assert!(!query.contains("resourceVersion"), "{query}");
        }
    }
}
