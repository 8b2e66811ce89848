//! What certificates are worth: each case with a chain made for it, on a real socket.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::*;

const RIGHT: &str = "127.0.0.1";

/// A server with this certificate and key; its port.
async fn serve(certificate: CertificateDer<'static>, key: &KeyPair) -> (u16, Task) {
    tls::provide();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (port, AbortOnDropHandle::new(task))
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "planted-authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn leaf(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// What comes of a call of a server whose certificate is `leaf`, signed by an authority that is `trusted`.
async fn called(leaf: CertificateParams, trusted: bool) -> [Result<(), Cause>; 2] {
    let (issuer, other) = (authority(), authority());
    let key = KeyPair::generate().unwrap();
    let certificate = leaf.signed_by(&key, &issuer).unwrap();
    let (port, _task) = serve(certificate.der().clone(), &key).await;
    let root = if trusted { issuer.der() } else { other.der() };
    let call = Call::trusting(port, root);
    call.both().await
}

#[tokio::test]
async fn a_good_certificate_is_accepted_and_the_fault_of_a_bad_one_is_named() {
    let mut expired = leaf(RIGHT);
    expired.not_after = date_time_ymd(2020, 1, 1);
    let mut early = leaf(RIGHT);
    early.not_before = date_time_ymd(2999, 1, 1);
    early.not_after = date_time_ymd(3000, 1, 1);
    let for_another = Err(Cause::CertificateForAnotherName);
    for (leaf, trusted, expected) in [
        (leaf(RIGHT), true, Ok(())),
        (leaf(RIGHT), false, Err(Cause::CertificateUntrusted)),
        (leaf("other.example"), true, for_another),
        (leaf("127.0.0.2"), true, for_another),
        (expired, true, Err(Cause::CertificateExpired)),
        (early, true, Err(Cause::CertificateNotYetValid)),
    ] {
        assert_eq!(called(leaf, trusted).await, [expected; 2]);
    }
}

/// Runs openssl, which makes what this program's own libraries cannot.
fn openssl(folder: &Path, arguments: &str) {
    let ran = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "openssl {arguments}: {stderr}");
}

/// An authority with such a key, and a server's certificate that it signed `how`.
fn signed(
    folder: &Path,
    authority: &str,
    how: &str,
) -> (Vec<u8>, CertificateDer<'static>, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let request = CertificateParams::default()
        .serialize_request(&key)
        .unwrap();
    std::fs::write(folder.join("request.pem"), request.pem().unwrap()).unwrap();
    let names = "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n";
    std::fs::write(folder.join("names"), names).unwrap();
    openssl(folder, &format!("genpkey {authority} -out ca.key"));
    let own = "-addext keyUsage=critical,keyCertSign -days 2 -subj /CN=planted";
    openssl(
        folder,
        &format!("req -x509 -new -key ca.key {own} -out ca.pem"),
    );
    let into = "-in request.pem -CA ca.pem -CAkey ca.key -set_serial 7 -days 2 -extfile names";
    openssl(folder, &format!("x509 -req {into} {how} -out leaf.pem"));
    let [root, leaf] = ["ca.pem", "leaf.pem"]
        .map(|name| CertificateDer::from_pem_file(folder.join(name)).unwrap());
    (root.to_vec(), leaf, key)
}

/// What ring lacks is named, and the rest is taken.
#[tokio::test]
async fn signatures_are_supported_or_named() {
    let [p256, p384, p521] = ["P-256", "P-384", "P-521"]
        .map(|curve| format!("-algorithm EC -pkeyopt ec_paramgen_curve:{curve}"));
    let rsa = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048".to_owned();
    let pss = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1";
    let lacks = Err(Cause::UnsupportedSignature);
    for (authority, how, expected) in [
        (&p256, "-sha256".to_owned(), Ok(())),
        (&p384, "-sha256".to_owned(), Ok(())),
        (&p384, "-sha384".to_owned(), Ok(())),
        (&p384, "-sha512".to_owned(), lacks),
        (&p521, "-sha256".to_owned(), lacks),
        (&p521, "-sha512".to_owned(), lacks),
        (&"-algorithm ED25519".to_owned(), String::new(), Ok(())),
        (&rsa, "-sha256".to_owned(), Ok(())),
        (&rsa, "-sha512".to_owned(), Ok(())),
        (&rsa, format!("-sha256 {pss}"), Ok(())),
        (&rsa, format!("-sha512 {pss}"), Ok(())),
    ] {
        let folder = TempDir::new().unwrap();
        let (root, leaf, key) = signed(folder.path(), authority, &how);
        let (port, _task) = serve(leaf, &key).await;
        let call = Call::trusting(port, &root);
        assert_eq!(call.both().await, [expected; 2], "{authority} {how}");
    }
}

/// openssl as a server whose own certificate is self-signed and trusted, with these options of each; what a call yields.
async fn self_signed(key: &str, certificate: &str, server: &[&str]) -> [Result<(), Cause>; 2] {
    let folder = TempDir::new().unwrap();
    openssl(folder.path(), &format!("genpkey {key} -out key.pem"));
    let own = "-days 2 -subj /CN=planted -addext subjectAltName=IP:127.0.0.1";
    openssl(
        folder.path(),
        &format!("req -x509 -new -key key.pem {own} {certificate} -out own.pem"),
    );
    let mut server = tokio::process::Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-www"])
        .args(["-cert", "own.pem", "-key", "key.pem"])
        .args(server)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let port = loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if let Some((_, port)) = line
            .strip_prefix("ACCEPT ")
            .and_then(|at| at.rsplit_once(':'))
        {
            break port.parse().unwrap();
        }
    };
    let root = CertificateDer::from_pem_file(folder.path().join("own.pem")).unwrap();
    let call = Call::trusting(port, &root);
    call.both().await
}

const RSA: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
const NO_CA: &str = "-addext basicConstraints=critical,CA:FALSE";

/// A server whose own key this program cannot check gives up itself.
#[tokio::test]
async fn a_server_with_a_key_of_p_521_is_named() {
    let curve = "-algorithm EC -pkeyopt ec_paramgen_curve:P-521";
    let called = self_signed(curve, "", &[]).await;
    assert_eq!(called, [Err(Cause::UnsupportedSignature); 2]);
}

#[tokio::test]
async fn a_server_with_a_short_key_is_not_trusted() {
    let short = "-algorithm RSA -pkeyopt rsa_keygen_bits:1024";
    let called = self_signed(short, NO_CA, &["-cipher", "DEFAULT@SECLEVEL=0"]).await;
    assert_eq!(called, [Err(Cause::CertificateUntrusted); 2]);
}

/// Its CA is trusted, so that adding it is no advice.
#[tokio::test]
async fn a_certificate_that_is_none_of_a_server_is_named() {
    assert_eq!(self_signed(RSA, NO_CA, &[]).await, [Ok(()); 2]);
    for unsuitable in [
        "",
        "-addext extendedKeyUsage=clientAuth -addext basicConstraints=CA:FALSE",
    ] {
        let called = self_signed(RSA, unsuitable, &[]).await;
        let expected = Err(Cause::CertificateUnsuitable);
        assert_eq!(called, [expected; 2], "{unsuitable}");
    }
}

/// With TLS 1.2 a server only says that the handshake failed.
#[tokio::test]
async fn a_server_that_requires_a_certificate_is_named() {
    let required = ["-Verify", "1", "-verify_return_error", "-tls1_3"];
    let called = self_signed(RSA, NO_CA, &required).await;
    assert_eq!(called, [Err(Cause::ClientCertificateRequired); 2]);
}
