//! The program as a process of its own, whose calls of both APIs go through a real proxy or not: each cell of the table in
//! docs/guides/operations.md, with a password that nothing may show.

use std::{fs, path::PathBuf, process::Stdio};

use kube::config::Kubeconfig;
use tempfile::TempDir;
use testbed::{forward_proxy::ForwardProxy, simulator::Remediation as Truth};
use together_remediation_operator::api::cluster_watch::ClusterWatchSpec;
use tokio::process::Command;

use crate::{
    fixture::{CLUSTER, Fixture, until},
    privacy::{Network, Process},
    program::PROGRAM,
};

const USER: &str = "planted-user";
const PASSWORD: &str = "planted:pass@word/1";
/// The same two in a URL.
const WRITTEN: &str = "planted-user:planted%3Apass%40word%2F1";

/// What only a proxy knows as names of this host.
const TOGETHER: &str = "api.together.test";
const KUBERNETES: &str = "kubernetes.test";

struct Stage {
    fixture: Fixture,
    proxy: ForwardProxy,
    folder: TempDir,
    /// So many remediations there were.
    truths: u32,
}

/// One way to run.
struct Case {
    /// Schemes of proxies by variable.
    variables: &'static [(&'static str, &'static str)],
    /// What else is set.
    more: &'static [(&'static str, &'static str)],
    /// Scheme of the kubeconfig's proxy.
    own: Option<&'static str>,
    /// Whether the Together API is called through the proxy, and whether the Kubernetes API is.
    proxied: [bool; 2],
}

const NONE: Case = Case {
    variables: &[],
    more: &[],
    own: None,
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
        Self {
            fixture,
            proxy: ForwardProxy::start(credentials).await.unwrap(),
            folder: TempDir::new().unwrap(),
            truths: 0,
        }
    }

    fn proxy_url(&self, scheme: &str) -> String {
        format!("{scheme}://{WRITTEN}@{}", self.proxy.address())
    }

    /// The account's kubeconfig, whose server has a name that only a proxy knows if `named`.
    async fn kubeconfig(&self, named: bool, own: Option<&str>) -> PathBuf {
        let account = self.fixture.account().await;
        let mut file = Kubeconfig::read_from(account.kubeconfig()).unwrap();
        for cluster in file
            .clusters
            .iter_mut()
            .filter_map(|named| named.cluster.as_mut())
        {
            if named {
                let server = cluster.server.clone().unwrap();
                cluster.server = Some(server.replace("127.0.0.1", KUBERNETES));
                cluster.tls_server_name = Some("127.0.0.1".to_owned());
            }
            cluster.proxy_url = own.map(|scheme| self.proxy_url(scheme));
        }
        let path = self.folder.path().join("kubeconfig");
        fs::write(&path, serde_json::to_vec(&file).unwrap()).unwrap();
        path
    }

    /// Runs the program until it has mirrored something new; what the proxy was asked for must be as `case` says.
    async fn mirrors(&mut self, case: &Case) {
        let [together, kubernetes] = case.proxied;
        let kubeconfig = self.kubeconfig(kubernetes, case.own).await;
        let url = self.fixture.simulator.url();
        let api_url = if together {
            url.replace("127.0.0.1", TOGETHER)
        } else {
            url
        };
        let urls: Vec<_> = case
            .variables
            .iter()
            .map(|(name, scheme)| (*name, self.proxy_url(scheme)))
            .collect();
        let variables = urls.iter().map(|(name, url)| (*name, &**url));
        let environment: Vec<_> = variables.chain(case.more.iter().copied()).collect();
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
        for told in [status, metrics, ready, log] {
            assert!(!told.contains("planted"), "{environment:?}: {told}");
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
async fn a_proxy_without_credentials_is_used_too() {
    let mut stage = Stage::new("open-proxies", false).await;
    let case = Case {
        variables: &[("HTTPS_PROXY", "http"), ("HTTP_PROXY", "http")],
        proxied: [true, true],
        ..NONE
    };
    stage.mirrors(&case).await;
}

/// What the program says with these variables and this kubeconfig, and its exit code.
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
    let told = [output.stderr, output.stdout].concat();
    (output.status.code(), String::from_utf8(told).unwrap())
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
async fn a_proxy_that_is_no_url_is_told_by_where_it_stands() {
    for wrong in [
        "http://user:planted@",
        "ftp://user:planted@proxy:3128",
        "http://user:planted#word@proxy:3128",
        "http://user:planted@proxy:no-port",
    ] {
        for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
            let (code, told) = ends(&[(variable, wrong)], &kubeconfig("")).await;
            assert_eq!(code, Some(2), "{told}");
            assert!(
                told.contains(&format!("{variable} is not a valid proxy URL")),
                "{told}"
            );
            assert!(!told.contains("planted"), "{told}");
        }
        let (code, told) = ends(&[], &kubeconfig(wrong)).await;
        assert_eq!(code, Some(2), "{told}");
        assert!(
            told.contains("the kubeconfig's proxy-url is not a valid proxy URL"),
            "{told}"
        );
        assert!(!told.contains("planted"), "{told}");
    }
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_used_is_told_without_its_content() {
    for (broken, wanted) in [
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
        let (code, told) = ends(&[], broken).await;
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains(wanted), "{told}");
        assert!(!told.contains("planted"), "{told}");
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
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("TOGETHER_BASE_URL"), "{told}");
    assert!(!told.contains("planted"), "{told}");
}
