//! Servers that bypass the proxy in the environment.

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use url::{Host, Url};

/// Whether `server` is on this host or in the list of `NO_PROXY`: names including their subdomains, with `.` or `*.`
/// before them, addresses and networks, each with or without a port, or `*` for all.
pub(super) fn is_exempt(server: &Url, list: &str) -> bool {
    if is_local(server) {
        return true;
    }
    let port = server.port_or_known_default();
    let items = list.split([',', ' ', '\t', '\n', '\r']);
    let items: Vec<_> = items.filter_map(|item| of_port(item, port)).collect();
    let Ok(server) = server.as_str().parse::<Uri>() else {
        return false;
    };
    let proxied = Matcher::builder()
        .all("http://proxy")
        .no(items.join(","))
        .build();
    proxied.intercept(&server).is_none()
}

/// As in Go programs such as kubectl, servers on this host bypass the proxy.
fn is_local(server: &Url) -> bool {
    match server.host() {
        Some(Host::Domain(name)) => name.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The item without its port; `None` if it is for another port.
fn of_port(item: &str, port: Option<u16>) -> Option<&str> {
    let (host, only_port) = match item.rsplit_once(':') {
        Some((host, only_port)) if !host.contains(':') || host.ends_with(']') => {
            (host, Some(only_port.parse::<u16>().ok()))
        }
        _ => (item, None),
    };
    if only_port.is_some_and(|only_port| only_port.is_none() || only_port != port) {
        return None;
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.strip_prefix('*') {
        Some("") | None => Some(host),
        Some(domain) => Some(domain),
    }
}
