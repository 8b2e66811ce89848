//! No key is twice in a line of the JSON log.

use std::{collections::HashSet, fmt, fs, path::Path};

use regex::Regex;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::*;
use crate::simulation;

/// Keys that every line has by itself.
const OWN: [&str; 6] = ["timestamp", "level", "message", "target", "span", "spans"];

/// The keys of an object, in its order.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Keys;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// The first that comes twice.
fn twice<'a>(keys: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = HashSet::new();
    keys.into_iter().find(|key| !seen.insert(*key))
}

/// What the operator logs while it runs through these seeds of the simulation: failed polls, writes that fail, leaders that
/// come and go.
#[test]
fn no_line_that_is_logged_has_a_key_twice() {
    let log = KeptLog::start(LogFormat::Json, "debug");
    (0..2).for_each(simulation::play);
    let text = log.text();
    for part in ["sync failed", "\"synced\""] {
        assert!(text.contains(part), "no line has {part}");
    }
    for line in text.lines() {
        let Keys(keys) = serde_json::from_str(line).unwrap();
        assert_eq!(twice(keys.iter().map(String::as_str)), None, "{line}");
    }
}

/// The names of the fields of a call: `name = value`, `%name`, `?name` or `name`, up to its message.
fn fields(call: &str) -> Vec<String> {
    let field = Regex::new(r"^\s*(?:([\w.]+)\s*=[^=]|[%?]?([\w.]+)\s*(?:,|$))").unwrap();
    let (mut names, mut rest) = (Vec::new(), call);
    while let Some(found) = field.captures(rest) {
        let name = found.get(1).or(found.get(2)).unwrap();
        names.push(name.as_str().to_owned());
        rest = after_comma(rest);
    }
    names
}

/// What follows the first argument.
fn after_comma(call: &str) -> &str {
    let (mut depth, mut quoted) = (0_i32, false);
    for (at, char) in call.char_indices() {
        match char {
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => return &call[at + 1..],
            _ => {}
        }
        if depth < 0 {
            break;
        }
    }
    ""
}

fn sources(folder: &Path, all: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            all.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// Those that no test reaches too: their fields as they are written in the sources.
#[test]
fn no_call_of_the_log_names_a_field_twice() {
    let mut all = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    let call = Regex::new(r"tracing::(?:error|warn|info|debug|trace|\$level)!\(").unwrap();
    let (mut calls, mut named) = (0, 0);
    for source in &all {
        for found in call.find_iter(source) {
            let names = fields(&source[found.end()..]);
            (calls, named) = (calls + 1, named + names.len());
            let line = names.iter().map(String::as_str).chain(OWN);
            assert_eq!(twice(line), None, "{names:?}");
        }
    }
    assert!(calls > 20 && named > 40, "{named} fields in {calls} calls");
}

#[test]
fn the_fields_of_a_call_are_read() {
    let call = r#"lease = %self.f("a, b", [1]), %error, a.b = x, full, "said, {}", y); other(z, "#;
    assert_eq!(fields(call), ["lease", "error", "a.b", "full"]);
    assert_eq!(fields(r#""said: {found}"); x = 1, "#), [""; 0]);
}
