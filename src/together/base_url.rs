//! The base URL of the Together API.

use url::Url;

use crate::network::{
    Proxies,
    proxy::{ProxyError, ProxyUrl},
};

/// The API's base: scheme, host, port and a path that is not empty. Contains no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// Why a base URL is invalid: one line that says what to use instead. It does not repeat the URL, which may contain a
/// password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// Not an absolute URL with a host.
    #[error("not a URL. Use the form https://api.together.xyz/v1")]
    NotUrl,
    /// `http://`, and not allowed.
    #[error(
        "http would expose the API key. Use https://, or for development only set --allow-http"
    )]
    Http,
    /// Neither https nor http.
    #[error("the scheme must be https. Use the form https://api.together.xyz/v1")]
    Scheme,
    /// User or password before the host.
    #[error(
        "must not contain a user or password: the API key comes from the Secret of each ClusterWatch"
    )]
    UserInfo,
    /// A query or a fragment.
    #[error("must not contain a query or fragment. Remove everything from the first ? or #")]
    Query,
}

impl BaseUrl {
    /// Parses a base URL. If its path is empty, `/v1` is added, because the SDKs' base URLs exist with and without it.
    /// A trailing slash is ignored.
    ///
    /// # Errors
    /// [`BaseUrlError`] says what to use instead.
    pub fn parse(text: &str, allow_http: bool) -> Result<Self, BaseUrlError> {
        let mut url = Url::parse(text.trim()).map_err(|_| BaseUrlError::NotUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if allow_http => {}
            "http" => return Err(BaseUrlError::Http),
            _ => return Err(BaseUrlError::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::UserInfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BaseUrlError::Query);
        }
        let path = match url.path().trim_end_matches('/') {
            "" => "/v1".to_owned(),
            path => path.to_owned(),
        };
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The URL; its path is not empty and has no slash at its end.
    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// The proxy for it.
    ///
    /// # Errors
    /// [`ProxyError`] names the variable with an invalid proxy URL.
    pub fn proxy(&self, proxies: &Proxies) -> Result<Option<ProxyUrl>, ProxyError> {
        proxies.for_together(&self.0)
    }

    /// Host, and port unless it is the scheme's default.
    pub(super) fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_empty_path_becomes_v1() {
        for (text, url) in [
            ("https://api.example", "https://api.example/v1"),
            ("https://api.example/", "https://api.example/v1"),
            ("https://api.example//", "https://api.example/v1"),
            (" https://api.example/v1/\n", "https://api.example/v1"),
            (
                "https://api.example:8443/a/b",
                "https://api.example:8443/a/b",
            ),
        ] {
            assert_eq!(BaseUrl::parse(text, false).unwrap().to_string(), url);
        }
    }

    #[test]
    fn http_only_where_allowed() {
        assert_eq!(
            BaseUrl::parse("http://[::1]:80", false),
            Err(BaseUrlError::Http)
        );
        let allowed = BaseUrl::parse("http://127.0.0.1:8080", true).unwrap();
        assert_eq!(allowed.to_string(), "http://127.0.0.1:8080/v1");
    }

    #[test]
    fn refuses_what_is_not_a_plain_base() {
        for (text, error) in [
            ("", BaseUrlError::NotUrl),
            ("api.together.xyz/v1", BaseUrlError::NotUrl),
            ("https://", BaseUrlError::NotUrl),
            ("ftp://api.example", BaseUrlError::Scheme),
            ("localhost:8080", BaseUrlError::Scheme),
            ("https://user@api.example", BaseUrlError::UserInfo),
            ("https://:hunter2@api.example", BaseUrlError::UserInfo),
            ("https://api.example/v1?", BaseUrlError::Query),
            ("https://api.example/v1#x", BaseUrlError::Query),
        ] {
            assert_eq!(BaseUrl::parse(text, true), Err(error), "{text}");
            assert!(!error.to_string().contains('\n') && !error.to_string().contains("hunter2"));
        }
    }
}
