//! Checks that both CRDs are installed and not older than the operator. Otherwise nothing may be written.
//!
//! The check reads the API server's `OpenAPI` document, which every account may read, so it needs no RBAC for CRDs.

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
/// Time between checks while the CRDs do not match.
const PAUSE: Duration = Duration::from_secs(2);
/// Time between checks while they match. The API server caches this document.
const CHECK: Duration = Duration::from_secs(15);
/// Timeout of one check.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Checks until the CRDs match, and updates `readiness`.
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

/// Checks regularly, and whenever a watch fails, until the CRDs no longer match. A failing API server is no reason to
/// stop; `readiness` reports it meanwhile.
pub async fn until_unfit(client: &Client, readiness: &Readiness) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(CHECK) => {}
            () = readiness.doubted() => {}
        }
        let found = look(client).await;
        if found != FIT {
            // One check may hit a gap, such as an API server that has just started, so a second one decides.
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
                tracing::warn!("no longer ready: {found}");
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
                "failed to read the installed CRDs; retrying"
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
