//! Schemas of what both kinds share.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::limits;

/// The schema of an enum whose values are all named, though this program reads others too: a newer one may have written them.
pub(super) fn closed(schema: &mut Schema) {
    if let Some(values) = schema.remove("anyOf") {
        schema.insert("oneOf".to_owned(), values);
    }
}

/// Kubernetes conditions, one of each type, every text bounded.
pub(super) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "What holds for this object now, one entry for each type.",
        "type": "array",
        "maxItems": limits::CONDITIONS,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "description": "One aspect of the object's state.",
            "type": "object",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "type": {
                    "description": "What the condition is about, for instance Ready.",
                    "type": "string",
                    "maxLength": limits::CONDITION_TYPE,
                },
                "status": {
                    "description": "Whether it holds: True, False or Unknown.",
                    "type": "string",
                    "enum": ["True", "False", "Unknown"],
                },
                "reason": {
                    "description": "Why, in one word for programs.",
                    "type": "string",
                    "maxLength": limits::CONDITION_REASON,
                },
                "message": {
                    "description": "Why, in words for people, and what to do. May be empty.",
                    "type": "string",
                    "maxLength": limits::CONDITION_MESSAGE,
                },
                "lastTransitionTime": {
                    "description": "When status last changed (RFC 3339). 1970-01-01T00:00:00Z: no operator has looked yet.",
                    "type": "string",
                    "format": "date-time",
                    "maxLength": limits::TIME,
                },
                "observedGeneration": {
                    "description": "The metadata.generation that the condition was found at.",
                    "type": "integer",
                    "format": "int64",
                },
            },
        },
    })
}
