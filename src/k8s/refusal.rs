//! What an error of the API server means for a write, and its text for people: pure.

use kube::core::response::{Status, StatusCause, reason};

use crate::{
    api::limits::bounded,
    k8s::{error::KubeApiError, error_text},
};

/// The resources that the operator writes. A conflict about another one, such as a `ResourceQuota`, is internal to the
/// API server.
const OURS: [&str; 4] = ["remediations", "clusterwatches", "leases", "events"];
/// Maximum length of the API server's message.
const WORDS: u32 = 512;
/// How many fields of an invalid object are named.
const FIELDS: usize = 5;
/// What precedes the quoted value in a validation error.
const QUOTING: [&str; 4] = [
    "Invalid value",
    "Unsupported value",
    "Duplicate value",
    "Not found",
];
/// A rejection by admission that ends soon: a new quota is not counted yet, or a plugin is not started.
const FOR_NOW: [&str; 2] = [
    "status unknown for quota",
    "not yet ready to handle request",
];
/// How the API server words the response of an admission webhook, which may have any status.
const DENIED: &str = "denied the request";

/// The kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Creating an object.
    Creation,
    /// Any other request.
    Other,
}

impl From<kube::Error> for KubeApiError {
    fn from(error: kube::Error) -> Self {
        Self::of(error, Asked::Other)
    }
}

impl KubeApiError {
    /// The meaning of `error` for an object to be created.
    #[must_use]
    pub fn of_creation(error: kube::Error) -> Self {
        Self::of(error, Asked::Creation)
    }

    fn of(error: kube::Error, asked: Asked) -> Self {
        match error {
            kube::Error::Api(status) => meaning(&status, asked),
            error => Self::Unavailable(error_text::words(&error)),
        }
    }
}

/// What `status` means for the request `asked`. A 409 is a conflict only if its reason says so: the API server also
/// returns 409 if it cannot update a `ResourceQuota`, before it looked at the object.
fn meaning(status: &Status, asked: Asked) -> KubeApiError {
    match status.code {
        404 => KubeApiError::NotFound,
        409 if is_conflict(status, asked) => KubeApiError::Conflict,
        409 => KubeApiError::Contended(words(status)),
        429 => KubeApiError::Busy(words(status)),
        403 if FOR_NOW.iter().any(|text| status.message.contains(text)) => {
            KubeApiError::Contended(words(status))
        }
        400..=499 => KubeApiError::Refused(words(status)),
        _ => KubeApiError::Unavailable(words(status)),
    }
}

fn is_conflict(status: &Status, asked: Asked) -> bool {
    let kind = status.details.as_ref().map(|details| &*details.kind);
    let ours = kind.is_none_or(|kind| kind.is_empty() || OURS.contains(&kind));
    let wanted = match asked {
        Asked::Creation => status.reason == reason::ALREADY_EXISTS,
        Asked::Other => status.reason != reason::ALREADY_EXISTS,
    };
    ours && wanted && !status.message.contains(DENIED)
}

/// The API server's message on one line, truncated, without the values of the object that it quotes.
fn words(status: &Status) -> String {
    let details = status.details.as_ref();
    let causes = details.map_or(&[][..], |details| &details.causes);
    let fields: Vec<_> = causes
        .iter()
        .filter(|cause| !cause.field.is_empty())
        .take(FIELDS)
        .map(|cause| format!("{}: {}", cause.field, without_value(cause)))
        .collect();
    let text = if fields.is_empty() {
        status.message.clone()
    } else {
        format!("{}: {}", status.reason, fields.join(", "))
    };
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    bounded(Some(&line), WORDS).unwrap_or_default()
}

/// What is wrong with a field. The value is dropped, because a person may have written it.
fn without_value(cause: &StatusCause) -> String {
    let message = &*cause.message;
    let quoting = QUOTING.iter().find_map(|what| {
        let value = message.strip_prefix(what)?.strip_prefix(": ")?;
        Some((*what, value))
    });
    let Some((what, value)) = quoting else {
        return message.to_owned();
    };
    let rest = after_quoted(value).filter(|rest| rest.is_empty() || rest.starts_with(": "));
    format!("{what}{}", rest.unwrap_or_default())
}

/// The text after a quoted Go string; `None` if it is another value, whose end is unknown.
fn after_quoted(value: &str) -> Option<&str> {
    let text = value.strip_prefix('"')?;
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    text.get(end + 1..)
}

#[cfg(test)]
mod tests {
    use kube::core::response::StatusDetails;

    use super::*;

    /// As kube-apiserver 1.37 answers.
    const QUOTA: &str = "Operation cannot be fulfilled on resourcequotas \"few\": the object has been modified; please apply your changes to the latest version and try again";

    fn status(code: u16, reason: &str, message: &str, kind: &str) -> Status {
        let details = StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: kind.to_owned(),
            uid: String::new(),
            causes: Vec::new(),
            retry_after_seconds: 0,
        };
        Status::failure(message, reason)
            .with_code(code)
            .with_details(details)
    }

    fn contended(message: &str) -> KubeApiError {
        KubeApiError::Contended(message.into())
    }

    #[test]
    fn only_what_exists_already_is_a_conflict_of_a_creation() {
        let mirrors = "remediations";
        for (reason, kind, message, expected) in [
            ("AlreadyExists", mirrors, "exists", KubeApiError::Conflict),
            ("AlreadyExists", "", "exists", KubeApiError::Conflict),
            ("Conflict", "resourcequotas", QUOTA, contended(QUOTA)),
            ("Conflict", mirrors, "x", contended("x")),
            ("Conflict", "", "x", contended("x")),
            ("", "", "x", contended("x")),
        ] {
            let status = status(409, reason, message, kind);
            assert_eq!(meaning(&status, Asked::Creation), expected, "{status:?}");
        }
    }

    #[test]
    fn a_change_conflicts_with_other_changes_of_the_same_object_alone() {
        let denied = "admission webhook \"w\" denied the request: later";
        for (kind, message, conflicts) in [
            ("remediations", "modified", true),
            ("clusterwatches", "modified", true),
            ("leases", "modified", true),
            ("", "modified", true),
            ("resourcequotas", QUOTA, false),
            ("", denied, false),
        ] {
            let status = status(409, "Conflict", message, kind);
            let expected = if conflicts {
                KubeApiError::Conflict
            } else {
                contended(message)
            };
            assert_eq!(meaning(&status, Asked::Other), expected, "{status:?}");
        }
    }

    #[test]
    fn temporary_refusals_are_distinguished_from_final_ones() {
        let exceeded = "remediations \"a\" is forbidden: exceeded quota: few, requested: 1, used: 5, limited: 5";
        let unknown = "remediations \"a\" is forbidden: status unknown for quota: few, resources: count/remediations";
        let starting = "remediations \"a\" is forbidden: not yet ready to handle request";
        let of = |code, message: &str| meaning(&status(code, "", message, ""), Asked::Creation);
        let words = |message: &str| message.to_owned();
        assert_eq!(of(403, exceeded), KubeApiError::Refused(words(exceeded)));
        assert_eq!(of(403, unknown), KubeApiError::Contended(words(unknown)));
        assert_eq!(of(403, starting), KubeApiError::Contended(words(starting)));
        assert_eq!(of(404, "gone"), KubeApiError::NotFound);
        assert_eq!(of(422, "invalid"), KubeApiError::Refused(words("invalid")));
        assert_eq!(of(429, "later"), KubeApiError::Busy(words("later")));
        assert_eq!(of(503, "down"), KubeApiError::Unavailable(words("down")));
    }

    #[test]
    fn the_servers_words_are_bounded_and_stay_on_one_line() {
        let long = format!("a\nb{}", "c".repeat(10_000));
        let KubeApiError::Refused(words) = meaning(&status(403, "", &long, ""), Asked::Other)
        else {
            unreachable!("it is refused")
        };
        assert_eq!(words.chars().count(), WORDS as usize);
        assert!(words.starts_with("a bc") && words.ends_with('…'), "{words}");
    }

    #[test]
    fn values_that_the_server_quotes_are_left_out() {
        for (message, expected) in [
            (
                "Invalid value: \"se\\\"cret: x\": too odd",
                "Invalid value: too odd",
            ),
            (
                "Unsupported value: \"secret\": supported values: \"a\"",
                "Unsupported value: supported values: \"a\"",
            ),
            (
                "Invalid value: map[string]interface {}{\"a\":\"secret: x\"}: bad",
                "Invalid value",
            ),
            ("Invalid value: \"secret", "Invalid value"),
            ("Invalid value: \"a\"secret", "Invalid value"),
            ("Duplicate value: \"secret\"", "Duplicate value"),
            ("Required value", "Required value"),
            (
                "Too long: may not be more than 63 bytes",
                "Too long: may not be more than 63 bytes",
            ),
        ] {
            let mut status = status(422, "Invalid", "it says \"secret\"", "Remediation");
            if let Some(details) = &mut status.details {
                details.causes = vec![StatusCause {
                    reason: "FieldValueInvalid".to_owned(),
                    message: message.to_owned(),
                    field: "status.reason".to_owned(),
                }];
            }
            let expected = format!("Invalid: status.reason: {expected}");
            let meant = meaning(&status, Asked::Other);
            assert_eq!(meant, KubeApiError::Refused(expected));
        }
    }
}
