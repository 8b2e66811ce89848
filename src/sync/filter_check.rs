//! Compares the last active sync with later results. A server that understands only part of the state filter responds
//! as if the other states were empty, and nothing else reveals that.

use std::sync::Arc;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::{
    api::timestamp,
    together::{CompleteListing, Dialects, ListRequest, Remediation},
};

/// How much earlier than the list a remediation must have changed. The `Date` header has whole seconds, and the
/// measured skew is smoothed.
const MARGIN: SignedDuration = SignedDuration::from_secs(5);

/// A complete list of some states.
#[derive(Debug)]
struct Short {
    request: ListRequest,
    listing: Arc<CompleteListing>,
    /// When it started, by the API's clock.
    began: Timestamp,
}

impl Short {
    /// Whether it lacks `item`, although it requested the item's state, and the item was in that state before the list
    /// started.
    fn lacks(&self, item: &Remediation) -> bool {
        let listing = &self.listing;
        let changed = timestamp::read(item.update_time.as_deref());
        listing.states().iter().any(|state| *state == *item.state)
            && listing.skipped_unnamed() == 0
            && !listing.contains(&item.id)
            && changed.is_some_and(|changed| changed + MARGIN < self.began)
    }
}

/// The last active sync, and whether a remediation was seen since that it lacks. Each list counts once.
#[derive(Debug, Default)]
pub(crate) struct FilterCheck {
    last: Option<Short>,
    lacks: bool,
}

impl FilterCheck {
    /// The API returned this item, by id or in a full sync.
    pub(crate) fn seen(&mut self, item: &Remediation) {
        self.lacks |= self.last.as_ref().is_some_and(|last| last.lacks(item));
    }

    /// The list for `request` is complete. It started at this time of the API (`None`: unknown).
    pub(crate) fn listed(
        &mut self,
        request: ListRequest,
        listing: &Arc<CompleteListing>,
        began: Option<Timestamp>,
        dialects: &Dialects,
    ) {
        self.report(dialects);
        if listing.states().is_empty() {
            if let Some(last) = self.last.take() {
                dialects.filter_lacks_nothing(&last.request);
            }
            return;
        }
        self.last = began
            .filter(|_| !listing.filter_ignored())
            .map(|began| Short {
                request,
                listing: listing.clone(),
                began,
            });
    }

    /// Reports the result to `dialects`.
    pub(crate) fn report(&mut self, dialects: &Dialects) {
        if std::mem::take(&mut self.lacks)
            && let Some(last) = self.last.take()
        {
            dialects.filter_lacks(&last.request, last.listing.filter());
        }
    }
}
