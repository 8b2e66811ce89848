//! Parses the body of a response into remediations, one by one, so that a bad item does not affect the others.

mod fields;
mod item;

use std::borrow::Cow;

use hyper::body::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{error::Category, value::RawValue};
use serde_path_to_error::{Path, Segment};

pub use fields::Fields;

use crate::together::{
    error::{DecodeError, Error},
    wire::{
        page::Page,
        remediation::{Malformed, Remediation, Text},
    },
};

/// The place of an error without a field.
const BODY: &str = "the body";

/// The response to a list. The reference page requires `remediations` and `has_next`: without them a response proves
/// nothing.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Envelope<T> {
    #[serde(default, deserialize_with = "null_as_empty")]
    remediations: Option<Vec<T>>,
    has_next: Option<bool>,
    next_page_token: Option<String>,
}

impl<T> Envelope<T> {
    fn page(
        self,
        item: impl Fn((usize, T)) -> Result<Remediation, Malformed>,
    ) -> Result<Page, Error> {
        let remediations = self.remediations.ok_or_else(|| absent("remediations"))?;
        let items = remediations.into_iter().enumerate();
        Ok(Page {
            items: items.map(item).collect(),
            has_next: self.has_next.ok_or_else(|| absent("has_next"))?,
            next_page_token: self.next_page_token.filter(|token| !token.is_empty()),
        })
    }
}

/// A text inside the body, copied only if it has escapes.
#[derive(Default, Deserialize)]
#[serde(transparent)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

impl AsRef<str> for Borrowed<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrowed<'_> {
    /// The same with the `body` that it was parsed from.
    fn of(self, body: &Text) -> Text {
        match self.0 {
            Cow::Borrowed(text) => body.slice_ref(text),
            Cow::Owned(text) => text.into(),
        }
    }
}

/// A well-formed remediation: an object with an id and a state.
struct Whole<'a>(Remediation<Borrowed<'a>>);

impl<'de> Deserialize<'de> for Whole<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectOnly)
    }
}

/// serde would also accept a JSON list as a struct.
struct ObjectOnly;

impl<'de> Visitor<'de> for ObjectOnly {
    type Value = Whole<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a remediation")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Whole<'de>, A::Error> {
        let read: Remediation<Borrowed> =
            Remediation::deserialize(MapAccessDeserializer::new(map))?;
        if read.id.0.is_empty() || read.state.0.is_empty() {
            return Err(A::Error::custom("no id or no state"));
        }
        Ok(Whole(read))
    }
}

/// Parses one page of a list. Every item of the body is in the page, readable or not.
///
/// # Errors
/// [`Error::InvalidResponse`] if the body as a whole is not a page.
pub fn decode_page(body: &Bytes) -> Result<Page, Error> {
    // Nearly every body is well-formed, so one pass is enough.
    if is_object(body)
        && let Ok(text) = Text::try_from(body.clone())
        && let Ok(envelope) = serde_json::from_str::<Envelope<Whole>>(&text)
    {
        return envelope.page(|(_, Whole(item))| Ok(item.map(|part| part.of(&text))));
    }
    one_by_one(&in_utf8(body))
}

/// The body with U+FFFD in place of what is not UTF-8: a broken character costs neither its text nor other items.
fn in_utf8(body: &[u8]) -> Cow<'_, [u8]> {
    match String::from_utf8_lossy(body) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// The same for any page, but slower.
fn one_by_one(body: &[u8]) -> Result<Page, Error> {
    parse::<Envelope<&RawValue>>(body)?.page(|(position, raw)| item::read(raw, position))
}

/// Parses the response to a request by id.
///
/// # Errors
/// [`Error::InvalidResponse`] if the body is not a remediation.
pub fn decode_one(body: &[u8]) -> Result<Remediation, Error> {
    let body = in_utf8(body);
    let raw: &RawValue = parse(&body)?;
    item::read(raw, 0).map_err(|malformed| {
        let field = match malformed.field {
            field if field.is_empty() => BODY.to_owned(),
            field => field,
        };
        Error::InvalidResponse(DecodeError::Field {
            field,
            problem: malformed.problem,
        })
    })
}

fn absent(field: &str) -> Error {
    Error::InvalidResponse(DecodeError::Field {
        field: field.to_owned(),
        problem: "absent",
    })
}

/// Parses a whole body as one JSON object.
fn parse<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Error> {
    let value = serde_json::from_slice(body).or_else(|_| parse_with_path(body))?;
    // serde would also accept a JSON list as a struct, field by field.
    if is_object(body) {
        Ok(value)
    } else {
        let field = BODY.to_owned();
        Err(Error::InvalidResponse(DecodeError::Field {
            field,
            problem: "no JSON object",
        }))
    }
}

fn is_object(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"{")
}

/// The same, slower, with the place of an error.
fn parse_with_path<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Error> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| flaw(field(error.path()), error.inner()))?;
    json.end().map_err(|error| flaw(String::new(), &error))?;
    Ok(value)
}

/// Converts an error without its message, which may contain values of the body.
fn flaw(path: String, error: &serde_json::Error) -> Error {
    let (line, column) = (error.line(), error.column());
    Error::InvalidResponse(match error.classify() {
        Category::Eof => DecodeError::CutOff { line, column },
        Category::Data => DecodeError::Shape {
            path: or_body(path),
            line,
            column,
        },
        Category::Syntax | Category::Io => DecodeError::NotJson { line, column },
    })
}

fn or_body(path: String) -> String {
    if path.is_empty() {
        BODY.to_owned()
    } else {
        path
    }
}

/// The path of an error; empty for the whole body, or if a field's name is unreadable. It contains only names of our
/// own fields, because others are skipped unread. Errors inside skipped values have a line and a column.
fn field(path: &Path) -> String {
    let unknown = |segment: &Segment| matches!(segment, Segment::Unknown);
    if path.iter().next().is_none() || path.iter().any(unknown) {
        return String::new();
    }
    path.to_string()
}

/// A required list that may be null, as some servers write an empty one.
fn null_as_empty<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    let list = Option::<Vec<T>>::deserialize(deserializer)?;
    Ok(Some(list.unwrap_or_default()))
}

#[cfg(test)]
mod tests;
