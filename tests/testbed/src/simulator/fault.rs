//! Faults on demand: what can go wrong, when it rises, and how often it did.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::listing::{self, Page, Question, Start};

/// One way in which the API, or something before it, goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Fault {
    /// An HTTP status with the API's error body, and `Retry-After` (seconds or an HTTP date).
    Status {
        /// The HTTP status, 300 to 599.
        status: u16,
        /// `Retry-After`, as it is sent.
        retry_after: Option<String>,
    },
    /// No answer, ever.
    Hang,
    /// Half of a body, then the connection breaks.
    CutBody,
    /// 200 with a body that is not JSON.
    NotJson,
    /// 200 with JSON of another shape.
    OtherShape,
    /// A proxy's error page.
    Html {
        /// The HTTP status it comes with.
        status: u16,
    },
    /// Any answer, as it is.
    Answer {
        /// The HTTP status, 200 to 599.
        status: u16,
        /// Its body, with the content type JSON.
        body: String,
    },
    /// A redirect, to see that it is not followed.
    Redirect {
        /// Where to.
        location: String,
    },
    /// The right body, one byte at a time.
    SlowDrip {
        /// Milliseconds before each byte.
        pause_ms: u64,
    },
    /// List: the next token leads to the same page again.
    RepeatedToken,
    /// List: more is promised, but no token is given.
    MissingToken,
    /// List: the next token leads past a page.
    LostPage,
    /// List: a page after the first begins one item late, as if one before it had gone.
    ShiftedPage,
    /// List: a page after the first repeats the last item of the page before.
    DoubledPage,
    /// List: 200, nothing in it, no more to come.
    EmptyList,
    /// List: the first item of the page has no id.
    ItemWithoutId,
    /// List: the first item of the page has an object where its state should be.
    MalformedItem,
    /// List: the first item of the page has an unknown state, mode and trigger.
    UnknownEnum,
    /// List: items that changed are shown as they were before.
    OldVersion,
}

/// How often a fault rises. Only calls that it can spoil count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Times {
    /// At the next n calls.
    Next(u64),
    /// At the one call after n good ones.
    After(u64),
    /// Until the faults are cleared.
    UntilCleared,
}

impl Fault {
    /// An HTTP status without `Retry-After`.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self::Status {
            status,
            retry_after: None,
        }
    }

    /// Its name in the counters: the same word as in the control interface.
    #[must_use]
    pub fn name(&self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|fault| fault["kind"].as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// It can spoil any answer, not only a list.
    pub(super) fn spoils_any(&self) -> bool {
        matches!(
            self,
            Self::Status { .. }
                | Self::Hang
                | Self::CutBody
                | Self::NotJson
                | Self::OtherShape
                | Self::Html { .. }
                | Self::Answer { .. }
                | Self::Redirect { .. }
                | Self::SlowDrip { .. }
        )
    }

    /// It can spoil this page. `first`: no page came before it.
    pub(super) fn spoils_page(&self, page: &Page, first: bool, cluster: &Cluster) -> bool {
        match self {
            Self::MissingToken | Self::LostPage => page.next.is_some(),
            Self::ShiftedPage | Self::DoubledPage => !first && !page.items.is_empty(),
            Self::RepeatedToken
            | Self::EmptyList
            | Self::ItemWithoutId
            | Self::MalformedItem
            | Self::UnknownEnum => !page.items.is_empty(),
            Self::OldVersion => page
                .items
                .iter()
                .any(|item| cluster.previous(&item.id).is_some()),
            _ => false,
        }
    }

    /// Spoils a page, where that is what the fault does.
    pub(super) fn spoil_page(
        &self,
        mut page: Page,
        cluster: &Cluster,
        question: &Question,
        start: &Start,
        size: usize,
    ) -> Page {
        match self {
            Self::EmptyList => Page {
                items: Vec::new(),
                next: None,
            },
            Self::ShiftedPage => {
                let mut longer = listing::page(cluster, question, start, size + 1);
                longer.items.remove(0);
                longer
            }
            Self::DoubledPage => {
                let again = Start {
                    again: true,
                    ..start.clone()
                };
                listing::page(cluster, question, &again, size)
            }
            Self::RepeatedToken => {
                page.next = Some(start.clone());
                page
            }
            Self::LostPage => {
                page.next = listing::page(cluster, question, start, size * 2).next;
                page
            }
            Self::OldVersion => {
                for item in &mut page.items {
                    if let Some(old) = cluster.previous(&item.id) {
                        *item = old.clone();
                    }
                }
                page
            }
            _ => page,
        }
    }

    /// Spoils the first item of a page, where that is what the fault does.
    pub(super) fn spoil_item(&self, items: &mut [Value]) {
        let Some(item) = items.first_mut() else {
            return;
        };
        match self {
            Self::ItemWithoutId => {
                if let Some(fields) = item.as_object_mut() {
                    fields.remove("id");
                }
            }
            Self::MalformedItem => item["state"] = json!({"name": 7}),
            Self::UnknownEnum => {
                item["state"] = json!("DEFROSTING");
                item["mode"] = json!("REMEDIATION_MODE_TURN_AROUND");
                item["trigger"] = json!("REMEDIATION_TRIGGER_MOON");
            }
            _ => {}
        }
    }
}

/// The faults that wait for their call.
#[derive(Debug, Default)]
pub(super) struct Faults(VecDeque<(Fault, Times)>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault, times: Times) {
        self.0.push_back((fault, times));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The first fault that fits the call, if its turn has come; those behind it wait.
    pub(super) fn take(&mut self, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let at = self.0.iter().position(|(fault, _)| fits(fault))?;
        let (fault, times) = &mut self.0[at];
        let risen = fault.clone();
        match times {
            Times::UntilCleared => return Some(risen),
            Times::After(good) if *good > 0 => {
                *good -= 1;
                return None;
            }
            Times::Next(left) if *left > 1 => {
                *left -= 1;
                return Some(risen);
            }
            Times::Next(0) => {
                self.0.remove(at);
                return None;
            }
            Times::After(_) | Times::Next(_) => {}
        }
        self.0.remove(at);
        Some(risen)
    }
}
