#![allow(clippy::unwrap_used)]

mod server;

use hickory_resolver::proto::op::ResponseCode;
use tempfile::TempDir;

use self::server::{Answer, Server};
use super::*;

const ADDRESS: &str = "192.0.2.7";
const IPV6: &str = "2001:db8::7";

/// The search domains of a pod, and one that the node brought along.
const SEARCH: &str = "gpu-ops.svc.cluster.local svc.cluster.local cluster.local corp.example";

fn is(addresses: &[&str]) -> Answer {
    Answer::Is(addresses.iter().map(|text| text.parse().unwrap()).collect())
}

/// A resolver with these files, whose name servers are all at `server`'s port.
fn resolver(folder: &TempDir, server: &Server, resolv_conf: &str, hosts: &str) -> Resolver {
    let [conf, list] = ["resolv.conf", "hosts"].map(|name| folder.path().join(name));
    fs::write(&conf, resolv_conf).unwrap();
    fs::write(&list, hosts).unwrap();
    Resolver::new(Files {
        resolv_conf: conf,
        hosts: list,
        port: server.address.port(),
    })
}

fn conf(ndots: usize) -> String {
    format!("nameserver 127.0.0.1\nsearch {SEARCH}\noptions ndots:{ndots}\n")
}

async fn found(resolver: &Resolver, name: &str) -> Result<Vec<String>, LookupError> {
    let addresses = resolver.addresses(name).await?;
    Ok(addresses.iter().map(|to| to.ip().to_string()).collect())
}

/// What the servers of search domains answer for names that they do not have.
fn search_answers() -> [(&'static str, Answer); 5] {
    [
        ("NXDOMAIN", Answer::Error(ResponseCode::NXDomain)),
        ("SERVFAIL", Answer::Error(ResponseCode::ServFail)),
        ("REFUSED", Answer::Error(ResponseCode::Refused)),
        ("NOTIMP", Answer::Error(ResponseCode::NotImp)),
        ("NODATA", Answer::NoData),
    ]
}

#[tokio::test]
async fn names_are_found_whatever_the_search_domains_answer() {
    let full_name = "proxy.gpu-ops.svc.cluster.local.";
    let names = [
        // the requested name, and the full name that exists
        ("api.together.xyz", "api.together.xyz."),
        ("api.together.xyz.", "api.together.xyz."),
        ("proxy", full_name),
        ("proxy.gpu-ops", full_name),
        ("proxy.gpu-ops.svc", full_name),
        (full_name.trim_end_matches('.'), full_name),
        ("proxy.corp", "proxy.corp.corp.example."),
    ];
    let folder = TempDir::new().unwrap();
    for (code, other) in search_answers() {
        for ndots in [1, 5] {
            for (name, full) in names {
                for address in [ADDRESS, IPV6] {
                    let server = Server::start(&[(full, is(&[address]))], other.clone()).await;
                    let resolver = resolver(&folder, &server, &conf(ndots), "");
                    let (found, asked) = (found(&resolver, name).await, server.asked());
                    let case = format!("{name}, ndots {ndots}, search domains answer {code}");
                    assert_eq!(found, Ok(vec![address.to_owned()]), "{case}: {asked:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn search_domains_of_different_minds_do_not_hide_a_name() {
    let zone = [
        (
            "*.gpu-ops.svc.cluster.local.",
            Answer::Error(ResponseCode::NXDomain),
        ),
        ("*.svc.cluster.local.", Answer::NoData),
        ("*.corp.example.", Answer::Error(ResponseCode::ServFail)),
        ("api.together.xyz.", is(&[ADDRESS])),
    ];
    let folder = TempDir::new().unwrap();
    let server = Server::start(&zone, Answer::Error(ResponseCode::Refused)).await;
    let resolver = resolver(&folder, &server, &conf(5), "");
    let addresses = found(&resolver, "api.together.xyz").await;
    assert_eq!(addresses, Ok(vec![ADDRESS.to_owned()]));
    assert_eq!(server.asked().last().unwrap(), "api.together.xyz.");
}

#[tokio::test]
async fn a_name_has_addresses_of_both_kinds_ipv4_first() {
    let folder = TempDir::new().unwrap();
    let zone = [("api.example.", is(&[IPV6, ADDRESS]))];
    let server = Server::start(&zone, Answer::NoData).await;
    let resolver = resolver(&folder, &server, &conf(1), "");
    let addresses = found(&resolver, "api.example").await;
    assert_eq!(addresses, Ok(vec![ADDRESS.to_owned(), IPV6.to_owned()]));
}

#[tokio::test]
async fn a_missing_name_and_servers_that_fail_are_told_apart() {
    let folder = TempDir::new().unwrap();
    for (other, error) in [
        (Answer::Error(ResponseCode::NXDomain), LookupError::NotFound),
        (Answer::NoData, LookupError::NotFound),
        (Answer::Error(ResponseCode::ServFail), LookupError::Failed),
        (Answer::Error(ResponseCode::Refused), LookupError::Failed),
        (Answer::Silence, LookupError::Failed),
    ] {
        let server = Server::start(&[], other.clone()).await;
        let resolver = resolver(&folder, &server, &conf(1), "");
        let found = found(&resolver, "api.example.").await;
        assert_eq!(found, Err(error), "{other:?}");
    }
}

#[tokio::test]
async fn a_second_name_server_is_asked_where_the_first_one_fails() {
    let folder = TempDir::new().unwrap();
    let good = Server::start(&[("api.example.", is(&[ADDRESS]))], Answer::NoData).await;
    let servers = "nameserver 127.0.0.9\nnameserver 127.0.0.1\n";
    // Nothing listens on the first one.
    let resolver = resolver(&folder, &good, servers, "");
    let addresses = found(&resolver, "api.example").await;
    assert_eq!(addresses, Ok(vec![ADDRESS.to_owned()]));
}

#[tokio::test]
async fn a_name_that_has_moved_is_found_at_once_whatever_its_time_to_live() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(&[("api.example.", is(&[ADDRESS]))], Answer::NoData).await;
    let resolver = resolver(&folder, &server, &conf(1), "");
    for address in [ADDRESS, "192.0.2.8", IPV6] {
        server.set("api.example.", is(&[address]));
        let addresses = found(&resolver, "api.example").await;
        assert_eq!(addresses, Ok(vec![address.to_owned()]));
    }
    server.set("api.example.", Answer::Error(ResponseCode::NXDomain));
    let addresses = found(&resolver, "api.example").await;
    assert_eq!(addresses, Err(LookupError::NotFound));
    server.set("api.example.", is(&[ADDRESS]));
    assert!(found(&resolver, "api.example").await.is_ok());
}

#[tokio::test]
async fn the_hosts_file_goes_before_dns() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(&[("*.corp.example.", is(&[ADDRESS]))], Answer::NoData).await;
    let hosts =
        "192.0.2.9 Proxy.Example other # a comment\n2001:db8::9 proxy.example\nnot an address\n";
    let resolver = resolver(&folder, &server, &conf(5), hosts);
    let addresses = found(&resolver, "proxy.example").await;
    let listed = ["192.0.2.9", "2001:db8::9"].map(str::to_owned);
    assert_eq!(addresses, Ok(listed.into()));
    assert_eq!(server.asked(), [""; 0]);
}

#[tokio::test]
async fn changed_files_are_read_again() {
    let folder = TempDir::new().unwrap();
    let zone = [("api.lab.example.", is(&[ADDRESS]))];
    let server = Server::start(&zone, Answer::NoData).await;
    let resolver = resolver(&folder, &server, &conf(1), "");
    assert!(found(&resolver, "api").await.is_err());
    let moved = "nameserver 127.0.0.1\nsearch lab.example\n";
    fs::write(folder.path().join("resolv.conf"), moved).unwrap();
    assert_eq!(found(&resolver, "api").await, Ok(vec![ADDRESS.to_owned()]));
    fs::write(folder.path().join("hosts"), "192.0.2.9 api\n").unwrap();
    let addresses = found(&resolver, "api").await;
    assert_eq!(addresses, Ok(vec!["192.0.2.9".to_owned()]));
}

#[tokio::test]
async fn a_resolv_conf_that_is_odd_or_empty_means_what_it_can() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(&[("api.example.", is(&[ADDRESS]))], Answer::NoData).await;
    for odd in [
        "",
        "# nothing\n",
        "nameserver 127.0.0.1\noptions edns0 trust-ad no-such-option ndots:x\nsearch -- .\nnonsense\n",
        "nameserver 127.0.0.1\nsearch example.org.\tlab.example\n",
    ] {
        let resolver = resolver(&folder, &server, odd, "");
        let addresses = found(&resolver, "api.example").await;
        assert_eq!(addresses, Ok(vec![ADDRESS.to_owned()]), "{odd:?}");
    }
}
