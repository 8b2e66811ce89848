//! A forward proxy on loopback, as a company has one: CONNECT, plain HTTP and SOCKS5, with user name and password if it
//! asks for them. It knows every name, as one of this host.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Longest head of a request.
const HEAD: usize = 16 << 10;
const NEEDS_CREDENTIALS: &[u8] =
    b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A proxy. It ends when it is dropped.
pub struct ForwardProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    credentials: Option<(String, String)>,
    seen: Mutex<Vec<String>>,
}

impl ForwardProxy {
    /// A proxy that asks for these credentials, if there are any.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start(credentials: Option<(&str, &str)>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let credentials = credentials.map(|(user, word)| (user.to_owned(), word.to_owned()));
        let shared = Arc::new(Shared {
            credentials,
            seen: Mutex::default(),
        });
        let of = shared.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = of.clone();
                // A client that goes away is no matter of the proxy's.
                tokio::spawn(async move { drop(shared.serve(stream).await) });
            }
        });
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hosts and ports that were asked for since this was last called, each once.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        let mut seen = self.shared.seen.lock();
        let seen = seen.as_deref_mut().map(std::mem::take);
        let mut seen = seen.unwrap_or_default();
        seen.sort();
        seen.dedup();
        seen
    }
}

impl Drop for ForwardProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn saw(&self, target: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(target.to_owned());
    }

    async fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mut first = [0];
        stream.peek(&mut first).await?;
        if first == [5] {
            self.socks(stream).await
        } else {
            self.http(stream).await
        }
    }

    async fn http(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() > HEAD {
                return Err(io::Error::other("too long a head"));
            }
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8(head).map_err(io::Error::other)?;
        if !self.admits(&head) {
            return stream.write_all(NEEDS_CREDENTIALS).await;
        }
        let mut words = head.split_whitespace();
        let (method, target) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        if method == "CONNECT" {
            self.saw(target);
            let mut server = to(target).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            return copy_bidirectional(&mut stream, &mut server).await.map(drop);
        }
        // Without a body, as all calls of the Together API are.
        let rest = target.strip_prefix("http://").unwrap_or(target);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        self.saw(host);
        let mut server = to(host).await?;
        let mut request = format!("{method} /{path} HTTP/1.1\r\nconnection: close\r\n");
        for line in head.lines().skip(1).filter(|line| !line.is_empty()) {
            let name = line.split(':').next().unwrap_or_default();
            let hop = ["connection", "proxy-authorization", "proxy-connection"];
            if !hop.iter().any(|hop| hop.eq_ignore_ascii_case(name)) {
                request.extend([line, "\r\n"]);
            }
        }
        request.push_str("\r\n");
        server.write_all(request.as_bytes()).await?;
        copy_bidirectional(&mut stream, &mut server).await.map(drop)
    }

    fn admits(&self, head: &str) -> bool {
        let Some((user, word)) = &self.credentials else {
            return true;
        };
        let expected = BASE64_STANDARD.encode(format!("{user}:{word}"));
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.any(|(name, value)| {
            name.eq_ignore_ascii_case("proxy-authorization")
                && value.strip_prefix("Basic ") == Some(&*expected)
        })
    }

    async fn socks(&self, mut stream: TcpStream) -> io::Result<()> {
        let _version = stream.read_u8().await?;
        bytes(&mut stream).await?;
        if let Some((user, word)) = &self.credentials {
            stream.write_all(&[5, 2]).await?;
            let _version = stream.read_u8().await?;
            let given = (bytes(&mut stream).await?, bytes(&mut stream).await?);
            let fits = (user.as_bytes(), word.as_bytes()) == (&given.0, &given.1);
            stream.write_all(&[1, u8::from(!fits)]).await?;
            if !fits {
                return Ok(());
            }
        } else {
            stream.write_all(&[5, 0]).await?;
        }
        let mut request = [0; 4];
        stream.read_exact(&mut request).await?;
        let host = match request[3] {
            1 => Ipv4Addr::from(stream.read_u32().await?).to_string(),
            3 => String::from_utf8(bytes(&mut stream).await?).map_err(io::Error::other)?,
            _ => return Err(io::Error::other("no address")),
        };
        let target = format!("{host}:{}", stream.read_u16().await?);
        self.saw(&target);
        let mut server = to(&target).await?;
        stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
        copy_bidirectional(&mut stream, &mut server).await.map(drop)
    }
}

/// Bytes that their number goes before.
async fn bytes(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; stream.read_u8().await?.into()];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// A connection to the port of `target`, whatever its host.
async fn to(target: &str) -> io::Result<TcpStream> {
    let port = target
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok());
    let port: u16 = port.ok_or_else(|| io::Error::other("no port"))?;
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await
}
