//! Why a connection failed, as one of a fixed set of words. Errors of other libraries may quote URLs, proxies and names
//! in certificates, so their text is never shown.

use std::{error::Error, io};

use rustls::{AlertDescription, CertificateError};

use super::names::LookupError;

/// Why there is no connection, or no complete response. Its text is the fixed word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum Cause {
    /// No name server knows the name, or the name has no address.
    NameNotFound,
    /// The name servers do not respond, or fail.
    NameServerFailed,
    /// Nothing listens on the port, or a firewall rejects the connection.
    ConnectionRefused,
    /// There is no route.
    NetworkUnreachable,
    /// A timeout while connecting, between two reads, or of the whole request.
    TimedOut,
    /// The certificate's chain does not end in a trusted CA.
    CertificateUntrusted,
    /// The certificate is for other names.
    CertificateForAnotherName,
    /// The certificate has expired.
    CertificateExpired,
    /// The certificate is not valid yet.
    CertificateNotYetValid,
    /// The certificate is not one of a server, or of an unsupported form. Adding its CA does not help.
    CertificateUnsuitable,
    /// The server requires a certificate of the client.
    ClientCertificateRequired,
    /// A signature in the chain, or everything that the server offers, uses an unsupported algorithm.
    UnsupportedSignature,
    /// A proxy requires credentials: 407.
    ProxyNeedsCredentials,
    /// A proxy rejects the request.
    ProxyRefused,
    /// The connection broke during the request or the response.
    ConnectionCut,
    /// The server speaks another protocol.
    ProtocolError,
    /// The operator has no file descriptors, ports, buffers or memory left.
    OutOfResources,
}

/// Error numbers of Linux without an [`io::ErrorKind`]: too many open files (of the system, of the process), no buffer.
const EXHAUSTED: [i32; 3] = [23, 24, 105];
/// The same: no address of this family, such as IPv6 where the kernel has none.
const NO_FAMILY: i32 = 97;

impl Cause {
    /// The cause named by the deepest source of `error` that names one.
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

    /// The fixed word, for metrics.
    #[must_use]
    pub fn word(self) -> String {
        self.to_string()
    }

    /// The fixed word with spaces, for messages.
    #[must_use]
    pub fn phrase(self) -> String {
        self.word().replace('_', " ")
    }

    /// What to check or do, as the end of a sentence.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::NameNotFound => {
                "check the host name of the server or its proxy, and the DNS search domains"
            }
            Self::NameServerFailed => {
                "check the DNS servers, and that network policies allow DNS queries"
            }
            Self::ConnectionRefused => {
                "check the host and port of the server or its proxy, and firewalls"
            }
            Self::NetworkUnreachable => "check routes, firewalls and egress policies",
            Self::TimedOut => {
                "check the network, egress policies and proxies between the operator and the server"
            }
            Self::CertificateUntrusted => {
                "add the CA that signed the certificate (chart: caBundle; elsewhere: SSL_CERT_FILE, or the kubeconfig). RSA keys need 2048 bits"
            }
            Self::CertificateForAnotherName => {
                "check the host name. A proxy or a DNS search domain may redirect to another server"
            }
            Self::CertificateExpired => {
                "renew the certificate of the server, or of the proxy that intercepts TLS"
            }
            Self::CertificateNotYetValid => "check the node's clock and the certificate",
            Self::CertificateUnsuitable => {
                "use an X.509 version 3 certificate with the purpose serverAuth that is not itself a CA"
            }
            Self::ClientCertificateRequired => {
                "let the server accept clients without a certificate: the operator has none"
            }
            Self::UnsupportedSignature => {
                "use TLS 1.2 or 1.3 and certificates of RSA (2048 bits or more), Ed25519, or ECDSA P-256 or P-384 with SHA-256 or SHA-384; P-521, ECDSA with SHA-512 and RSA-PSS keys are not supported"
            }
            Self::ProxyNeedsCredentials => {
                "add the proxy's user name and password to its URL (HTTPS_PROXY), or exempt the operator in the proxy"
            }
            Self::ProxyRefused => {
                "allow CONNECT to the server in the proxy, or add the server to NO_PROXY"
            }
            Self::ConnectionCut => {
                "check the network and proxies between the operator and the server"
            }
            Self::ProtocolError => {
                "check the scheme, host and port of the URL: another program may be listening there"
            }
            Self::OutOfResources => {
                "raise the limits of open files and memory of the operator, and check its node"
            }
        }
    }
}

/// The next source. For an [`io::Error`] it is the error inside, which is the specific one.
fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let inner = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match inner {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// The cause of one error without its sources.
fn single(error: &(dyn Error + 'static)) -> Option<Cause> {
    if let Some(error) = error.downcast_ref::<LookupError>() {
        return Some(of_lookup(*error));
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return of_io(error);
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
        // A server without a usable certificate or cipher sends only this alert.
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(
            AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity,
        ) => Cause::UnsupportedSignature,
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            Cause::ClientCertificateRequired
        }
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            Cause::CertificateForAnotherName
        }
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
        CertificateError::BadEncoding
        | CertificateError::UnhandledCriticalExtension
        | CertificateError::InvalidPurpose
        | CertificateError::InvalidPurposeContext { .. }
        // A CA as the server's own certificate, or one of X.509 version 1.
        | CertificateError::Other(_) => Cause::CertificateUnsuitable,
        // Among them a bad signature: of another CA with the same name, or by an RSA key that is too short.
        _ => Cause::CertificateUntrusted,
    }
}

fn of_io(error: &io::Error) -> Option<Cause> {
    match error.raw_os_error() {
        Some(NO_FAMILY) => return Some(Cause::NetworkUnreachable),
        Some(number) if EXHAUSTED.contains(&number) => return Some(Cause::OutOfResources),
        _ => {}
    }
    Some(match error.kind() {
        io::ErrorKind::OutOfMemory => Cause::OutOfResources,
        io::ErrorKind::ConnectionRefused => Cause::ConnectionRefused,
        io::ErrorKind::TimedOut => Cause::TimedOut,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::AddrNotAvailable
        // A firewall on this host drops the packets.
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

/// The errors of the proxy connectors. Their types are private, so their fixed texts are compared. A test covers each.
fn of_proxy(error: &(dyn Error + 'static)) -> Option<Cause> {
    let text = error.to_string();
    match text.strip_prefix("tunnel error: ") {
        Some("proxy authorization required") => Some(Cause::ProxyNeedsCredentials),
        // Its source is more specific.
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
