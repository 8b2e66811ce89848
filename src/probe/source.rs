//! What is probed, and with which API key: from the command line and the environment, or from a `ClusterWatch` and its
//! Secret.

use std::{ffi::OsString, fs, io::Read as _, path::Path, time::Duration};

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, api::ListParams};
use tokio::time::timeout;

use super::report::Failed;
use crate::{
    api::{
        Reason,
        cluster_watch::{ClusterWatch, ClusterWatchSpec},
        limits,
    },
    config::Probe,
    controller::{
        overlap::{claim, overlap_message, overlapped},
        status::reason,
    },
    k8s::{error::KubeApiError, error_text::words, kubeconfig, signature},
    mirror::labels::FlagLabels,
    network::Proxies,
    sync::{
        SyncError,
        credentials::{CredentialsError, key_of},
        target::MirrorTarget,
    },
    together::{ApiKey, KeyError},
};

/// The variable that holds the API key, as for Together's own clients.
const VARIABLE: &str = "TOGETHER_API_KEY";
/// How long the API server may take for one answer.
const KUBE_TIMEOUT: Duration = Duration::from_secs(30);
/// So much of a key file is read, in bytes: more than any key has.
const KEY_FILE: u64 = 64 * 1024;
/// What to write for a cluster.
const FROM: &str = "--from: write clusterwatch/NAME, with the name of a ClusterWatch";

/// Why the API cannot be probed: one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum NotProbed {
    /// The command line is wrong: exit 2.
    #[error("{0}")]
    Usage(String),
    /// An object cannot be read from Kubernetes, or no client can be created: exit 1.
    #[error("{0}")]
    Failed(String),
}

/// What is probed.
pub(super) struct Subject {
    pub(super) watch: ClusterWatch,
    /// The key, or why `run` would not ask.
    pub(super) key: Result<ApiKey, Failed>,
    pub(super) notes: Vec<String>,
}

/// Reads what `flags` name.
pub(super) async fn subject(
    flags: &Probe,
    variable: Option<OsString>,
    proxies: &Proxies,
) -> Result<Subject, NotProbed> {
    if let Some(from) = &flags.from {
        return of_cluster_watch(from, flags.namespace.as_deref(), proxies).await;
    }
    let cluster_id = flags.cluster_id.clone().unwrap_or_default();
    is_id("--cluster-id", &cluster_id)?;
    if let Some(instance) = &flags.instance_id {
        is_id("--instance-id", instance)?;
    }
    let spec = ClusterWatchSpec {
        cluster_id,
        instance_id: flags.instance_id.clone(),
        ..ClusterWatchSpec::default()
    };
    Ok(Subject {
        watch: ClusterWatch::new("probe", spec),
        key: own_key(flags.api_key_file.as_deref(), variable)?,
        notes: Vec::new(),
    })
}

/// What the schema of a `ClusterWatch` asks of an id. The id itself is not repeated.
fn is_id(flag: &str, id: &str) -> Result<(), NotProbed> {
    let trimmed = id.trim() == id && !id.is_empty();
    if trimmed && limits::fits(id, limits::ID) {
        return Ok(());
    }
    Err(NotProbed::Usage(format!(
        "{flag}: write the id as Together's API spells it, without white space at its ends"
    )))
}

/// The key of a file or of the environment.
fn own_key(
    file: Option<&Path>,
    variable: Option<OsString>,
) -> Result<Result<ApiKey, Failed>, NotProbed> {
    let (place, bytes) = if let Some(path) = file {
        ("--api-key-file", read(path)?)
    } else {
        let value = variable.map(OsString::into_encoded_bytes);
        let value = value.filter(|value| !value.trim_ascii().is_empty());
        let missing = format!(
            "no API key: set {VARIABLE}, name a file with --api-key-file, or name a ClusterWatch with --from"
        );
        (VARIABLE, value.ok_or(NotProbed::Usage(missing))?)
    };
    Ok(ApiKey::parse(&bytes).map_err(|error: KeyError| Failed::no_key(place, error)))
}

fn read(path: &Path) -> Result<Vec<u8>, NotProbed> {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(KEY_FILE).read_to_end(&mut bytes));
    // What the system says names no part of the file.
    let read = read.map_err(|error| {
        NotProbed::Usage(format!(
            "--api-key-file: the file cannot be read ({}). Name a file that holds the API key alone",
            error.kind()
        ))
    });
    read.map(|_| bytes)
}

async fn of_cluster_watch(
    from: &str,
    namespace: Option<&str>,
    proxies: &Proxies,
) -> Result<Subject, NotProbed> {
    let name = from.strip_prefix("clusterwatch/");
    let name = name.filter(|name| !name.is_empty() && !name.contains('/'));
    let name = name.ok_or_else(|| NotProbed::Usage(FROM.to_owned()))?;
    let not_connected = |error: String| {
        NotProbed::Failed(format!(
            "cannot connect to Kubernetes: {error}. Inside a cluster, run it with a service account; elsewhere, set KUBECONFIG"
        ))
    };
    let config = kubeconfig::infer(proxies).await;
    let mut config = config.map_err(|error| not_connected(error.to_string()))?;
    config.default_retry = false;
    let namespace = namespace.unwrap_or(&config.default_namespace).to_owned();
    let client = signature::client(config).map_err(|error| not_connected(words(&error)))?;
    let watches: Api<ClusterWatch> = Api::namespaced(client.clone(), &namespace);
    let what = format!("ClusterWatch {name} in namespace {namespace}");
    let watch = asked(&what, watches.get(name)).await?;
    let others = asked("others", watches.list(&ListParams::default())).await;
    let mut notes = Vec::new();
    if watch.spec.suspend {
        notes.push("spec.suspend is true, so that run does not sync this ClusterWatch.".to_owned());
    }
    let overlaps = if let Ok(others) = others {
        overlap(&watch, &others.items)
    } else {
        let note = "Other ClusterWatches of the namespace could not be read, so that overlaps are not checked.";
        notes.push(note.to_owned());
        None
    };
    let key = match overlaps {
        Some(overlaps) => Err(overlaps),
        None => secret_key(&client, &watch, &namespace).await?,
    };
    Ok(Subject { watch, key, notes })
}

/// Why `run` would not sync `watch` at all, if an older one covers its instances.
fn overlap(watch: &ClusterWatch, all: &[ClusterWatch]) -> Option<Failed> {
    let alive = all
        .iter()
        .filter(|other| other.metadata.deletion_timestamp.is_none());
    let claims: Vec<_> = alive.map(claim).collect();
    overlapped(&claim(watch), &claims).map(|older| Failed {
        reason: Reason::OverlappingClusterWatch.as_str(),
        message: overlap_message(older),
        stalled: true,
    })
}

/// The key of the Secret of `watch`.
async fn secret_key(
    client: &Client,
    watch: &ClusterWatch,
    namespace: &str,
) -> Result<Result<ApiKey, Failed>, NotProbed> {
    let reference = &watch.spec.api_key_secret_ref;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let what = format!("Secret {} in namespace {namespace}", reference.name);
    let secret = match asked(&what, secrets.get_opt(&reference.name)).await? {
        Some(secret) => Ok(secret),
        None => Err(KubeApiError::NotFound),
    };
    let target = MirrorTarget::of(watch, FlagLabels::default());
    let failed = |error: CredentialsError| {
        Failed::from(reason::failure(&SyncError::Credentials(error), &target))
    };
    Ok(key_of(&reference.name, secret, &reference.key).map_err(failed))
}

/// The answer of the API server. Its own words are not repeated: they name who asks.
async fn asked<T>(what: &str, call: impl Future<Output = kube::Result<T>>) -> Result<T, NotProbed> {
    let failed = |problem: String| Err(NotProbed::Failed(format!("{what}: {problem}")));
    match timeout(KUBE_TIMEOUT, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) => failed(match status.code {
            404 => "not found. Check the name and -n, and that the CRDs are installed".to_owned(),
            401 => "the API server does not accept the credentials (401). Log in again, or set KUBECONFIG".to_owned(),
            403 => "this account may not read it (403). Grant get on it, as the operator has, or use --cluster-id with TOGETHER_API_KEY".to_owned(),
            code => format!("the API server answered {code}. Try again; if this persists, check the API server"),
        }),
        Ok(Err(error)) => failed(format!("{}. Check KUBECONFIG and the API server", words(&error))),
        Err(_) => failed("the API server did not answer within 30 seconds. Check KUBECONFIG and the network".to_owned()),
    }
}
