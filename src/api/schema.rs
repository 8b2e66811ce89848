//! Schemas that both kinds share.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::limits;

/// Makes the schema of an enum list its values only, although the program accepts others, which a newer version may
/// have written.
pub(super) fn closed(schema: &mut Schema) {
    if let Some(values) = schema.remove("anyOf") {
        schema.insert("oneOf".to_owned(), values);
    }
}

/// Kubernetes conditions, one of each type, every text bounded.
pub(super) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "Conditions of this object, one for each type.",
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
                    "description": "Type of the condition, for example Ready.",
                    "type": "string",
                    "maxLength": limits::CONDITION_TYPE,
                },
                "status": {
                    "description": "Status of the condition: True, False or Unknown.",
                    "type": "string",
                    "enum": ["True", "False", "Unknown"],
                },
                "reason": {
                    "description": "Reason for the status, in one CamelCase word.",
                    "type": "string",
                    "maxLength": limits::CONDITION_REASON,
                },
                "message": {
                    "description": "Human-readable message: what happened and what to do. May be empty.",
                    "type": "string",
                    "maxLength": limits::CONDITION_MESSAGE,
                },
                "lastTransitionTime": {
                    "description": "Time of the last change of status (RFC 3339). 1970-01-01T00:00:00Z means not yet processed by an operator.",
                    "type": "string",
                    "format": "date-time",
                    "maxLength": limits::TIME,
                },
                "observedGeneration": {
                    "description": "The metadata.generation that the condition was computed for.",
                    "type": "integer",
                    "format": "int64",
                },
            },
        },
    })
}
