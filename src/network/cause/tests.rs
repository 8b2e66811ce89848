#![allow(clippy::unwrap_used)]

mod certificates;
mod proxies;
mod sockets;

use std::time::Duration;

use hyper::{Request, Uri};
use strum::IntoEnumIterator as _;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::{
    k8s::{error_text::words, signature},
    network::{Resolver, proxy::ProxyUrl},
    tls,
};

/// The timeout to connect and to read.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What no text may show.
const HIDDEN: [&str; 5] = ["planted", "127.0.0.1", "://", "example", "invalid"];

/// A server, or a caller of one.
type Task = AbortOnDropHandle<()>;

/// A call of `url` by the Together API's client and by the Kubernetes API's, which trust `root`.
struct Call<'a> {
    url: String,
    root: Option<&'a [u8]>,
    proxy: Option<&'a str>,
}

impl<'a> Call<'a> {
    /// Of a server at this port whose certificate is, or is signed by, this one.
    fn trusting(port: u16, root: &'a [u8]) -> Self {
        Self {
            url: https(port),
            root: Some(root),
            proxy: None,
        }
    }

    fn proxy(&self) -> Option<ProxyUrl> {
        let parse = |text| ProxyUrl::parse(text, "HTTPS_PROXY").unwrap();
        self.proxy.map(parse)
    }

    /// By the Together API's client.
    async fn together(&self) -> Result<(), Cause> {
        tls::provide();
        let mut client = reqwest::Client::builder()
            .no_proxy()
            .dns_resolver(Resolver::default())
            .connect_timeout(TIMEOUT)
            .timeout(TIMEOUT);
        if let Some(root) = self.root {
            let root = reqwest::Certificate::from_der(root).unwrap();
            client = client.tls_certs_merge([root]);
        }
        if let Some(proxy) = self.proxy() {
            client = client.proxy(proxy.for_reqwest().unwrap());
        }
        let asked = client.build().unwrap().get(&self.url).send().await;
        asked.map(drop).map_err(|error| Cause::of(&error))
    }

    /// By the Kubernetes API's client.
    async fn kubernetes(&self) -> Result<(), Cause> {
        tls::provide();
        let mut config = kube::Config::new(self.url.parse::<Uri>().unwrap());
        config.default_retry = false;
        config.connect_timeout = Some(TIMEOUT);
        config.read_timeout = Some(TIMEOUT);
        config.root_cert = Some(self.root.map(<[u8]>::to_vec).into_iter().collect());
        config.proxy_url = self.proxy().map(|proxy| proxy.revealed().parse().unwrap());
        let client = signature::client(config).unwrap();
        let request = Request::get("/x").body(Vec::new()).unwrap();
        let Err(error) = client.request_text(request).await else {
            return Ok(());
        };
        let cause = Cause::of(&error);
        assert_eq!(words(&error), cause.phrase());
        Err(cause)
    }

    async fn both(&self) -> [Result<(), Cause>; 2] {
        [self.together().await, self.kubernetes().await]
    }
}

fn https(port: u16) -> String {
    format!("https://127.0.0.1:{port}")
}

#[test]
fn every_cause_is_a_word_and_says_what_to_do_and_shows_nothing() {
    let lines: Vec<_> = Cause::iter()
        .map(|cause| format!("{}: {}. {}", cause.word(), cause.phrase(), cause.advice()))
        .collect();
    for line in &lines {
        assert!(HIDDEN.iter().all(|hidden| !line.contains(hidden)), "{line}");
    }
    let words: Vec<_> = Cause::iter().map(Cause::word).collect();
    insta::assert_yaml_snapshot!(words, @"
    - name_not_found
    - name_server_failed
    - connection_refused
    - network_unreachable
    - timed_out
    - certificate_untrusted
    - certificate_for_another_name
    - certificate_expired
    - certificate_not_yet_valid
    - certificate_unsuitable
    - client_certificate_required
    - unsupported_signature
    - proxy_needs_credentials
    - proxy_refused
    - connection_cut
    - protocol_error
    - out_of_resources
    ");
}

#[test]
fn a_cause_is_found_in_the_depth_of_an_io_error() {
    let tls = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
    let inner = io::Error::new(io::ErrorKind::InvalidData, tls);
    let outer = io::Error::other(inner);
    assert_eq!(Cause::of(&outer), Cause::CertificateUntrusted);
    for (kind, cause) in [
        (io::ErrorKind::HostUnreachable, Cause::NetworkUnreachable),
        (io::ErrorKind::NetworkUnreachable, Cause::NetworkUnreachable),
        (io::ErrorKind::PermissionDenied, Cause::NetworkUnreachable),
        (io::ErrorKind::TimedOut, Cause::TimedOut),
        (io::ErrorKind::BrokenPipe, Cause::ConnectionCut),
    ] {
        let error = io::Error::other(io::Error::from(kind));
        assert_eq!(Cause::of(&error), cause, "{kind}");
    }
}
