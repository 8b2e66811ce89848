//! Which remediations a page holds, and the token that leads to the next one. Pure.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::Bound;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cluster::Cluster;
use super::remediation::Remediation;

/// `orderBy`: the field and the direction; newest first by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) by_update: bool,
    pub(super) descending: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            by_update: false,
            descending: true,
        }
    }
}

impl Order {
    /// `create_time` or `update_time`, then `asc` (as left out) or `desc`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let by_update = match words.next()? {
            "create_time" => false,
            "update_time" => true,
            _ => return None,
        };
        let descending = match words.next() {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return None,
        };
        words.next().is_none().then_some(Self {
            by_update,
            descending,
        })
    }
}

/// A remediation's place in an order; one without a readable time comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Place {
    time: Option<Timestamp>,
    id: String,
}

impl Place {
    pub(super) fn of(time: Option<&String>, id: &str) -> Self {
        Self {
            time: time.and_then(|time| time.parse().ok()),
            id: id.to_owned(),
        }
    }
}

/// What is asked for, apart from the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Question {
    pub(super) cluster: String,
    /// `None`: all machines.
    pub(super) instance: Option<String>,
    /// Empty: all states.
    pub(super) states: BTreeSet<String>,
    /// Empty: all modes.
    pub(super) modes: BTreeSet<String>,
    /// Empty: all triggers.
    pub(super) triggers: BTreeSet<String>,
    pub(super) order: Order,
}

impl Question {
    fn fits(&self, remediation: &Remediation) -> bool {
        let lets = |filter: &BTreeSet<String>, value| filter.is_empty() || filter.contains(value);
        let instance = self.instance.as_ref();
        instance.is_none_or(|instance| *instance == remediation.instance_id)
            && lets(&self.states, &remediation.state)
            && lets(&self.modes, &remediation.mode)
            && lets(&self.triggers, &remediation.trigger)
    }
}

/// Where a page begins: after this place, or with it; `None`: at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Start {
    pub(super) last: Option<Place>,
    /// The place itself is served once more.
    pub(super) again: bool,
}

/// One page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) items: Vec<Remediation>,
    /// Where the next page begins, if there is more.
    pub(super) next: Option<Start>,
}

/// What a token hides. It holds for the question it was given for, and no other.
#[derive(Serialize, Deserialize)]
struct Token {
    question: Question,
    start: Start,
}

/// Writes a token; it holds characters that must be percent-encoded in a query.
pub(super) fn token(question: &Question, start: &Start) -> String {
    let token = Token {
        question: question.clone(),
        start: start.clone(),
    };
    STANDARD.encode(serde_json::to_vec(&token).unwrap_or_default())
}

/// Reads a token back, if it was given for this question.
pub(super) fn start_of(question: &Question, token: &str) -> Option<Start> {
    let bytes = STANDARD.decode(token).ok()?;
    let token: Token = serde_json::from_slice(&bytes).ok()?;
    (token.question == *question).then_some(token.start)
}

/// The page of at most `size` items at `start`.
pub(super) fn page(cluster: &Cluster, question: &Question, start: &Start, size: usize) -> Page {
    let places = cluster.places(question.order);
    let edge = match (&start.last, start.again) {
        (None, _) => Bound::Unbounded,
        (Some(place), true) => Bound::Included(place.clone()),
        (Some(place), false) => Bound::Excluded(place.clone()),
    };
    let range: Box<dyn Iterator<Item = &Place>> = if question.order.descending {
        Box::new(places.range((Bound::Unbounded, edge)).rev())
    } else {
        Box::new(places.range((edge, Bound::Unbounded)))
    };
    let mut matching = range.filter_map(|place| {
        let remediation = cluster.get(&place.id)?;
        question.fits(remediation).then_some((place, remediation))
    });
    let mut items = Vec::new();
    let mut last = None;
    for (place, remediation) in matching.by_ref().take(size) {
        items.push(remediation.clone());
        last = Some(place.clone());
    }
    let next = matching
        .next()
        .is_some()
        .then_some(Start { last, again: false });
    Page { items, next }
}
