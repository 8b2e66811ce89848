//! A remediation as the API returns it.

use std::marker::PhantomData;

use bytestring::ByteString;
use serde::{
    Deserialize, Deserializer,
    de::{self, IntoDeserializer, Visitor, value::BorrowedStrDeserializer},
};

use super::linked_alert::{self, LinkedAlert};

/// A text of a response: a slice of the body, which stays in memory as long as the text, or a copy. Cheap to clone.
pub type Text = ByteString;

/// One remediation: the 18 fields of the reference page and two newer ones.
///
/// Times and enum values are exactly as the API wrote them: times are RFC 3339 in the reference page's example, and
/// enums are open sets. An enum value may be a whole number, here as text, because a gateway that does not know a newer
/// value's name writes its number. Absent, null and empty are all `None`. Only the maximum size of the body bounds the
/// lengths.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(
    default,
    bound(deserialize = "T: Deserialize<'de> + Default + AsRef<str>")
)]
pub struct Remediation<T = Text> {
    /// The id; any text, never empty.
    pub id: T,
    /// The cluster it belongs to.
    #[serde(deserialize_with = "text")]
    pub cluster_id: Option<T>,
    /// The instance (node) that it is for.
    #[serde(deserialize_with = "text")]
    pub instance_id: Option<T>,
    /// The action: `REMEDIATION_MODE_…`.
    #[serde(deserialize_with = "word")]
    pub mode: Option<T>,
    /// Who started it: `REMEDIATION_TRIGGER_…`.
    #[serde(deserialize_with = "word")]
    pub trigger: Option<T>,
    /// The state, never empty; see [`state`](super::state).
    #[serde(deserialize_with = "numbers_too")]
    pub state: T,
    /// Why it was requested.
    #[serde(deserialize_with = "text")]
    pub reason: Option<T>,
    /// The active health check run that led to it.
    #[serde(deserialize_with = "text")]
    pub active_health_check_run_id: Option<T>,
    /// The passive health check event that led to it.
    #[serde(deserialize_with = "text")]
    pub passive_health_check_event_id: Option<T>,
    /// Who requested it (may be a personal name).
    #[serde(deserialize_with = "text")]
    pub requested_by: Option<T>,
    /// When it was created.
    #[serde(deserialize_with = "text")]
    pub create_time: Option<T>,
    /// Who approved or rejected it (may be a personal name).
    #[serde(deserialize_with = "text")]
    pub reviewed_by: Option<T>,
    /// When it was approved or rejected.
    #[serde(deserialize_with = "text")]
    pub review_time: Option<T>,
    /// Comment of the reviewer.
    #[serde(deserialize_with = "text")]
    pub review_comment: Option<T>,
    /// When processing began.
    #[serde(deserialize_with = "text")]
    pub start_time: Option<T>,
    /// When processing ended.
    #[serde(deserialize_with = "text")]
    pub end_time: Option<T>,
    /// Why the remediation failed.
    #[serde(deserialize_with = "text")]
    pub error_message: Option<T>,
    /// When the API last changed it.
    #[serde(deserialize_with = "text")]
    pub update_time: Option<T>,
    /// The instance's display name (newer than the reference page).
    #[serde(deserialize_with = "text")]
    pub instance_name: Option<T>,
    /// The alerts that led to it (newer than the reference page), without unreadable ones.
    #[serde(deserialize_with = "linked_alert::all_of_them")]
    pub linked_alerts: Vec<LinkedAlert>,
    /// Optional fields of the wrong type, by their names in JSON. They are absent here, or (`linked_alerts`) lack the
    /// unreadable part.
    #[serde(skip)]
    pub unreadable: Vec<&'static str>,
}

impl<T> Remediation<T> {
    /// The same with another type of text.
    pub(crate) fn map<U>(self, text: impl Fn(T) -> U) -> Remediation<U> {
        Remediation {
            id: text(self.id),
            cluster_id: self.cluster_id.map(&text),
            instance_id: self.instance_id.map(&text),
            mode: self.mode.map(&text),
            trigger: self.trigger.map(&text),
            state: text(self.state),
            reason: self.reason.map(&text),
            active_health_check_run_id: self.active_health_check_run_id.map(&text),
            passive_health_check_event_id: self.passive_health_check_event_id.map(&text),
            requested_by: self.requested_by.map(&text),
            create_time: self.create_time.map(&text),
            reviewed_by: self.reviewed_by.map(&text),
            review_time: self.review_time.map(&text),
            review_comment: self.review_comment.map(&text),
            start_time: self.start_time.map(&text),
            end_time: self.end_time.map(&text),
            error_message: self.error_message.map(&text),
            update_time: self.update_time.map(&text),
            instance_name: self.instance_name.map(&text),
            linked_alerts: self.linked_alerts,
            unreadable: self.unreadable,
        }
    }
}

/// An unreadable item of a list. Contains no value of the body except for the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Index of the item, from 0: in its page, and after a [`Listing`](crate::together::Listing) returned it, in the
    /// list.
    pub position: usize,
    /// The id, if it is readable and has at most 1,024 bytes.
    pub id: Option<String>,
    /// The unreadable field; empty for the whole item.
    pub field: String,
    /// The problem, for people.
    pub problem: &'static str,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.id {
            Some(id) => write!(f, "remediation {id:?}")?,
            None => write!(f, "the listing's item {}", self.position)?,
        }
        if self.field.is_empty() {
            write!(f, ": {}", self.problem)
        } else {
            write!(f, ": field {}: {}", self.field, self.problem)
        }
    }
}

/// An enum value; null and empty count as absent.
fn word<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default + AsRef<str>,
{
    let value: T = numbers_too(deserializer)?;
    Ok(Some(value).filter(|value| !value.as_ref().is_empty()))
}

/// A text, or a whole number as text; null is empty.
fn numbers_too<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    deserializer.deserialize_any(NumbersToo(PhantomData))
}

struct NumbersToo<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for NumbersToo<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text or a whole number")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<T, E> {
        T::deserialize(BorrowedStrDeserializer::new(text))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::deserialize(text.into_deserializer())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        T::deserialize(number.to_string().into_deserializer())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        T::deserialize(number.to_string().into_deserializer())
    }

    fn visit_unit<E: de::Error>(self) -> Result<T, E> {
        Ok(T::default())
    }
}

/// Null and empty count as absent.
fn text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + AsRef<str>,
{
    let value = Option::<T>::deserialize(deserializer)?;
    Ok(value.filter(|value| !value.as_ref().is_empty()))
}
