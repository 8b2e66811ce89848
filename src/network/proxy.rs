//! Selects the proxy for a server: for the Together API like curl and the API's SDKs, for the Kubernetes API like
//! kubectl. A proxy's user name and password are never shown.

mod exempt;

use std::{ffi::OsString, fmt};

use hyper::{Uri, header::HeaderValue};
use hyper_util::client::proxy::matcher::Matcher;
use percent_encoding::percent_decode_str;
use url::Url;

/// Default port of a SOCKS proxy.
const SOCKS_PORT: u16 = 1080;

/// The place of an invalid proxy URL. The URL itself may contain a password and is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} is not a valid proxy URL. Use http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT. A user name and password (USER:PASSWORD@ before the host) must be percent-encoded"
)]
pub struct ProxyError(pub &'static str);

/// The URL of a proxy. Its `Debug` shows no user name or password.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(Url);

impl ProxyUrl {
    /// Parses the URL found at `place`. Without a scheme, `http` is assumed.
    ///
    /// # Errors
    /// [`ProxyError`] if it is not a usable proxy URL.
    pub fn parse(text: &str, place: &'static str) -> Result<Self, ProxyError> {
        let text = text.trim();
        let parsed = if text.contains("://") {
            Url::parse(text)
        } else {
            Url::parse(&format!("http://{text}"))
        };
        let mut url = parsed.map_err(|_| ProxyError(place))?;
        let socks = match url.scheme() {
            "http" | "https" => false,
            "socks5" | "socks5h" => true,
            _ => return Err(ProxyError(place)),
        };
        if url.host_str().is_none_or(str::is_empty) {
            return Err(ProxyError(place));
        }
        // A query or a fragment comes from a `?` or `#` in a password that is not encoded.
        if url.query().is_some() || url.fragment().is_some() || !matches!(url.path(), "" | "/") {
            return Err(ProxyError(place));
        }
        if socks && url.port().is_none() {
            url.set_port(Some(SOCKS_PORT))
                .map_err(|()| ProxyError(place))?;
        }
        url.as_str().parse::<Uri>().map_err(|_| ProxyError(place))?;
        Ok(Self(url))
    }

    /// The whole URL, including user name and password.
    pub(crate) fn revealed(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is a SOCKS proxy.
    pub(crate) fn is_socks(&self) -> bool {
        self.0.scheme().starts_with("socks")
    }

    /// Whether the connection to it uses TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The URL without user name and password.
    pub(crate) fn address(&self) -> Uri {
        let mut url = self.0.clone();
        // The URL has a host, so neither call fails.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.as_str().parse().unwrap_or_default()
    }

    /// User name and password, if there are any.
    pub(crate) fn credentials(&self) -> Option<(String, String)> {
        let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = (self.0.username(), self.0.password());
        if user.is_empty() && password.is_none() {
            return None;
        }
        Some((decoded(user), decoded(password.unwrap_or_default())))
    }

    /// The header with user name and password for an HTTP proxy.
    pub(crate) fn basic_auth(&self) -> Option<HeaderValue> {
        let everything = Uri::from_static("https://every.host");
        let proxy = Matcher::builder().all(self.0.as_str()).build();
        proxy.intercept(&everything)?.basic_auth().cloned()
    }

    /// The proxy for all requests of a client. A SOCKS proxy resolves the names.
    pub(crate) fn for_reqwest(&self) -> reqwest::Result<reqwest::Proxy> {
        let url = self.0.as_str();
        match url.strip_prefix("socks5://") {
            Some(rest) => reqwest::Proxy::all(format!("socks5h://{rest}")),
            None => reqwest::Proxy::all(url),
        }
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address())
    }
}

/// A variable and its value.
type Variable = (&'static str, String);

/// The proxies in the environment. An upper-case variable takes precedence over the lower-case one, and an empty one
/// counts as unset.
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<Variable>,
    https: Option<Variable>,
    all: Option<Variable>,
    none: String,
}

impl Proxies {
    /// Reads the variables.
    pub fn from_env(environment: impl Fn(&'static str) -> Option<OsString>) -> Self {
        let variable = |name| {
            let value = environment(name)?.to_string_lossy().into_owned();
            (!value.trim().is_empty()).then_some((name, value))
        };
        let either = |[upper, lower]: [_; 2]| variable(upper).or_else(|| variable(lower));
        Self {
            http: either(["HTTP_PROXY", "http_proxy"]),
            https: either(["HTTPS_PROXY", "https_proxy"]),
            all: either(["ALL_PROXY", "all_proxy"]),
            none: either(["NO_PROXY", "no_proxy"]).unwrap_or_default().1,
        }
    }

    /// The proxy for requests to the Together API at `server`.
    ///
    /// # Errors
    /// [`ProxyError`] names the variable with an invalid proxy URL.
    pub fn for_together(&self, server: &Url) -> Result<Option<ProxyUrl>, ProxyError> {
        let of_scheme = self.of_scheme(server);
        self.to(server, of_scheme.or(self.all.as_ref()))
    }

    /// The proxy for requests to the API server at `server`, if the kubeconfig names none. As in kubectl, `ALL_PROXY`
    /// does not apply.
    ///
    /// # Errors
    /// [`ProxyError`] names the variable with an invalid proxy URL.
    pub fn for_kubernetes(&self, server: &Url) -> Result<Option<ProxyUrl>, ProxyError> {
        self.to(server, self.of_scheme(server))
    }

    fn of_scheme(&self, server: &Url) -> Option<&Variable> {
        let of_scheme = match server.scheme() {
            "https" => &self.https,
            "http" => &self.http,
            _ => &None,
        };
        of_scheme.as_ref()
    }

    fn to(&self, server: &Url, via: Option<&Variable>) -> Result<Option<ProxyUrl>, ProxyError> {
        match via {
            Some((name, url)) if !exempt::is_exempt(server, &self.none) => {
                ProxyUrl::parse(url, name).map(Some)
            }
            _ => Ok(None),
        }
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [&self.http, &self.https, &self.all].map(|proxy| proxy.as_ref().map(|of| of.0));
        f.debug_tuple("Proxies").field(&names).finish()
    }
}

#[cfg(test)]
mod tests;
