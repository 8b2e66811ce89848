//! Text for errors of the Kubernetes client. Their own texts may contain URLs, the output of a credential plugin, or
//! parts of a kubeconfig, so only the API server's own message is passed on.

use std::error::Error;

use kube::client::AuthError;
use kube_runtime::watcher;

use crate::network::Cause;

/// What happened, in words that are safe to show.
#[must_use]
pub fn words(error: &(dyn Error + 'static)) -> String {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<kube::Error>() {
            return of_client(error);
        }
        match error.downcast_ref::<watcher::Error>() {
            Some(watcher::Error::WatchError(status)) => return status.message.clone(),
            Some(watcher::Error::NoResourceVersion) => {
                return "the API server sent a list without a resourceVersion".to_owned();
            }
            _ => {}
        }
        next = error.source();
    }
    Cause::of(error).phrase()
}

fn of_client(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        // The serde message may quote the response.
        kube::Error::SerdeError(error) => {
            let (line, column) = (error.line(), error.column());
            format!("cannot read the response (line {line}, column {column})")
        }
        kube::Error::RustlsTls(_) => {
            "cannot set up TLS with the certificates of the kubeconfig or service account"
                .to_owned()
        }
        kube::Error::InferKubeconfig(_) => {
            "cannot read client-certificate or client-key of the kubeconfig".to_owned()
        }
        error if has_auth_error(error) => {
            "cannot read the credentials of the kubeconfig or service account".to_owned()
        }
        error => Cause::of(error).phrase(),
    }
}

fn has_auth_error(error: &kube::Error) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.is::<AuthError>() {
            return true;
        }
        next = error.source();
    }
    false
}
