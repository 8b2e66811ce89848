//! Waits until both kinds are installed, and not older than the program: before that, nothing may be written.
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
    readiness::{Definitions, Readiness},
};

/// Between two looks while the definitions do not fit.
const PAUSE: Duration = Duration::from_secs(2);
/// How long one look may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Looks until the definitions fit, and keeps `readiness` up to date.
pub async fn until_fit(client: &Client, readiness: &Readiness) {
    loop {
        let found = look(client).await;
        let fit = found == Definitions::Seen(Installed::Fit);
        if readiness.definitions(found.clone()) && !fit {
            tracing::warn!("not ready: {found}");
        }
        if fit {
            return;
        }
        tokio::time::sleep(PAUSE).await;
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
            tracing::debug!(%error, "the installed definitions could not be read");
            Definitions::Unseen
        }
    }
}

async fn document(client: &Client) -> Result<Published, Error> {
    let path = format!("/openapi/v3/apis/{GROUP}/{VERSION}");
    let request = Request::get(path).body(Vec::new());
    client.request(request.map_err(Error::HttpError)?).await
}
