//! `proxy.httpsProxy`: the chart takes what the program takes, and lets the `NetworkPolicy` pass it.

use serde_json::json;
use together_remediation_operator::network::proxy::ProxyUrl;

use super::helm::{Helm, documents, of_kind, values_file};

/// What is set, and the port of the proxy if it is one.
const PROXIES: [(&str, Option<u16>); 39] = [
    ("http://proxy:3128", Some(3128)),
    ("http://proxy:3128/", Some(3128)),
    ("http://proxy", Some(80)),
    ("https://proxy", Some(443)),
    ("https://proxy:8443", Some(8443)),
    ("HTTPS://proxy", Some(443)),
    ("proxy:3128", Some(3128)),
    ("proxy", Some(80)),
    ("proxy.gpu-ops.svc:3128", Some(3128)),
    (" proxy:3128\n", Some(3128)),
    ("10.0.0.1:3128", Some(3128)),
    ("http://[fd00::1]:3128", Some(3128)),
    ("[fd00::1]", Some(80)),
    ("socks5://proxy:1081", Some(1081)),
    ("socks5://proxy", Some(1080)),
    ("socks5h://proxy", Some(1080)),
    ("Socks5://proxy", Some(1080)),
    ("http://user@proxy:3128", Some(3128)),
    ("user:secret@proxy:3128", Some(3128)),
    ("socks5://user:secret@proxy", Some(1080)),
    ("http://us%40er:a%3A1%2F@proxy:3128", Some(3128)),
    ("http://user:a@b:1@proxy:3128", Some(3128)),
    ("http://user:a:80@proxy", Some(80)),
    ("user:a:80@proxy", Some(80)),
    ("http://", None),
    ("://proxy", None),
    ("ftp://proxy:3128", None),
    ("socks4://proxy:1080", None),
    ("socks5://", None),
    ("http://user:secret@", None),
    ("user:secret@", None),
    ("http://proxy:port", None),
    ("http://proxy:70000", None),
    ("http://proxy:3128/path", None),
    ("http://user:secret#b@proxy:3128", None),
    ("http://user:secret?b@proxy:3128", None),
    ("http://user:secret/b@proxy:3128", None),
    ("http://pro xy:3128", None),
    ("proxy 3128", None),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_takes_a_proxy_that_the_program_takes_and_no_other() {
    for (version, helm) in Helm::both() {
        for (proxy, port) in PROXIES {
            let parsed = ProxyUrl::parse(proxy, "HTTPS_PROXY");
            let file = values_file(&json!({
                "networkPolicy": {"enabled": true, "egressPorts": [6443]},
                "proxy": {"httpsProxy": proxy},
            }));
            let rendered = helm
                .template(&["--values", file.path().to_str().unwrap()])
                .await;
            let Some(port) = port else {
                assert!(parsed.is_err(), "{proxy}");
                let error = rendered.unwrap_err();
                let is_named = error.contains("proxy.httpsProxy is not a valid proxy URL");
                assert!(is_named, "{version:?} {proxy:?}: {error}");
                assert!(!error.contains("secret"), "{version:?} {proxy:?}: {error}");
                continue;
            };
            assert!(parsed.is_ok(), "{proxy}");
            let manifest =
                rendered.unwrap_or_else(|error| panic!("{version:?} {proxy:?}: {error}"));
            let objects = documents(&manifest);
            let ports = &of_kind(&objects, "NetworkPolicy")[0]["spec"]["egress"][1]["ports"];
            let ports: Vec<_> = ports
                .as_array()
                .unwrap()
                .iter()
                .map(|to| &to["port"])
                .collect();
            let expected = json!([6443, 443, port]);
            let expected: Vec<_> = expected.as_array().unwrap().iter().collect();
            let expected = if port == 443 {
                &expected[..2]
            } else {
                &expected[..]
            };
            assert_eq!(ports, expected, "{version:?} {proxy:?}");
            let container =
                &of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0];
            let variable = json!({"name": "HTTPS_PROXY", "value": proxy});
            assert!(
                container["env"].as_array().unwrap().contains(&variable),
                "{proxy:?}"
            );
        }
    }
}
