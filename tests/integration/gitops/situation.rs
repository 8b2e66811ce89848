//! One object in one situation, as the API server holds it and as the tools that must be asked at that moment see it.

use serde_json::Value;
use testbed::auditor::see;

use super::flux;
use crate::{
    fixture::Fixture,
    kstatus::Kstatus,
    run::{ended, kubectl},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Watch,
    Mirror,
}

impl Kind {
    /// As manifests name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Watch => "ClusterWatch",
            Self::Mirror => "Remediation",
        }
    }

    /// What `kubectl wait` is asked for.
    pub(super) fn main_condition(self) -> &'static str {
        match self {
            Self::Watch => "Ready",
            Self::Mirror => "Succeeded",
        }
    }
}

pub(super) struct Situation {
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    pub(super) object: Value,
    /// `None`: this control plane brings no kubectl.
    pub(super) waited: Option<bool>,
    /// `None` for a mirror: Flux applies none.
    pub(super) flux: Option<Kstatus>,
    /// What differs from run to run, and what stands for it in a file.
    pub(super) renamed: Vec<(String, &'static str)>,
}

/// Takes what `object` is now.
pub(super) async fn take(
    fixture: &Fixture,
    kind: Kind,
    name: &'static str,
    object: &str,
) -> Situation {
    let seen = see(&fixture.client, &fixture.namespace).await.unwrap();
    let seen = match kind {
        Kind::Watch => seen.watches,
        Kind::Mirror => seen.mirrors,
    };
    let found = seen
        .into_iter()
        .find(|found| found["metadata"]["name"] == object);
    let mut found = found.unwrap_or_else(|| panic!("{name}: no {object}"));
    // The items of a list have no apiVersion and kind.
    found["apiVersion"] = "compute.together.ai/v1alpha1".into();
    found["kind"] = kind.name().into();
    let flux = match kind {
        Kind::Watch => Some(flux::verdict(fixture, object).await),
        Kind::Mirror => None,
    };
    Situation {
        kind,
        name,
        waited: waited(fixture, kind, object).await,
        flux,
        object: found,
        renamed: vec![
            (fixture.namespace.clone(), "gpu-ops"),
            (fixture.simulator.url(), "https://api.together.xyz/v1"),
        ],
    }
}

/// Whether the real `kubectl wait` finds the main condition of this very generation True.
async fn waited(fixture: &Fixture, kind: Kind, object: &str) -> Option<bool> {
    let mut kubectl = kubectl(&fixture.control_plane)?;
    let asked = kubectl
        .args(["--namespace", &fixture.namespace, "wait", "--timeout=0s"])
        .arg(format!("{}/{object}", kind.name()))
        .arg(format!("--for=condition={}", kind.main_condition()));
    let (met, output) = ended(asked, "").await;
    let output = output.concat();
    assert!(
        output.contains("condition met") || output.contains("condition not met"),
        "{output}"
    );
    Some(met)
}
