//! What sockets do.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;

/// A server that does this with each connection; its port.
async fn server<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> (u16, Task)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream));
        }
    });
    (port, AbortOnDropHandle::new(task))
}

fn call(url: String) -> Call<'static> {
    Call {
        url,
        root: None,
        proxy: None,
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_named() {
    let call = call("https://planted.invalid.:443".to_owned());
    assert_eq!(call.both().await, [Err(Cause::NameNotFound); 2]);
}

#[tokio::test]
async fn a_refused_connection_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let called = call(https(port)).both().await;
    assert_eq!(called, [Err(Cause::ConnectionRefused); 2]);
}

#[tokio::test]
async fn a_silent_server_is_a_timeout() {
    let (port, _task) = server(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    assert_eq!(call(https(port)).both().await, [Err(Cause::TimedOut); 2]);
}

#[tokio::test]
async fn a_cut_connection_is_named() {
    for reset in [false, true] {
        let (port, _task) = server(move |mut stream| async move {
            let mut hello = [0; 64];
            let _ = stream.read(&mut hello).await;
            if reset {
                stream.set_zero_linger().unwrap();
            }
        })
        .await;
        let called = call(https(port)).both().await;
        assert_eq!(called, [Err(Cause::ConnectionCut); 2], "{reset}");
    }
}

#[tokio::test]
async fn another_protocol_is_named() {
    let (port, _task) = server(|mut stream| async move {
        let answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(answer).await;
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    })
    .await;
    let called = call(https(port)).both().await;
    assert_eq!(called, [Err(Cause::ProtocolError); 2]);
}

#[test]
fn what_the_operator_itself_lacks_is_not_blamed_on_the_server() {
    for (number, cause) in [
        (rustix::io::Errno::MFILE, Cause::OutOfResources),
        (rustix::io::Errno::NFILE, Cause::OutOfResources),
        (rustix::io::Errno::NOBUFS, Cause::OutOfResources),
        (rustix::io::Errno::NOMEM, Cause::OutOfResources),
        (rustix::io::Errno::AFNOSUPPORT, Cause::NetworkUnreachable),
    ] {
        let error = std::io::Error::from_raw_os_error(number.raw_os_error());
        assert_eq!(Cause::of(&error), cause, "{number}");
    }
}
