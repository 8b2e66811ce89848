//! A control plane as plain processes on loopback: etcd, kube-apiserver, kube-controller-manager.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use kube::Client;

use super::{
    error::Error,
    kubeconfig::{self, write_private},
    pki::{self, Authority},
    programs::Programs,
    ready,
    run::Run,
};
use crate::loopback;

/// etcd's name as a program of its run.
pub(super) const ETCD: &str = "etcd";
/// The API server's.
pub(super) const API_SERVER: &str = "kube-apiserver";
/// The controller manager's.
pub(super) const CONTROLLERS: &str = "kube-controller-manager";
/// The only member of the etcd.
pub(super) const MEMBER: &str = "testbed";
/// The size that etcd may reach, in bytes: what it allows at most. By default it allows a quarter of that, which 300,000 mirrors
/// may exceed before they are compacted.
const QUOTA: u64 = 8 << 30;
/// How often another port is tried when someone else took the chosen one first.
const PORT_TRIES: u32 = 5;
/// The API server's record of what the accounts of one namespace asked.
pub(super) const AUDIT_LOG: &str = "audit.log";
/// Only those accounts, so that no other run pays for it.
const AUDIT_POLICY: &str = include_str!("../../manifests/audit-policy.yaml");
/// The API server's range of Service addresses; nothing routes them here.
const SERVICES: &str = "10.96.0.0/16";

/// The address that etcd advertises to other members and clients; there are none. Version 3.5 takes no path of a socket here.
pub(super) const NOWHERE: &str = "http://127.0.0.1:0";

/// Starts all three and waits until they serve. Returns the administrator's kubeconfig.
pub(super) async fn start(run: &mut Run, programs: &Programs) -> Result<PathBuf, Error> {
    let authority = write_keys(run.dir())?;
    run.spawn(ETCD, etcd(programs, run.dir()))?;
    let mut tries = 1;
    loop {
        let server = api_server_on(run, programs, &authority).await;
        match server {
            Err(Error::Ended { name, tail, .. })
                if tries < PORT_TRIES
                    && name == API_SERVER
                    && tail.contains("address already in use") =>
            {
                run.forget(&name);
                tries += 1;
            }
            Err(error) => return Err(error),
            Ok((client, admin)) => {
                run.spawn(CONTROLLERS, controller_manager(programs, run.dir()))?;
                ready::controllers(run, &client).await?;
                return Ok(admin);
            }
        }
    }
}

/// Starts the API server on a free port, with kubeconfigs that name it.
async fn api_server_on(
    run: &mut Run,
    programs: &Programs,
    authority: &Authority,
) -> Result<(Client, PathBuf), Error> {
    let port = loopback::free_address()
        .map_err(Error::io("bind", Path::new("127.0.0.1:0")))?
        .port();
    let server = format!("https://127.0.0.1:{port}");
    let ca = authority.certificate();
    let admin = authority.client("testbed-admin", Some("system:masters"))?;
    let admin = kubeconfig::with_certificate(&server, &ca, &admin)?;
    let path = kubeconfig::write(run.dir().join("admin.kubeconfig"), &admin)?;
    let controllers = authority.client("system:kube-controller-manager", None)?;
    let controllers = kubeconfig::with_certificate(&server, &ca, &controllers)?;
    kubeconfig::write(run.dir().join("controllers.kubeconfig"), &controllers)?;

    run.spawn(API_SERVER, api_server(programs, run.dir(), port))?;
    let client =
        Client::try_from(kubeconfig::config(admin).await?).map_err(Error::kube("make a client"))?;
    ready::api_server(run, &client).await?;
    Ok((client, path))
}

fn write_keys(dir: &Path) -> Result<Authority, Error> {
    let authority = Authority::new()?;
    let server = authority.server(&["127.0.0.1", "localhost", "kubernetes.default.svc"])?;
    let (sign, verify) = pki::token_keys()?;
    for (name, text) in [
        ("ca.crt", &authority.certificate()),
        ("server.crt", &server.certificate),
        ("server.key", &server.key),
        ("tokens.key", &sign),
        ("tokens.pub", &verify),
    ] {
        write_private(&dir.join(name), text)?;
    }
    write_private(&dir.join("audit-policy.yaml"), AUDIT_POLICY)?;
    Ok(authority)
}

fn etcd(programs: &Programs, dir: &Path) -> Command {
    let client = format!("unix://{}/etcd.sock", dir.display());
    let peer = format!("unix://{}/peer.sock", dir.display());
    let mut command = Command::new(programs.path(ETCD));
    command
        .arg(format!("--name={MEMBER}"))
        .arg(format!("--data-dir={}/etcd", dir.display()))
        .arg("--unsafe-no-fsync")
        .arg(format!("--quota-backend-bytes={QUOTA}"))
        .arg(format!("--listen-client-urls={client}"))
        .arg(format!("--advertise-client-urls={NOWHERE}"))
        .arg(format!("--listen-peer-urls={peer}"))
        .arg(format!("--initial-advertise-peer-urls={NOWHERE}"))
        .arg(format!("--initial-cluster={MEMBER}={NOWHERE}"));
    command
}

fn api_server(programs: &Programs, dir: &Path, port: u16) -> Command {
    let file = |name: &str| dir.join(name).display().to_string();
    let mut command = Command::new(programs.path(API_SERVER));
    command
        .arg(format!("--etcd-servers=unix://{}", file("etcd.sock")))
        .arg("--bind-address=127.0.0.1")
        .arg(format!("--secure-port={port}"))
        // The address of the `kubernetes` Service may not be a loopback one, and nothing here needs that Service.
        .arg("--advertise-address=127.0.0.1")
        .arg("--endpoint-reconciler-type=none")
        .arg(format!("--service-cluster-ip-range={SERVICES}"))
        .arg(format!("--tls-cert-file={}", file("server.crt")))
        .arg(format!("--tls-private-key-file={}", file("server.key")))
        .arg(format!("--client-ca-file={}", file("ca.crt")))
        .arg("--anonymous-auth=false")
        .arg("--authorization-mode=RBAC")
        .arg(format!("--audit-policy-file={}", file("audit-policy.yaml")))
        .arg(format!("--audit-log-path={}", file(AUDIT_LOG)))
        .arg("--service-account-issuer=https://kubernetes.default.svc.cluster.local")
        .arg(format!("--service-account-key-file={}", file("tokens.pub")))
        .arg(format!(
            "--service-account-signing-key-file={}",
            file("tokens.key")
        ));
    command
}

fn controller_manager(programs: &Programs, dir: &Path) -> Command {
    let file = |name: &str| dir.join(name).display().to_string();
    let mut command = Command::new(programs.path(CONTROLLERS));
    command
        .arg(format!("--kubeconfig={}", file("controllers.kubeconfig")))
        .arg("--leader-elect=false")
        .arg("--secure-port=0")
        .arg("--use-service-account-credentials=true")
        .arg(format!("--root-ca-file={}", file("ca.crt")))
        .arg(format!(
            "--service-account-private-key-file={}",
            file("tokens.key")
        ))
        // The default of 20 requests a second makes the end of a namespace, and garbage collection, slow to watch.
        .arg("--kube-api-qps=300")
        .arg("--kube-api-burst=600");
    command
}
