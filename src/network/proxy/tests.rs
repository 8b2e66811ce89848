#![allow(clippy::unwrap_used)]

use super::*;

fn proxies(variables: &'static [(&'static str, &'static str)]) -> Proxies {
    Proxies::from_env(|name| {
        let found = variables.iter().find(|(is, _)| *is == name)?;
        Some(found.1.into())
    })
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

const PROXY: &str = "http://proxy.example:3128";
const OTHER: &str = "http://other.example:3128";

/// Variables, and the proxies for the Together API by https and by http, and the same for the Kubernetes API.
type Row = (
    &'static [(&'static str, &'static str)],
    [Option<&'static str>; 4],
);

/// The proxies where one variable counts for https of both APIs, for http of both, or for the Together API alone.
const HTTPS: [Option<&str>; 4] = [Some(PROXY), None, Some(PROXY), None];
const HTTP: [Option<&str>; 4] = [None, Some(PROXY), None, Some(PROXY)];
const ALL: [Option<&str>; 4] = [Some(PROXY), Some(PROXY), None, None];

const ROWS: [Row; 11] = [
    (&[], [None; 4]),
    (&[("HTTPS_PROXY", PROXY)], HTTPS),
    (&[("https_proxy", PROXY)], HTTPS),
    (&[("HTTPS_PROXY", PROXY), ("https_proxy", OTHER)], HTTPS),
    (&[("HTTPS_PROXY", " "), ("https_proxy", PROXY)], HTTPS),
    (&[("HTTP_PROXY", PROXY)], HTTP),
    (&[("http_proxy", PROXY)], HTTP),
    (&[("ALL_PROXY", PROXY)], ALL),
    (
        &[("all_proxy", PROXY), ("HTTPS_PROXY", OTHER)],
        [Some(OTHER), Some(PROXY), Some(OTHER), None],
    ),
    (&[("HTTPS_PROXY", PROXY), ("NO_PROXY", "*")], [None; 4]),
    (
        &[("HTTPS_PROXY", PROXY), ("no_proxy", "example.org")],
        [None; 4],
    ),
];

#[test]
fn each_variable_counts_for_its_scheme_and_api() {
    for (variables, expected) in ROWS {
        let proxies = proxies(variables);
        let servers = ["https://api.example.org/v1", "http://api.example.org/v1"].map(url);
        let together = servers.each_ref().map(|to| proxies.for_together(to));
        let kubernetes = servers.each_ref().map(|to| proxies.for_kubernetes(to));
        let found = together.into_iter().chain(kubernetes);
        let found: Vec<_> = found.map(|proxy| proxy.unwrap()).collect();
        let expected = expected.map(|text| text.map(|text| ProxyUrl::parse(text, "x").unwrap()));
        assert_eq!(found, expected, "{variables:?}");
    }
}

#[test]
fn no_proxy_knows_names_subdomains_addresses_networks_and_ports() {
    for (list, server, exempt) in [
        ("example.org", "https://example.org", true),
        ("example.org", "https://a.b.example.org", true),
        (".example.org", "https://a.example.org", true),
        ("*.example.org", "https://a.example.org", true),
        ("EXAMPLE.ORG", "https://a.example.org", true),
        ("example.org", "https://badexample.org", false),
        ("other.org, example.org", "https://example.org", true),
        ("other.org example.org", "https://example.org", true),
        ("example.org:443", "https://example.org", true),
        ("example.org:6443", "https://example.org", false),
        ("example.org:6443", "https://example.org:6443", true),
        ("10.0.0.1", "https://10.0.0.1:6443", true),
        ("10.0.0.1:6443", "https://10.0.0.1:6443", true),
        ("10.0.0.0/8", "https://10.1.2.3", true),
        ("10.0.0.0/8", "https://11.1.2.3", false),
        ("fd00::/8", "https://[fd00::1]:6443", true),
        ("fd00::1", "https://[fd00::1]:6443", true),
        ("[fd00::1]:6443", "https://[fd00::1]:6443", true),
        ("[fd00::1]:443", "https://[fd00::1]:6443", false),
        ("*", "https://anything.example", true),
        ("", "https://anything.example", false),
        (",, ,", "https://anything.example", false),
        ("", "https://localhost:6443", true),
        ("", "https://127.0.0.1:6443", true),
        ("", "https://[::1]:6443", true),
        ("", "https://0.0.0.0:6443", false),
        ("0.0.0.0", "https://0.0.0.0:6443", true),
        ("0.0.0.0/8", "http://0.0.0.0:8080", true),
    ] {
        let found = exempt::is_exempt(&url(server), list);
        assert_eq!(found, exempt, "{list:?} {server}");
    }
}

#[test]
fn an_invalid_proxy_url_is_named_by_its_variable_and_never_shown() {
    for value in [
        "http://user:planted-secret@",
        "http://user:planted#secret@proxy:3128",
        "http://user:planted/secret@proxy:3128",
        "http://user:planted?secret@proxy:3128",
        "ftp://user:planted-secret@proxy:3128",
        "socks4://user:planted-secret@proxy:1080",
        "http://user:planted-secret@proxy:port",
        "http://user:planted-secret@proxy:70000",
        "http://user:planted-secret@proxy:3128/path",
        "http://user:planted secret@pro xy:3128",
        "://planted-secret",
        "http://",
        "user:planted-secret@",
    ] {
        let variables =
            Proxies::from_env(|name| (name == "HTTPS_PROXY").then(|| OsString::from(value)));
        let error = variables
            .for_together(&url("https://a.example"))
            .unwrap_err();
        let shown = format!("{error} {error:?} {variables:?}");
        assert!(shown.contains("HTTPS_PROXY"), "{value}: {shown}");
        assert!(!shown.contains("planted"), "{value}: {shown}");
        let of_kubernetes = variables.for_kubernetes(&url("https://a.example"));
        assert_eq!(of_kubernetes.unwrap_err(), error, "{value}");
        // An unused variable does no harm.
        assert_eq!(variables.for_together(&url("http://a.example")), Ok(None));
    }
}

#[test]
fn user_name_and_password_are_sent_and_never_shown() {
    for (text, address, credentials) in [
        ("proxy", "http://proxy/", None),
        ("proxy:3128", "http://proxy:3128/", None),
        ("http://proxy:3128/", "http://proxy:3128/", None),
        ("socks5://proxy", "socks5://proxy:1080", None),
        (
            "http://user:planted@proxy:3128",
            "http://proxy:3128/",
            Some(("user", "planted")),
        ),
        (
            "user:planted@proxy:3128",
            "http://proxy:3128/",
            Some(("user", "planted")),
        ),
        ("http://user@proxy", "http://proxy/", Some(("user", ""))),
        (
            "http://us%40er:planted%3a%2f@proxy:3128",
            "http://proxy:3128/",
            Some(("us@er", "planted:/")),
        ),
        (
            "http://user:planted@secret@proxy:3128",
            "http://proxy:3128/",
            Some(("user", "planted@secret")),
        ),
    ] {
        let proxy = ProxyUrl::parse(text, "HTTPS_PROXY").unwrap();
        let found = proxy.address().to_string();
        let bare = |url: &str| url.trim_end_matches('/').to_owned();
        assert_eq!(bare(&found), bare(address), "{text}");
        let found = proxy.credentials();
        let found = found
            .as_ref()
            .map(|(user, password)| (&**user, &**password));
        assert_eq!(found, credentials, "{text}");
        let header = proxy.basic_auth();
        assert_eq!(header.is_some(), credentials.is_some() && !proxy.is_socks());
        let client = proxy.for_reqwest().unwrap();
        let shown = format!("{proxy:?} {header:?} {}", proxy.address());
        assert!(!shown.contains("planted"), "{shown}");
        drop(client);
    }
}
