//! Compares the CRDs installed in a cluster with those of this version.
//!
//! The API server silently drops fields that an older CRD does not know, so mirrors would lose data.

use std::{collections::BTreeMap, fmt, sync::LazyLock};

use serde::Deserialize;

use super::{GROUP, crds};

/// How many missing fields a message names; the rest are counted.
const NAMED: usize = 3;
/// How to install or upgrade the CRDs.
const INSTALL: &str = "Run `kubectl apply -f crds/` or `helm upgrade`";

/// The parts that are read of the `OpenAPI` document that a cluster publishes for the group.
#[derive(Debug, Default, Deserialize)]
pub struct Published {
    #[serde(default)]
    components: Components,
}

#[derive(Debug, Default, Deserialize)]
struct Components {
    #[serde(default)]
    schemas: BTreeMap<String, Schema>,
}

#[derive(Debug, Deserialize)]
struct Schema {
    #[serde(default, rename = "x-kubernetes-group-version-kind")]
    kinds: Vec<GroupKind>,
    #[serde(flatten)]
    fields: Fields,
}

#[derive(Debug, Deserialize)]
struct GroupKind {
    group: String,
    kind: String,
}

/// The fields of a schema.
#[derive(Debug, Default, Deserialize)]
struct Fields {
    #[serde(default)]
    properties: BTreeMap<String, Fields>,
    items: Option<Box<Fields>>,
}

/// How the installed CRDs compare with those of this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Installed {
    /// They have every field. Newer CRDs may have more.
    Fit,
    /// The CRDs of these kinds are not installed.
    Missing(Vec<String>),
    /// They lack these fields, listed with their kind.
    Older(Vec<String>),
}

impl Installed {
    /// Compares what a cluster publishes with the CRDs of this version.
    #[must_use]
    pub fn of(published: &Published) -> Self {
        let (mut kinds, mut fields) = (Vec::new(), Vec::new());
        for (kind, ours) in &*OWN {
            let theirs = published.components.schemas.values().find(|schema| {
                schema
                    .kinds
                    .iter()
                    .any(|of| of.group == GROUP && of.kind == *kind)
            });
            match theirs {
                None => kinds.push(kind.clone()),
                // The API server defines the metadata.
                Some(theirs) => {
                    for part in ["spec", "status"] {
                        lacking(
                            ours.properties.get(part),
                            theirs.fields.properties.get(part),
                            &format!("{kind} {part}"),
                            &mut fields,
                        );
                    }
                }
            }
        }
        if !kinds.is_empty() {
            Self::Missing(kinds)
        } else if !fields.is_empty() {
            Self::Older(fields)
        } else {
            Self::Fit
        }
    }
}

impl fmt::Display for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fit => write!(f, "the installed CRDs match this version"),
            Self::Missing(kinds) => {
                write!(f, "CRDs not installed: {}. {INSTALL}", kinds.join(" and "))
            }
            Self::Older(fields) => {
                let named = fields[..fields.len().min(NAMED)].join(", ");
                let more = match fields.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                write!(
                    f,
                    "the installed CRDs are older than the operator and lack {named}{more}. Nothing is mirrored until they are upgraded. {INSTALL}"
                )
            }
        }
    }
}

/// Both kinds with their fields, as this version defines them. The check is frequent, and to generate them takes long.
static OWN: LazyLock<Vec<(String, Fields)>> = LazyLock::new(|| {
    let fields = crds().into_iter().filter_map(|crd| {
        let schema = crd.spec.versions.into_iter().next()?.schema?;
        let schema = serde_json::to_value(schema.open_api_v3_schema?).ok()?;
        Some((crd.spec.names.kind, serde_json::from_value(schema).ok()?))
    });
    fields.collect()
});

/// Adds the fields of `ours` that `theirs` lacks to `found`. If a whole object is missing, its fields are not listed.
fn lacking(ours: Option<&Fields>, theirs: Option<&Fields>, path: &str, found: &mut Vec<String>) {
    let Some(ours) = ours else { return };
    let Some(theirs) = theirs else {
        found.push(path.to_owned());
        return;
    };
    for (name, field) in &ours.properties {
        let path = format!("{path}.{name}");
        lacking(Some(field), theirs.properties.get(name), &path, found);
    }
    lacking(ours.items.as_deref(), theirs.items.as_deref(), path, found);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
