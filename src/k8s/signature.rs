//! Adds the operator's identity to each request, so that `managedFields` and audit logs name it.

use hyper::{
    Method, Request, Uri,
    header::{HeaderValue, USER_AGENT},
};
use kube::{Client, Config, client::Body};
use tower::util::MapRequestLayer;

use super::connect;
use crate::agent;

/// A client whose requests carry the identity.
///
/// # Errors
/// If the configuration is invalid.
pub fn client(config: Config) -> kube::Result<Client> {
    Ok(connect::builder(config)?.with_layer(&signing()).build())
}

/// The layer that adds it. A layer covers every request, so no write can be forgotten.
pub(super) fn signing() -> MapRequestLayer<fn(Request<Body>) -> Request<Body>> {
    MapRequestLayer::new(sign)
}

fn sign(mut request: Request<Body>) -> Request<Body> {
    tracing::debug!(method = %request.method(), path = request.uri().path(), "sending a request to the API server");
    let agent = HeaderValue::from_static(agent::USER_AGENT);
    request.headers_mut().insert(USER_AGENT, agent);
    let writes = [Method::POST, Method::PUT, Method::PATCH].contains(request.method());
    if writes && let Some(managed) = managed(request.uri()) {
        *request.uri_mut() = managed;
    }
    request
}

/// The same URI with the field manager. `None` if it would be too long: then the API server derives the manager from
/// the `User-Agent`.
fn managed(uri: &Uri) -> Option<Uri> {
    let (path, query) = (uri.path(), uri.query().unwrap_or_default());
    // kube ends its own query with an ampersand.
    let query = query.trim_matches('&');
    let separator = if query.is_empty() { "" } else { "&" };
    let manager = agent::FIELD_MANAGER;
    let target = format!("{path}?{query}{separator}fieldManager={manager}");
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn signed(method: Method, target: &str) -> Request<Body> {
        let request = Request::builder().method(method).uri(target);
        sign(request.body(Body::empty()).unwrap())
    }

    #[test]
    fn each_write_names_the_field_manager() {
        let manager = "fieldManager=together-remediation-operator";
        for (target, expected) in [
            ("/api/v1/things", format!("/api/v1/things?{manager}")),
            ("/api/v1/things?", format!("/api/v1/things?{manager}")),
            ("/api/v1/things?&", format!("/api/v1/things?{manager}")),
            (
                "/api/v1/things?&dryRun=All",
                format!("/api/v1/things?dryRun=All&{manager}"),
            ),
            (
                "https://example.org/things?a=b",
                format!("https://example.org/things?a=b&{manager}"),
            ),
        ] {
            for method in [Method::POST, Method::PUT, Method::PATCH] {
                assert_eq!(signed(method, target).uri().to_string(), expected);
            }
            for method in [Method::GET, Method::DELETE] {
                assert_eq!(signed(method, target).uri().to_string(), target);
            }
        }
    }

    #[test]
    fn each_request_has_the_user_agent() {
        let user_agent = concat!("together-remediation-operator/", env!("CARGO_PKG_VERSION"));
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let request = signed(method, "/api/v1/things");
            assert_eq!(request.headers()[USER_AGENT], user_agent);
        }
    }
}
