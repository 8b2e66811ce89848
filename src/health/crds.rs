//! Sees whether both kinds are installed, and not older than the program: else nothing may be written.
//!
//! The cluster's `OpenAPI` document tells it, which every account may read: no rights on the definitions are needed.

use std::time::Duration;

use hyper::Request;
use kube::{Client, Error};

use crate::{
    api::{
        GROUP, VERSION,
        published::{Installed, Published},
    },
    health::readiness::{Definitions, Readiness},
    k8s::error_text::words,
};

/// All that is needed.
const FIT: Definitions = Definitions::Seen(Installed::Fit);
/// Between two looks while the definitions do not fit.
const PAUSE: Duration = Duration::from_secs(2);
/// Between two looks while they do: the document takes the API server nothing, it keeps it ready.
const CHECK: Duration = Duration::from_secs(15);
/// How long one look may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Looks until the definitions fit, and keeps `readiness` up to date.
pub async fn until_fit(client: &Client, readiness: &Readiness) {
    loop {
        let found = look(client).await;
        if readiness.definitions(found.clone()) && found != FIT {
            tracing::warn!("not ready: {found}");
        }
        if found == FIT {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Looks now and then, and whenever a watch fails, until the definitions do not fit any more. An API server that does not
/// tell is no reason to stop; `readiness` says so meanwhile.
pub async fn until_unfit(client: &Client, readiness: &Readiness) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(CHECK) => {}
            () = readiness.doubted() => {}
        }
        let found = look(client).await;
        if found != FIT {
            // One look may meet a gap, such as an API server that has just started.
            tokio::time::sleep(PAUSE).await;
            if look(client).await != found {
                readiness.report_watch_error();
                continue;
            }
        }
        if readiness.definitions(found.clone()) {
            if found == FIT {
                tracing::info!("ready again");
            } else {
                tracing::warn!("not ready any more: {found}");
            }
        }
        if matches!(found, Definitions::Seen(_)) && found != FIT {
            return;
        }
    }
}

async fn look(client: &Client) -> Definitions {
    let Ok(document) = tokio::time::timeout(TIMEOUT, document(client)).await else {
        return Definitions::Unseen;
    };
    match document {
        Ok(published) => Definitions::Seen(Installed::of(&published)),
        Err(Error::Api(status)) if status.code == 404 => {
            Definitions::Seen(Installed::of(&Published::default()))
        }
        Err(Error::Api(status)) if matches!(status.code, 401 | 403) => Definitions::Forbidden,
        Err(error) => {
            tracing::debug!(
                error = words(&error),
                "the installed definitions could not be read"
            );
            Definitions::Unseen
        }
    }
}

async fn document(client: &Client) -> Result<Published, Error> {
    let path = format!("/openapi/v3/apis/{GROUP}/{VERSION}");
    let request = Request::get(path).body(Vec::new());
    client.request(request.map_err(Error::HttpError)?).await
}
