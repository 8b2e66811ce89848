//! The program as a process of its own, whose calls of both APIs go through a real proxy or not: each cell of the table in
//! docs/guides/air-gapped.md, with a password that nothing may show.

use std::{fs, path::PathBuf, process::Stdio};

use k8s_openapi::ByteString;
use kube::config::Kubeconfig;
use tempfile::TempDir;
use testbed::{forward_proxy::ForwardProxy, simulator::Remediation as Truth};
use together_remediation_operator::api::cluster_watch::ClusterWatchSpec;
use tokio::process::Command;
use url::Url;

use crate::{
    conditions::assert_contains,
    fixture::{CLUSTER, Fixture, until},
    privacy::{Network, Process},
    program::PROGRAM,
    tls_front::TlsFront,
};

const USER: &str = "planted-user";
const PASSWORD: &str = "planted:pass@word/1";
/// The same two in a URL.
const WRITTEN: &str = "planted-user:planted%3Apass%40word%2F1";

/// What only a proxy knows as names of this host.
const TOGETHER: &str = "api.together.test";
const KUBERNETES: &str = "kubernetes.test";

/// An address of this host that, unlike a loopback one, is called through a proxy unless `NO_PROXY` lists it.
const HERE: &str = "0.0.0.0";

struct Stage {
    fixture: Fixture,
    /// The Together API by https.
    secured: TlsFront,
    proxy: ForwardProxy,
    /// The proxy by https.
    secured_proxy: TlsFront,
    folder: TempDir,
    /// So many remediations there were.
    truths: u32,
}

/// One way to run.
struct Case<'a> {
    /// Schemes of proxies by variable.
    variables: &'a [(&'static str, &'a str)],
    /// What else is set.
    more: &'a [(&'static str, &'a str)],
    /// Scheme of the kubeconfig's proxy.
    own: Option<&'static str>,
    /// Whether the Together API is called by https.
    secured: bool,
    /// Host of the API that is called directly.
    direct: &'static str,
    /// Whether the Together API is called through the proxy, and whether the Kubernetes API is.
    proxied: [bool; 2],
}

const NONE: Case<'static> = Case {
    variables: &[],
    more: &[],
    own: None,
    secured: false,
    direct: "127.0.0.1",
    proxied: [false; 2],
};

impl Stage {
    async fn new(name: &str, credentials: bool) -> Self {
        let fixture = Fixture::idle(name).await;
        let no_intervals = |spec: &mut ClusterWatchSpec| {
            (spec.interval, spec.active_interval) = (None, None);
        };
        fixture.watch("training", no_intervals).await;
        let credentials = credentials.then_some((USER, PASSWORD));
        let proxy = ForwardProxy::start(credentials).await.unwrap();
        let folder = TempDir::new().unwrap();
        let port = Url::parse(&fixture.simulator.url())
            .unwrap()
            .port()
            .unwrap();
        Self {
            secured: TlsFront::start(&[TOGETHER, HERE], port).await,
            secured_proxy: TlsFront::start(&["127.0.0.1"], proxy.address().port()).await,
            fixture,
            proxy,
            folder,
            truths: 0,
        }
    }

    fn proxy_url(&self, scheme: &str) -> String {
        let address = match scheme {
            "https" => self.secured_proxy.address(),
            _ => self.proxy.address(),
        };
        format!("{scheme}://{WRITTEN}@{address}")
    }

    fn api_url(&self, case: &Case<'_>) -> String {
        let [proxied, _] = case.proxied;
        let mut url = Url::parse(&self.fixture.simulator.url()).unwrap();
        if case.secured {
            url.set_scheme("https").unwrap();
            url.set_port(Some(self.secured.address().port())).unwrap();
        }
        let host = if proxied { TOGETHER } else { case.direct };
        url.set_host(Some(host)).unwrap();
        url.into()
    }

    /// A file with the certificates of what is served by https here.
    fn certificates(&self) -> String {
        let path = self.folder.path().join("certificates.pem");
        let all = [&self.secured, &self.secured_proxy].map(TlsFront::certificate);
        fs::write(&path, all.concat()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The account's kubeconfig, whose server is at this host and may have a proxy of its own. As for kubectl, an
    /// `https://` proxy is trusted by the kubeconfig's CAs alone.
    async fn kubeconfig(&self, host: &str, own: Option<&str>) -> PathBuf {
        let account = self.fixture.account().await;
        let mut file = Kubeconfig::read_from(account.kubeconfig()).unwrap();
        for cluster in file
            .clusters
            .iter_mut()
            .filter_map(|named| named.cluster.as_mut())
        {
            let server = cluster.server.clone().unwrap();
            cluster.server = Some(server.replace("127.0.0.1", host));
            cluster.tls_server_name = Some("127.0.0.1".to_owned());
            cluster.proxy_url = own.map(|scheme| self.proxy_url(scheme));
            let trusted = cluster.certificate_authority_data.take().unwrap();
            let ByteString(mut trusted) = serde_json::from_value(trusted.into()).unwrap();
            trusted.extend_from_slice(self.secured_proxy.certificate().as_bytes());
            let trusted = serde_json::to_value(ByteString(trusted)).unwrap();
            cluster.certificate_authority_data = trusted.as_str().map(str::to_owned);
        }
        let path = self.folder.path().join("kubeconfig");
        fs::write(&path, serde_json::to_vec(&file).unwrap()).unwrap();
        path
    }

    /// Runs the program until it has mirrored something new; the requests to the proxy must match `case`.
    async fn mirrors(&mut self, case: &Case<'_>) {
        let [together, kubernetes] = case.proxied;
        let host = if kubernetes { KUBERNETES } else { case.direct };
        let kubeconfig = self.kubeconfig(host, case.own).await;
        let api_url = self.api_url(case);
        let certificates = self.certificates();
        let urls: Vec<_> = case
            .variables
            .iter()
            .map(|(name, scheme)| (*name, self.proxy_url(scheme)))
            .collect();
        let variables = urls.iter().map(|(name, url)| (*name, &**url));
        let trusted = [("SSL_CERT_FILE", &*certificates)];
        let more = case.more.iter().copied().chain(trusted);
        let environment: Vec<_> = variables.chain(more).collect();
        let network = Network {
            kubeconfig: &kubeconfig,
            api_url: &api_url,
            environment: &environment,
        };
        self.truths += 1;
        let truth = Truth::numbered(CLUSTER, self.truths);
        self.fixture.simulator.put(truth.clone());
        let process = Process::start_in(&self.fixture, "json", &network).await;
        until("it is mirrored", || async {
            let mirrors = self.fixture.mirrors();
            let mirror = mirrors.get_opt(&truth.id).await.unwrap();
            let status = mirror.and_then(|mirror| mirror.status);
            let state = status.and_then(|status| status.state);
            state.map(drop).ok_or_else(|| "no state".to_owned())
        })
        .await;
        let watch = self.fixture.watches().get("training").await.unwrap();
        let status = serde_json::to_string(&watch.status).unwrap();
        let metrics = process.probe("/metrics").await;
        let ready = process.probe("/readyz").await;
        let log = process.end().await;
        for text in [status, metrics, ready, log] {
            assert!(!text.contains("planted"), "{environment:?}: {text}");
        }
        let seen = self.proxy.take();
        for (host, proxied) in [(TOGETHER, together), (KUBERNETES, kubernetes)] {
            let found = seen.iter().any(|target| target.starts_with(host));
            assert_eq!(found, proxied, "{host}: {environment:?} {seen:?}");
        }
        let others =
            |target: &&String| !target.starts_with(TOGETHER) && !target.starts_with(KUBERNETES);
        assert_eq!(seen.iter().find(others), None, "{environment:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_apis_are_called_through_the_proxies_of_the_table() {
    let mut stage = Stage::new("proxies", true).await;
    for case in [
        Case {
            variables: &[("HTTPS_PROXY", "http"), ("HTTP_PROXY", "http")],
            proxied: [true, true],
            ..NONE
        },
        Case {
            variables: &[("https_proxy", "http"), ("http_proxy", "socks5")],
            proxied: [true, true],
            ..NONE
        },
        Case {
            variables: &[("ALL_PROXY", "socks5h")],
            proxied: [true, false],
            ..NONE
        },
        Case {
            own: Some("http"),
            proxied: [false, true],
            ..NONE
        },
        Case {
            own: Some("https"),
            proxied: [false, true],
            ..NONE
        },
        // What is on this host is called directly, and the kubeconfig's own proxy goes before the variables.
        Case {
            own: Some("socks5"),
            more: &[
                ("HTTPS_PROXY", "http://127.0.0.1:9"),
                ("HTTP_PROXY", "http://127.0.0.1:9"),
                ("NO_PROXY", "*"),
            ],
            proxied: [false, true],
            ..NONE
        },
        Case {
            more: &[
                ("HTTPS_PROXY", "http://planted:planted@127.0.0.1:9"),
                ("HTTP_PROXY", "http://planted:planted@127.0.0.1:9"),
            ],
            ..NONE
        },
    ] {
        stage.mirrors(&case).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_proxy_exempts_the_one_api_that_it_lists() {
    let mut stage = Stage::new("exempt", true).await;
    for (list, proxied) in [
        (HERE, [false, true]),
        (HERE, [true, false]),
        ("example.org, 0.0.0.0/8", [false, false]),
    ] {
        let case = Case {
            variables: &[("HTTPS_PROXY", "http"), ("HTTP_PROXY", "http")],
            more: &[("NO_PROXY", list)],
            direct: HERE,
            proxied,
            ..NONE
        };
        stage.mirrors(&case).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_together_api_by_https_is_called_through_https_proxy() {
    let mut stage = Stage::new("secured", true).await;
    for scheme in ["http", "socks5", "https"] {
        let case = Case {
            variables: &[("HTTPS_PROXY", scheme)],
            more: &[("HTTP_PROXY", "http://127.0.0.1:9")],
            secured: true,
            proxied: [true, true],
            ..NONE
        };
        stage.mirrors(&case).await;
    }
    let directly = Case {
        variables: &[("HTTPS_PROXY", "http")],
        more: &[("NO_PROXY", HERE)],
        secured: true,
        direct: HERE,
        ..NONE
    };
    stage.mirrors(&directly).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_without_credentials_is_used_too() {
    let mut stage = Stage::new("open-proxies", false).await;
    let case = Case {
        variables: &[("HTTPS_PROXY", "http"), ("HTTP_PROXY", "http")],
        proxied: [true, true],
        ..NONE
    };
    stage.mirrors(&case).await;
}

/// The exit code and the output of the program with these variables and this kubeconfig.
async fn ends(variables: &[(&str, &str)], kubeconfig: &str) -> (Option<i32>, String) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("kubeconfig");
    fs::write(&path, kubeconfig).unwrap();
    let output = Command::new(PROGRAM)
        .args(["run", "--admin-addr", "127.0.0.1:0"])
        .env("KUBECONFIG", path)
        .env("RUST_LOG", "trace")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = [output.stderr, output.stdout].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

fn kubeconfig(proxy: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n\
         contexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         clusters: [{{name: a, cluster: {{server: 'https://kubernetes.test:6443', proxy-url: '{proxy}'}}}}]\n\
         users: [{{name: a, user: {{token: planted-token}}}}]\n"
    )
}

#[tokio::test]
async fn an_invalid_proxy_url_is_reported_with_its_source() {
    for wrong in [
        "http://user:planted@",
        "ftp://user:planted@proxy:3128",
        "http://user:planted#word@proxy:3128",
        "http://user:planted@proxy:no-port",
    ] {
        for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
            let (code, output) = ends(&[(variable, wrong)], &kubeconfig("")).await;
            assert_eq!(code, Some(2), "{output}");
            assert_contains(&output, &[&format!("{variable} is not a valid proxy URL")]);
            assert!(!output.contains("planted"), "{output}");
        }
        let (code, output) = ends(&[], &kubeconfig(wrong)).await;
        assert_eq!(code, Some(2), "{output}");
        assert_contains(
            &output,
            &["the kubeconfig's proxy-url is not a valid proxy URL"],
        );
        assert!(!output.contains("planted"), "{output}");
    }
}

#[tokio::test]
async fn an_unusable_kubeconfig_is_reported_without_its_content() {
    for (broken, expected) in [
        (
            "users: [{name: planted, user: {token: planted-token",
            "not a kubeconfig in YAML",
        ),
        ("planted-token", "not a kubeconfig in YAML"),
        ("apiVersion: v1\nkind: Config\n", "no current-context"),
        (
            &kubeconfig("").replace("https://kubernetes.test:6443", "https://planted:pass word"),
            "server is not a URL",
        ),
        (
            &kubeconfig("").replace(
                "token: planted-token",
                "client-certificate-data: planted, client-key-data: planted",
            ),
            "annot",
        ),
    ] {
        let (code, output) = ends(&[], broken).await;
        assert_eq!(code, Some(1), "{output}");
        assert!(output.contains(expected), "{output}");
        assert!(!output.contains("planted"), "{output}");
    }
}

#[test]
fn help_shows_no_value_of_a_variable() {
    let output = std::process::Command::new(PROGRAM)
        .args(["run", "--help"])
        .env("TOGETHER_BASE_URL", "https://user:planted@api.example")
        .env("WATCH_NAMESPACES", "planted")
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("TOGETHER_BASE_URL"), "{stdout}");
    assert!(!stdout.contains("planted"), "{stdout}");
}
