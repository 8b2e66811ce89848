//! Why a connection failed, in one of a fixed set of words. Errors of other libraries may quote URLs, proxies and names of
//! certificates, so their text is never shown.

use std::{error::Error, io};

use rustls::{AlertDescription, CertificateError};

use super::names::LookupError;

/// Why there is no connection, or no whole answer on one. Its text is the fixed word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum Cause {
    /// No name server knows the name, or it has no address.
    NameNotFound,
    /// The name servers do not answer, or fail.
    NameServerFailed,
    /// Nothing listens there, or a firewall says so.
    ConnectionRefused,
    /// There is no route.
    NetworkUnreachable,
    /// No answer in time: connecting, between two reads, or the whole call.
    TimedOut,
    /// The certificate's chain ends in no CA that is trusted.
    CertificateUntrusted,
    /// The certificate is for other names than the one called.
    CertificateForAnotherName,
    /// The certificate has expired.
    CertificateExpired,
    /// The certificate's time has not come.
    CertificateNotYetValid,
    /// A signature in the chain, or all that the server offers, is of a kind that this program lacks.
    UnsupportedSignature,
    /// A proxy asks who calls: 407.
    ProxyNeedsCredentials,
    /// A proxy does not let the call pass.
    ProxyRefused,
    /// The connection broke in the request or in the answer.
    ConnectionCut,
    /// Something answered that speaks another protocol.
    ProtocolError,
}

impl Cause {
    /// The cause that the deepest telling source of `error` names.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let mut found = None;
        let mut next = Some(error);
        while let Some(error) = next {
            found = single(error).or(found);
            next = inner(error);
        }
        found.unwrap_or(Self::ProtocolError)
    }

    /// The fixed word, as metrics have it.
    #[must_use]
    pub fn word(self) -> String {
        self.to_string()
    }

    /// The same for people.
    #[must_use]
    pub fn phrase(self) -> String {
        self.word().replace('_', " ")
    }

    /// What to check or to do, as the end of a sentence.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::NameNotFound => {
                "check the host name of the server or of its proxy, and the DNS search domains"
            }
            Self::NameServerFailed => {
                "check the DNS servers, and that network policies let DNS queries out"
            }
            Self::ConnectionRefused => {
                "check host and port of the server or of its proxy, and firewalls"
            }
            Self::NetworkUnreachable => "check routes, firewalls and egress policies",
            Self::TimedOut => {
                "check the network, egress policies and proxies between the operator and the server"
            }
            Self::CertificateUntrusted => {
                "add the CA that signed the certificate (chart: caBundle; elsewhere: SSL_CERT_FILE, or the kubeconfig)"
            }
            Self::CertificateForAnotherName => {
                "check the host name. A proxy or a DNS search domain may lead to another server"
            }
            Self::CertificateExpired => {
                "renew the certificate of the server, or of the proxy that inspects TLS"
            }
            Self::CertificateNotYetValid => "check the clock of the node and the certificate",
            Self::UnsupportedSignature => {
                "use TLS 1.2 or 1.3 and certificates of RSA (2048 bits or more), Ed25519, or ECDSA P-256 or P-384 with SHA-256 or SHA-384; P-521 and ECDSA with SHA-512 are not supported"
            }
            Self::ProxyNeedsCredentials => {
                "put the user name and password of the proxy into its URL (HTTPS_PROXY), or let the proxy exempt the operator"
            }
            Self::ProxyRefused => {
                "let the proxy permit CONNECT to the server, or exempt the server with NO_PROXY"
            }
            Self::ConnectionCut => "check the network and proxies on the way",
            Self::ProtocolError => {
                "check scheme, host and port of the URL: something other than the server may answer"
            }
        }
    }
}

/// The next source. An [`io::Error`] skips the error that it holds, which here is the telling one.
fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let held = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match held {
        Some(held) => Some(held),
        None => error.source(),
    }
}

/// What one error says by itself.
fn single(error: &(dyn Error + 'static)) -> Option<Cause> {
    if let Some(error) = error.downcast_ref::<LookupError>() {
        return Some(of_lookup(*error));
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return of_io(error.kind());
    }
    if let Some(error) = error.downcast_ref::<reqwest::Error>() {
        return of_reqwest(error);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return Some(of_hyper(error));
    }
    of_proxy(error)
}

fn of_lookup(error: LookupError) -> Cause {
    match error {
        LookupError::NotFound => Cause::NameNotFound,
        LookupError::Failed => Cause::NameServerFailed,
    }
}

fn of_tls(error: &rustls::Error) -> Cause {
    match error {
        rustls::Error::InvalidCertificate(error) => of_certificate(error),
        // A server that has no certificate or cipher that this program could use says only this.
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(
            AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity,
        ) => Cause::UnsupportedSignature,
        _ => Cause::ProtocolError,
    }
}

fn of_certificate(error: &CertificateError) -> Cause {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            Cause::CertificateExpired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Cause::CertificateNotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Cause::CertificateForAnotherName
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            Cause::UnsupportedSignature
        }
        _ => Cause::CertificateUntrusted,
    }
}

fn of_io(kind: io::ErrorKind) -> Option<Cause> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => Cause::ConnectionRefused,
        io::ErrorKind::TimedOut => Cause::TimedOut,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::AddrNotAvailable
        // A firewall of this host drops it.
        | io::ErrorKind::PermissionDenied => Cause::NetworkUnreachable,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof => Cause::ConnectionCut,
        _ => return None,
    })
}

fn of_reqwest(error: &reqwest::Error) -> Option<Cause> {
    if error.is_timeout() {
        Some(Cause::TimedOut)
    } else if error.is_body() || error.is_decode() {
        Some(Cause::ConnectionCut)
    } else {
        None
    }
}

fn of_hyper(error: &hyper::Error) -> Cause {
    if error.is_timeout() {
        Cause::TimedOut
    } else if error.is_parse() {
        Cause::ProtocolError
    } else {
        Cause::ConnectionCut
    }
}

/// What the connectors for proxies say. Their types are private, so their fixed texts are read; a test holds each of them.
fn of_proxy(error: &(dyn Error + 'static)) -> Option<Cause> {
    let text = error.to_string();
    match text.strip_prefix("tunnel error: ") {
        Some("proxy authorization required") => Some(Cause::ProxyNeedsCredentials),
        // Its source tells more.
        Some("failed to create underlying connection" | "io error establishing tunnel") => None,
        Some(_) => Some(Cause::ProxyRefused),
        None if text == "SOCKS error: credentials not accepted" => {
            Some(Cause::ProxyNeedsCredentials)
        }
        None if text.starts_with("SOCKS error: ") => Some(Cause::ProxyRefused),
        None => None,
    }
}

#[cfg(test)]
mod tests;
