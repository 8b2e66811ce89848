//! The last listing of some states alone, held against what is seen afterwards: a server that understands only a part of the
//! filter answers as if the rest did not exist, and nothing else shows that.

use std::sync::Arc;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::{
    api::timestamp,
    together::{CompleteListing, Dialects, ListRequest, Remediation},
};

/// How much earlier than the listing a remediation must have changed: `Date` shows whole seconds, and the skew is smoothed.
const MARGIN: SignedDuration = SignedDuration::from_secs(5);

/// A complete listing of some states.
#[derive(Debug)]
struct Short {
    request: ListRequest,
    listing: Arc<CompleteListing>,
    /// When it began, by the API's clock.
    began: Timestamp,
}

impl Short {
    /// Whether it lacks `item`, though it asked for the item's state, in which the item was before the listing began.
    fn lacks(&self, item: &Remediation) -> bool {
        let listing = &self.listing;
        let changed = timestamp::read(item.update_time.as_deref());
        listing.states().iter().any(|state| *state == *item.state)
            && listing.skipped_unnamed() == 0
            && !listing.contains(&item.id)
            && changed.is_some_and(|changed| changed + MARGIN < self.began)
    }
}

/// The last listing of some states, and whether something was seen since that it lacks. Each one counts once.
#[derive(Debug, Default)]
pub(crate) struct FilterCheck {
    last: Option<Short>,
    lacks: bool,
}

impl FilterCheck {
    /// Something that the API shows, by id or in a listing of everything.
    pub(crate) fn seen(&mut self, item: &Remediation) {
        self.lacks |= self.last.as_ref().is_some_and(|last| last.lacks(item));
    }

    /// The listing of `request`, which began at this time of the API (`None`: not known), is complete.
    pub(crate) fn listed(
        &mut self,
        request: ListRequest,
        listing: &Arc<CompleteListing>,
        began: Option<Timestamp>,
        dialects: &Dialects,
    ) {
        self.tell(dialects);
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

    /// Tells `dialects` of what was seen.
    pub(crate) fn tell(&mut self, dialects: &Dialects) {
        if std::mem::take(&mut self.lacks)
            && let Some(last) = self.last.take()
        {
            dialects.filter_lacks(&last.request, last.listing.filter());
        }
    }
}
