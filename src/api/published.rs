//! What the definitions that a cluster has installed lack of this program's own: pure.
//!
//! A definition older than the program drops the fields that it does not know, without a word.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;

use super::{GROUP, crds};

/// Missing fields that a message names; further ones are counted.
const NAMED: usize = 3;
/// How to install the definitions, or newer ones.
const INSTALL: &str = "run `kubectl apply -f crds/` or `helm upgrade`";

/// The `OpenAPI` document that a cluster publishes of the group, as far as it is looked at.
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

/// How the installed definitions stand to the program's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Installed {
    /// They have every field. Newer ones may have more.
    Fit,
    /// Definitions of these kinds are not there.
    Missing(Vec<String>),
    /// They lack these fields, each with its kind.
    Older(Vec<String>),
}

impl Installed {
    /// Compares what a cluster publishes with this program's own definitions.
    #[must_use]
    pub fn of(published: &Published) -> Self {
        let (mut kinds, mut fields) = (Vec::new(), Vec::new());
        for (kind, ours) in own() {
            let theirs = published.components.schemas.values().find(|schema| {
                schema
                    .kinds
                    .iter()
                    .any(|of| of.group == GROUP && of.kind == kind)
            });
            match theirs {
                None => kinds.push(kind),
                // The metadata is the API server's own business.
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
            Self::Fit => write!(f, "the installed definitions fit this program"),
            Self::Missing(kinds) => write!(f, "not installed: {}; {INSTALL}", kinds.join(" and ")),
            Self::Older(fields) => {
                let named = fields[..fields.len().min(NAMED)].join(", ");
                let more = match fields.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                write!(
                    f,
                    "the installed definitions are older than this program and lack {named}{more}; nothing is mirrored until they are replaced: {INSTALL}"
                )
            }
        }
    }
}

/// Both kinds with their fields, as this program defines them.
fn own() -> impl Iterator<Item = (String, Fields)> {
    crds().into_iter().filter_map(|crd| {
        let schema = crd.spec.versions.into_iter().next()?.schema?;
        let schema = serde_json::to_value(schema.open_api_v3_schema?).ok()?;
        Some((crd.spec.names.kind, serde_json::from_value(schema).ok()?))
    })
}

/// Adds the fields of `ours` that `theirs` lacks to `found`; of a field that is missing whole, only that one.
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
