//! How a watch is made, how long it may be silent, and how it begins anew.
//!
//! A connection that has died without a word shows no events, no error and no end: an edit or a deletion would go unseen.
//! So a watch is short, and one that outlives its time, or a listing or its beginning that says nothing, is begun anew.

use std::{fmt::Debug, time::Duration};

use futures::{Stream, StreamExt, stream};
use kube::{
    Api, Client, Config, Resource,
    runtime::{
        WatchStreamExt,
        watcher::{self, DefaultBackoff, Event, watcher},
    },
};
use serde::de::DeserializeOwned;

/// After so many seconds the server ends a watch, and it is resumed where it was.
const SECONDS: u32 = 30;

/// A connection that says nothing for so long is dead: the server ends every watch before.
const SILENCE: Duration = Duration::from_secs(40);

/// Objects of a page of a listing.
const PAGE: u32 = 500;

/// HTTP 410: what the watch would go on from is known no more, and all must be listed anew.
const GONE: u16 = 410;

/// A client for watches.
///
/// # Errors
/// When the configuration makes no client.
pub fn client(mut config: Config) -> kube::Result<Client> {
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    Client::try_from(config)
}

/// What a watch on `api` shows, without end. Errors are told and waited out; where everything must be listed again and again,
/// that is done ever more rarely.
pub fn events<K>(api: Api<K>) -> impl Stream<Item = watcher::Result<Event<K>>> + Send
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let config = watcher::Config::default().timeout(SECONDS).page_size(PAGE);
    let begin = move || {
        watcher(api.clone(), config.clone())
            .default_backoff()
            .boxed()
    };
    // What comes in between does not reset it: a listing that succeeds is what must not come too often.
    let state = (begin(), DefaultBackoff::default(), None);
    stream::unfold(state, move |(mut events, mut waits, wait)| {
        let begin = begin.clone();
        async move {
            if let Some(wait) = wait {
                tokio::time::sleep(wait).await;
                events = begin();
            }
            let event = events.next().await?;
            let wait = if is_expired(&event) {
                waits.next()
            } else {
                None
            };
            Some((event, (events, waits, wait)))
        }
    })
}

fn is_expired<K>(event: &watcher::Result<Event<K>>) -> bool {
    match event {
        Err(watcher::Error::WatchError(status)) => status.code == GONE,
        Err(watcher::Error::WatchStartFailed(kube::Error::Api(status))) => status.code == GONE,
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{
        convert::Infallible,
        sync::{
            Arc,
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
    const LIST: &str = r#"{"kind": "RemediationList", "apiVersion": "compute.together.ai/v1alpha1", "metadata": {"resourceVersion": "7"}, "items": []}"#;

    /// The listings in an hour (of a clock that runs by itself) in which every watch is answered so.
    async fn listings_of_an_hour(status: u16, answer: &'static str) -> usize {
        let listings = Arc::new(AtomicUsize::new(0));
        let counted = listings.clone();
        let client = Client::new(
            tower::service_fn(move |request: Request<Body>| {
                let watches = request
                    .uri()
                    .query()
                    .is_some_and(|query| query.contains("watch=true"));
                let (status, body) = if watches {
                    (status, answer)
                } else {
                    counted.fetch_add(1, Ordering::SeqCst);
                    (200, LIST)
                };
                let answer = Response::builder()
                    .status(status)
                    .body(Body::from(body.as_bytes().to_vec()));
                std::future::ready(Ok::<_, Infallible>(answer.unwrap()))
            }),
            "n",
        );
        let mut events = Box::pin(events(Api::<Remediation>::all(client)));
        let end = Instant::now() + Duration::from_secs(3600);
        while Instant::now() < end {
            let _ = timeout(Duration::from_secs(60), events.next()).await;
        }
        listings.load(Ordering::SeqCst)
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_always_comes_too_late_lists_ever_more_rarely() {
        for (status, answer) in [(200, GONE_EVENT), (410, GONE_STATUS)] {
            let listings = listings_of_an_hour(status, answer).await;
            assert!((50..200).contains(&listings), "{status}: {listings}");
        }
    }
}
