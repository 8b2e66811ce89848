//! Which names the fields of an answer have: those that are not read, and how they are spelled. Values are not looked at.

use std::collections::BTreeSet;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, Visitor, value::Error},
    forward_to_deserialize_any,
};
use serde_json::{Map, Value};

use super::Envelope;
use crate::together::wire::remediation::Remediation;

/// Most names that are kept.
const MOST: usize = 200;

/// The fields of a linked alert that are known: those that are read, and those that are left out on purpose.
const OF_ALERT: [&str; 11] = [
    "passive_health_check_alert_id",
    "alert_name",
    "cluster_id",
    "severity",
    "started_at",
    "resolved_at",
    "target_vm",
    "instance_id",
    "node_remediation_intent_id",
    "annotations",
    "annotation",
];

/// What was seen of the names of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Names that are not read, as the API wrote them, each with where it stands: empty for the answer itself, else
    /// `remediations[].` or `remediations[].linked_alerts[].`.
    pub unknown: BTreeSet<(&'static str, String)>,
    /// A known field is spelled with underscores, as in the reference page.
    pub snake_case: bool,
    /// A known field is spelled in camelCase, which is not read.
    pub camel_case: bool,
}

impl Fields {
    /// Takes in the body of one page. What is no page adds nothing.
    pub fn note(&mut self, body: &[u8]) {
        let Ok(Value::Object(page)) = serde_json::from_slice(body) else {
            return;
        };
        let of_remediation = names_of::<Remediation<String>>();
        self.object("", &page, names_of::<Envelope<IgnoredAny>>());
        for item in objects(page.get("remediations")) {
            self.object("remediations[].", item, of_remediation);
            for alert in objects(item.get("linked_alerts")) {
                self.object("remediations[].linked_alerts[].", alert, &OF_ALERT);
            }
        }
    }

    fn object(&mut self, place: &'static str, fields: &Map<String, Value>, known: &[&str]) {
        for name in fields.keys() {
            if known.contains(&&**name) {
                self.snake_case |= name.contains('_');
                continue;
            }
            self.camel_case |= known
                .iter()
                .any(|known| known.contains('_') && camel_case(known) == *name);
            if self.unknown.len() < MOST {
                self.unknown.insert((place, name.clone()));
            }
        }
    }
}

fn objects(list: Option<&Value>) -> impl Iterator<Item = &Map<String, Value>> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_object)
}

/// `create_time` as `createTime`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        name + &initial.to_ascii_uppercase() + rest
    })
}

/// The names that `T` reads. They are asked of its own reading, so that there is no second list of them.
fn names_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // It always fails: there is nothing to read.
    drop(T::deserialize(Names(&mut names)));
    names
}

struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("no struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(Error::custom("the names are known now"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn noted(page: &Value) -> Fields {
        let mut fields = Fields::default();
        fields.note(page.to_string().as_bytes());
        fields
    }

    #[test]
    fn every_field_that_is_read_is_known() {
        let names = names_of::<Remediation<String>>();
        assert_eq!(names.len(), 20, "{names:?}");
        let mut item = Map::new();
        item.extend(names.iter().map(|name| ((*name).to_owned(), json!("x"))));
        let mut alert = Map::new();
        alert.extend(OF_ALERT.map(|name| (name.to_owned(), json!("x"))));
        item["linked_alerts"] = json!([alert]);
        let page = json!({"remediations": [item], "has_next": true, "next_page_token": "t"});
        let fields = noted(&page);
        assert_eq!(fields.unknown, BTreeSet::new());
        assert!(fields.snake_case && !fields.camel_case);
    }

    #[test]
    fn a_field_that_is_not_read_is_named_with_its_place() {
        let page = json!({
            "remediations": [{"id": "r", "rack": "7", "linked_alerts": [{"alert_name": "a", "runbook": "b"}]}],
            "has_next": false,
            "total_size": 1,
        });
        let expected = [
            ("", "total_size"),
            ("remediations[].", "rack"),
            ("remediations[].linked_alerts[].", "runbook"),
        ];
        let expected = expected.map(|(place, name)| (place, name.to_owned()));
        assert_eq!(noted(&page).unknown, BTreeSet::from(expected));
    }

    #[test]
    fn camel_case_is_distinguished_from_snake_case() {
        let camel =
            noted(&json!({"remediations": [{"id": "r", "createTime": "t"}], "hasNext": false}));
        assert!(camel.camel_case && !camel.snake_case, "{camel:?}");
        let mixed =
            noted(&json!({"remediations": [{"id": "r", "createTime": "t"}], "has_next": false}));
        assert!(mixed.camel_case && mixed.snake_case, "{mixed:?}");
    }

    #[test]
    fn what_is_no_page_adds_nothing_and_names_are_bounded() {
        let mut fields = Fields::default();
        for body in ["", "[]", "<html>", "7", "{\"remediations\": 7}"] {
            fields.note(body.as_bytes());
        }
        assert_eq!(fields, Fields::default());
        let page: Map<_, _> = (0..2 * MOST).map(|n| (format!("f{n}"), json!(n))).collect();
        assert_eq!(noted(&Value::Object(page)).unknown.len(), MOST);
    }
}
