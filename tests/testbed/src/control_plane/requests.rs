//! What the API server was asked, from its own counters.

use std::{collections::BTreeMap, str::FromStr as _};

use super::error::Error;

const METRIC: &str = "apiserver_request_total{";

/// One kind of request, as the labels of the API server's `apiserver_request_total` distinguish them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct RequestKind {
    /// `GET`, `LIST`, `WATCH`, `POST`, `PUT`, `PATCH`, `APPLY`, `DELETE`, ...
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural, such as `remediations`.
    pub resource: String,
    /// Such as `status`; empty for the object itself.
    pub subresource: String,
    /// The HTTP status of the answer.
    pub code: u16,
}

/// A reading of the API server's request counters. A watch counts when it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts(BTreeMap<RequestKind, u64>);

impl RequestCounts {
    /// What was asked since an earlier reading. Kinds that did not change are left out.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self(
            self.0
                .iter()
                .map(|(kind, count)| {
                    let before = earlier.0.get(kind).copied().unwrap_or(0);
                    (kind.clone(), count.saturating_sub(before))
                })
                .filter(|(_, count)| *count > 0)
                .collect(),
        )
    }

    /// How many requests were of the kinds that `predicate` picks.
    pub fn count(&self, predicate: impl Fn(&RequestKind) -> bool) -> u64 {
        self.iter()
            .filter(|(kind, _)| predicate(kind))
            .map(|(_, count)| count)
            .sum()
    }

    /// Every kind with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&RequestKind, u64)> {
        self.0.iter().map(|(kind, count)| (kind, *count))
    }

    /// Reads the Prometheus text of the API server's `/metrics`.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let mut counts = BTreeMap::new();
        for line in text.lines().filter_map(|line| line.strip_prefix(METRIC)) {
            let (kind, count) = parse_line(line)
                .ok_or_else(|| Error::unreadable("the API server's metrics")(line))?;
            // Lines that differ in other labels (version, scope, dry run) fall together.
            *counts.entry(kind).or_insert(0) += count;
        }
        Ok(Self(counts))
    }
}

/// `name="value",...} count`; none of these labels' values holds a quote.
fn parse_line(line: &str) -> Option<(RequestKind, u64)> {
    let (labels, count) = line.split_once("\"} ")?;
    let mut kind = RequestKind::default();
    for label in labels.split("\",") {
        let (name, value) = label.split_once("=\"")?;
        match name {
            "verb" => value.clone_into(&mut kind.verb),
            "group" => value.clone_into(&mut kind.group),
            "resource" => value.clone_into(&mut kind.resource),
            "subresource" => value.clone_into(&mut kind.subresource),
            "code" => kind.code = u16::from_str(value).ok()?,
            _ => {}
        }
    }
    Some((kind, parse_count(count.trim())?))
}

/// A counter's value: Prometheus writes large ones as `1.234567e+06`.
fn parse_count(text: &str) -> Option<u64> {
    if let Ok(count) = text.parse() {
        return Some(count);
    }
    let value: f64 = text.parse().ok()?;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a counter is a whole number of at least 0"
    )]
    (value.is_finite() && value >= 0.0).then_some(value as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn line(verb: &str, resource: &str, version: &str, count: &str) -> String {
        format!(
            "apiserver_request_total{{code=\"201\",component=\"apiserver\",dry_run=\"\",group=\"g\",\
             resource=\"{resource}\",scope=\"resource\",subresource=\"status\",verb=\"{verb}\",version=\"{version}\"}} {count}\n"
        )
    }

    #[test]
    fn lines_are_read_added_up_and_others_left_alone() {
        let text = line("POST", "a", "v1", "2")
            + &line("POST", "a", "v2", "3")
            + "# HELP apiserver_request_total x\napiserver_request_terminations_total{code=\"429\"} 1\n"
            + &line("PATCH", "a", "v1", "1.5e+06");
        let counts = RequestCounts::parse(&text).unwrap();
        assert_eq!(counts.count(|kind| kind.verb == "POST"), 5);
        assert_eq!(counts.count(|kind| kind.verb == "PATCH"), 1_500_000);
        assert_eq!(counts.iter().count(), 2);
        let (kind, _) = counts.iter().next().unwrap();
        let expected = RequestKind {
            verb: "PATCH".into(),
            group: "g".into(),
            resource: "a".into(),
            subresource: "status".into(),
            code: 201,
        };
        assert_eq!(kind, &expected);
    }

    #[test]
    fn the_difference_of_two_readings_leaves_out_what_stood_still() {
        let before =
            RequestCounts::parse(&(line("GET", "a", "", "7") + &line("GET", "b", "", "1")));
        let after = RequestCounts::parse(
            &(line("GET", "a", "", "7") + &line("GET", "b", "", "4") + &line("GET", "c", "", "2")),
        );
        let since = after.unwrap().since(&before.unwrap());
        assert_eq!(since.count(|kind| kind.resource == "b"), 3);
        assert_eq!(since.count(|kind| kind.resource == "c"), 2);
        assert_eq!(since.iter().count(), 2);
    }

    #[test]
    fn an_unreadable_line_is_an_error() {
        assert!(RequestCounts::parse("apiserver_request_total{code=\"x\"} 1").is_err());
        assert!(RequestCounts::parse("apiserver_request_total{code=\"200\"} many").is_err());
    }
}
