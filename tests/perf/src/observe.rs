//! What a client with `kubectl get -w` would see, and when it would see it.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use kube::{
    Api,
    api::{DynamicObject, ListParams, WatchEvent, WatchParams},
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

use crate::Failure;

/// An object as it became, and when that was seen.
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) object: DynamicObject,
}

/// What is seen of some objects; the watch ends with it.
pub(crate) struct Events {
    seen: UnboundedReceiver<Seen>,
    watching: JoinHandle<()>,
}

impl Drop for Events {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Events {
    /// The next one.
    pub(crate) async fn next(&mut self, timeout: Duration) -> Result<Seen, Failure> {
        let seen = tokio::time::timeout(timeout, self.seen.recv()).await;
        let seen = seen.map_err(|_| format!("nothing was seen within {timeout:?}"))?;
        Ok(seen.ok_or("the watch of the cluster broke")?)
    }

    /// The next one that is `good`.
    pub(crate) async fn until(
        &mut self,
        timeout: Duration,
        good: impl Fn(&DynamicObject) -> bool,
    ) -> Result<Seen, Failure> {
        let deadline = Instant::now() + timeout;
        loop {
            let seen = self
                .next(deadline.saturating_duration_since(Instant::now()))
                .await?;
            if good(&seen.object) {
                return Ok(seen);
            }
        }
    }
}

/// Watches from now on.
pub(crate) async fn observe(api: Api<DynamicObject>) -> Result<Events, Failure> {
    let list = api.list(&ListParams::default().limit(1)).await?;
    let version = list.metadata.resource_version.unwrap_or_default();
    let (sender, seen) = unbounded_channel();
    let watching = tokio::spawn(async move {
        let mut version = version;
        // The server ends a watch now and then; one that fails shows by the lack of events.
        while follow(&api, &mut version, &sender).await.is_ok() {}
    });
    Ok(Events { seen, watching })
}

async fn follow(
    api: &Api<DynamicObject>,
    version: &mut String,
    sender: &UnboundedSender<Seen>,
) -> Result<(), Failure> {
    let mut events = api.watch(&WatchParams::default(), version).await?.boxed();
    while let Some(event) = events.try_next().await? {
        let object = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => object,
            WatchEvent::Deleted(_) => continue,
            WatchEvent::Bookmark(bookmark) => {
                *version = bookmark.metadata.resource_version;
                continue;
            }
            WatchEvent::Error(error) => return Err(error.to_string().into()),
        };
        if let Some(seen) = &object.metadata.resource_version {
            version.clone_from(seen);
        }
        sender.send(Seen {
            at: Instant::now(),
            object,
        })?;
    }
    Ok(())
}
