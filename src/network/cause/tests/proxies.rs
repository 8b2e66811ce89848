//! What proxies answer. The wording of hyper-util's errors may change in any version, so these tests pin it.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// A proxy that reads once before each of these answers and closes then; its port.
async fn proxy(answers: &'static [&'static [u8]]) -> (u16, Task) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            for answer in answers {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer).await;
            }
        }
    });
    (port, AbortOnDropHandle::new(task))
}

/// What comes of a call through a proxy.
async fn through(proxy: String) -> [Result<(), Cause>; 2] {
    let call = Call {
        url: "https://api.example:443".to_owned(),
        root: None,
        proxy: Some(&proxy),
    };
    call.both().await
}

#[tokio::test]
async fn a_refusal_by_an_http_proxy_is_named() {
    let refused = Cause::ProxyRefused;
    let cases: [(&'static [&'static [u8]], Cause); 6] = [
        (
            &[b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"],
            Cause::ProxyNeedsCredentials,
        ),
        (&[b"HTTP/1.1 403 Forbidden\r\n\r\n"], refused),
        (&[b"HTTP/1.1 503 Service Unavailable\r\n\r\n"], refused),
        (&[b"SSH-2.0-planted\r\n\r\n"], refused),
        (&[b""], refused),
        // The server behind it closes the connection.
        (&[b"HTTP/1.1 200 OK\r\n\r\n", b""], Cause::ConnectionCut),
    ];
    for (answers, cause) in cases {
        let (port, _task) = proxy(answers).await;
        let url = format!("http://user:planted@127.0.0.1:{port}");
        assert_eq!(through(url).await, [Err(cause); 2], "{answers:?}");
    }
}

#[tokio::test]
async fn a_refusal_by_a_socks_proxy_is_named() {
    let cases: [(&'static [&'static [u8]], Cause); 3] = [
        (&[&[5, 0xff]], Cause::ProxyRefused),
        (&[&[5, 2], &[1, 1]], Cause::ProxyNeedsCredentials),
        (
            &[&[5, 2], &[1, 0], &[5, 2, 0, 1, 0, 0, 0, 0, 0, 0]],
            Cause::ProxyRefused,
        ),
    ];
    for (answers, cause) in cases {
        for scheme in ["socks5", "socks5h"] {
            let (port, _task) = proxy(answers).await;
            let url = format!("{scheme}://user:planted@127.0.0.1:{port}");
            assert_eq!(through(url).await, [Err(cause); 2], "{scheme} {answers:?}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_be_reached_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let found = through(format!("http://user:planted@127.0.0.1:{port}")).await;
    assert_eq!(found, [Err(Cause::ConnectionRefused); 2]);
    let found = through("http://user:planted@proxy.invalid.:3128".to_owned()).await;
    assert_eq!(found, [Err(Cause::NameNotFound); 2]);
    let found = through(format!("https://user:planted@127.0.0.1:{port}")).await;
    assert_eq!(found, [Err(Cause::ConnectionRefused); 2]);
}
