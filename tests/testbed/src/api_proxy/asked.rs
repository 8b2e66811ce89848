//! A request as the proxy sees it.

use http::{Method, Uri};
use serde_json::Value;

/// One request to the API server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Asked {
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE`.
    pub method: Method,
    /// Such as `/apis/GROUP/VERSION/namespaces/NAMESPACE/PLURAL/NAME/status`.
    pub path: String,
    /// What follows the question mark; empty: nothing.
    pub query: String,
    /// The body as JSON; null where there is none.
    pub body: Value,
}

impl Asked {
    pub(super) fn new(method: Method, uri: &Uri, body: &[u8]) -> Self {
        Self {
            method,
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            body: serde_json::from_slice(body).unwrap_or_default(),
        }
    }

    /// Whether it may change something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        self.method != Method::GET && self.method != Method::HEAD
    }

    /// Whether it watches.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        self.query.split('&').any(|part| part == "watch=true")
    }

    /// Whether it is a write to objects of this plural, or to a part of one.
    #[must_use]
    pub fn writes_to(&self, plural: &str) -> bool {
        self.is_write() && self.plural() == Some(plural)
    }

    /// The plural of what it is about, such as `remediations`.
    #[must_use]
    pub fn plural(&self) -> Option<&str> {
        self.segments().next()
    }

    /// The object's name: of the path, or of the body where one is created.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let of_path = self.segments().nth(1);
        of_path.or_else(|| self.body["metadata"]["name"].as_str())
    }

    /// Such as `status`; `None`: the object itself.
    #[must_use]
    pub fn subresource(&self) -> Option<&str> {
        self.segments().nth(2)
    }

    /// The resourceVersion that the write was decided on, where it carries one.
    #[must_use]
    pub fn resource_version(&self) -> Option<u64> {
        let version = self.fence("resourceVersion")?;
        version.as_str()?.parse().ok()
    }

    /// The uid that the write was decided on, where it carries one.
    #[must_use]
    pub fn uid(&self) -> Option<&str> {
        self.fence("uid")?.as_str()
    }

    fn fence(&self, field: &str) -> Option<&Value> {
        let of = |part: &str| self.body.get(part)?.get(field);
        of("metadata").or_else(|| of("preconditions"))
    }

    /// Plural, name and subresource, as far as the path has them.
    fn segments(&self) -> impl Iterator<Item = &str> {
        let mut segments = self.path.split('/').skip(1);
        // `/api/v1/...` or `/apis/GROUP/VERSION/...`
        let skipped = match segments.next() {
            Some("api") => 1,
            _ => 2,
        };
        let mut segments = segments.skip(skipped).peekable();
        if segments.next_if_eq(&"namespaces").is_some() {
            segments.next();
        }
        segments
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(method: Method, uri: &str, body: &str) -> Asked {
        Asked::new(method, &uri.parse().unwrap(), body.as_bytes())
    }

    #[test]
    fn a_path_shows_which_object_it_is_about() {
        let status = asked(
            Method::PUT,
            "/apis/g/v1/namespaces/ns/remediations/a/status?",
            r#"{"metadata": {"name": "a", "uid": "u", "resourceVersion": "7"}}"#,
        );
        assert!(status.writes_to("remediations") && !status.is_watch());
        assert_eq!(status.name(), Some("a"));
        assert_eq!(status.subresource(), Some("status"));
        assert_eq!(
            (status.uid(), status.resource_version()),
            (Some("u"), Some(7))
        );
        let create = asked(
            Method::POST,
            "/apis/g/v1/namespaces/ns/remediations",
            r#"{"metadata": {"name": "b"}}"#,
        );
        assert_eq!(create.plural(), Some("remediations"));
        assert_eq!(
            (create.name(), create.resource_version()),
            (Some("b"), None)
        );
        let delete = asked(
            Method::DELETE,
            "/apis/g/v1/namespaces/ns/remediations/c",
            r#"{"preconditions": {"uid": "u", "resourceVersion": "8"}}"#,
        );
        assert_eq!(
            (delete.uid(), delete.resource_version()),
            (Some("u"), Some(8))
        );
        let watch = asked(
            Method::GET,
            "/api/v1/secrets?watch=true&timeoutSeconds=9",
            "",
        );
        assert!(watch.is_watch() && !watch.is_write());
        assert_eq!((watch.plural(), watch.name()), (Some("secrets"), None));
    }
}
