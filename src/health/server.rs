//! The admin server for the kubelet's probes and for Prometheus.

use std::{
    convert::Infallible,
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use prometheus_client::metrics::counter::Counter;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinError, JoinSet},
};

use crate::{
    health::{liveness::Watchdog, readiness::Readiness},
    metrics::{Format, Metrics},
};

/// Maximum duration of a connection, so that no client can hold many open.
const CONNECTION: Duration = Duration::from_secs(10);
/// Wait after a connection could not be accepted, mostly for lack of file descriptors.
const PAUSE: Duration = Duration::from_secs(1);

/// The sources of the responses.
pub struct Probes {
    /// For `/livez`.
    pub watchdog: Watchdog,
    /// For `/readyz`.
    pub readiness: Readiness,
    /// For `/metrics`.
    pub metrics: Metrics,
    /// Counts panics while responding.
    pub panics: Counter,
}

/// Listens on `address`. All addresses (`[::]`) means only those of IPv4 if IPv6 is disabled.
///
/// # Errors
/// The system's error, for example that the port is in use.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error) => match without_ipv6(address, error.kind()) {
            Some(address) => TcpListener::bind(address).await,
            None => Err(error),
        },
        bound => bound,
    }
}

/// The address to listen on instead, if `error` means that IPv6 is disabled.
fn without_ipv6(address: SocketAddr, error: ErrorKind) -> Option<SocketAddr> {
    let of_its_own = matches!(error, ErrorKind::AddrInUse | ErrorKind::PermissionDenied);
    (address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && !of_its_own)
        .then(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())))
}

/// Responds until it is dropped.
pub async fn serve(listener: TcpListener, probes: Probes) {
    let probes = Arc::new(probes);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(ended) = connections.join_next() => {
                count(ended, &probes.panics);
                continue;
            }
        };
        match accepted {
            Ok((stream, _)) => drop(connections.spawn(connection(stream, probes.clone()))),
            Err(error) => {
                tracing::warn!(%error, "the admin server failed to accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Counts a connection that panicked. Its client gets no response, which the kubelet takes for a failed probe.
fn count(ended: Result<(), JoinError>, panics: &Counter) {
    if ended.is_err_and(|error| error.is_panic()) {
        panics.inc();
    }
}

async fn connection(stream: TcpStream, probes: Arc<Probes>) {
    let service = service_fn(|request: Request<Incoming>| {
        let format = accepted(request.headers());
        let response = respond(request.method(), request.uri().path(), format, &probes);
        async move { Ok::<_, Infallible>(response) }
    });
    let answered = http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // A client that disconnects or is slow is not a problem of the operator.
    let _ = tokio::time::timeout(CONNECTION, answered).await;
}

/// The format of `/metrics` that a scraper prefers.
fn accepted(headers: &HeaderMap) -> Format {
    let values = headers.get_all(ACCEPT).into_iter();
    Format::of(values.filter_map(|value| value.to_str().ok()))
}

fn respond(method: &Method, path: &str, format: Format, probes: &Probes) -> Response<String> {
    let plain = "text/plain; charset=utf-8";
    let (status, kind, text) = match (path, method) {
        ("/metrics", &Method::GET | &Method::HEAD) => (
            StatusCode::OK,
            format.content_type(),
            probes.metrics.text(format),
        ),
        ("/livez" | "/readyz", &Method::GET | &Method::HEAD) => {
            let (status, line) = probe(path, probes);
            (status, plain, line + "\n")
        }
        ("/livez" | "/readyz" | "/metrics", _) => (
            StatusCode::METHOD_NOT_ALLOWED,
            plain,
            "only GET\n".to_owned(),
        ),
        _ => (
            StatusCode::NOT_FOUND,
            plain,
            "not found; use /livez, /readyz or /metrics\n".to_owned(),
        ),
    };
    let mut response = Response::new(text);
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn probe(path: &str, probes: &Probes) -> (StatusCode, String) {
    let wrong = if path == "/livez" {
        probes
            .watchdog
            .stalled()
            .map(|stalled| stalled.to_string())
            .inspect(|line| tracing::error!("not alive: {line}"))
    } else {
        probes.readiness.missing()
    };
    let note = (path == "/readyz").then(|| probes.readiness.note());
    match wrong {
        None => match note.flatten() {
            Some(note) => (StatusCode::OK, format!("ok, but {note}")),
            None => (StatusCode::OK, "ok".to_owned()),
        },
        Some(line) => (StatusCode::SERVICE_UNAVAILABLE, line),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::{
        clock::{Clock, SystemClock},
        controller::metrics::Watches,
        k8s::leadership::Leadership,
        operator::metrics::{self, Operator},
        store::Index,
        together::{BaseUrl, Client, Limits},
    };

    fn probes() -> Probes {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let base = BaseUrl::parse("http://127.0.0.1:1", true).unwrap();
        let together = Client::new(base, Limits::default(), None).unwrap();
        let operator = Operator::new(Leadership::unelected(clock.clone()), Counter::default());
        let watches = Watches::new(clock.clone());
        Probes {
            watchdog: Watchdog::new(clock, CONNECTION),
            readiness: Readiness::new(Index::new(1)),
            metrics: metrics::metrics(operator, &watches, &together),
            panics: watches.panics("admin"),
        }
    }

    #[tokio::test]
    async fn it_answers_two_probes_in_plain_text_of_one_line() {
        for (method, path, expected) in [
            (Method::GET, "/livez", StatusCode::OK),
            (Method::HEAD, "/livez", StatusCode::OK),
            (Method::GET, "/readyz", StatusCode::SERVICE_UNAVAILABLE),
            (Method::POST, "/livez", StatusCode::METHOD_NOT_ALLOWED),
            (Method::GET, "/", StatusCode::NOT_FOUND),
            (Method::POST, "/metrics", StatusCode::METHOD_NOT_ALLOWED),
        ] {
            let response = respond(&method, path, Format::OpenMetrics, &probes());
            assert_eq!(response.status(), expected, "{method} {path}");
            assert_eq!(response.body().lines().count(), 1);
            assert!(response.body().ends_with('\n'));
            let plain = &response.headers()[CONTENT_TYPE];
            assert!(plain.to_str().unwrap().starts_with("text/plain"));
        }
    }

    #[tokio::test]
    async fn an_answer_that_panics_is_counted() {
        let probes = probes();
        for (ended, counted) in [
            (tokio::spawn(async {}).await, 0),
            (
                tokio::spawn(async { panic!("as the test wants it") }).await,
                1,
            ),
        ] {
            count(ended, &probes.panics);
            let line = format!("task_panics_total{{task=\"admin\"}} {counted}\n");
            let text = probes.metrics.text(Format::OpenMetrics);
            assert!(text.contains(&line), "{line}");
        }
    }

    #[test]
    fn only_all_addresses_fall_back_to_ipv4_and_only_where_ipv6_is_off() {
        let all: SocketAddr = "[::]:8080".parse().unwrap();
        let ipv4 = Some("0.0.0.0:8080".parse().unwrap());
        assert_eq!(without_ipv6(all, ErrorKind::Unsupported), ipv4);
        assert_eq!(without_ipv6(all, ErrorKind::AddrNotAvailable), ipv4);
        assert_eq!(without_ipv6(all, ErrorKind::AddrInUse), None);
        assert_eq!(without_ipv6(all, ErrorKind::PermissionDenied), None);
        let one = "[::1]:8080".parse().unwrap();
        assert_eq!(without_ipv6(one, ErrorKind::AddrNotAvailable), None);
    }

    /// What the server answers to `request` before it closes the connection, within a minute.
    async fn answer(request: &str) -> String {
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, probes()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        let read = tokio::time::timeout(CONNECTION * 6, read).await;
        read.unwrap().unwrap();
        server.abort();
        answer
    }

    #[tokio::test]
    async fn a_scraper_gets_the_format_that_it_asks_for() {
        for (accept, kind, end) in [
            (
                "accept: application/openmetrics-text\r\n",
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                "# EOF\n",
            ),
            (
                "accept: text/plain;version=0.0.4\r\n",
                "text/plain; version=0.0.4; charset=utf-8",
                "\n",
            ),
            ("", "text/plain; version=0.0.4; charset=utf-8", "\n"),
        ] {
            let request = format!("GET /metrics HTTP/1.1\r\nhost: here\r\n{accept}\r\n");
            let response = answer(&request).await;
            let kind_line = format!("content-type: {kind}\r\n");
            assert!(response.contains(&kind_line), "{response}");
            assert!(response.ends_with(end), "{response}");
            assert_eq!(response.contains("# EOF"), kind.starts_with("application"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_speaks_http_and_ends_a_request_that_never_completes() {
        let response = answer("GET /livez HTTP/1.1\r\nhost: here\r\n\r\n").await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(response.ends_with("\r\n\r\nok\n"), "{response}");
        assert_eq!(answer("GET /livez HTTP/1.1\r\n").await, "");
    }
}
