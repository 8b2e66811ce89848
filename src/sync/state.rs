//! What one `ClusterWatch` remembers from sync to sync.

use std::{ops::Range, sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;

use super::{
    SyncContext, filter_check::FilterCheck, history::FullListing, history::ListHistory,
    key_backoff::KeyBackoff, open_states::OpenStates,
};
use crate::{
    sync::{
        decide::{absence::Absences, plan::MirrorTarget, regression::Regressions},
        edit_throttle::EditThrottle,
        observer::Observer,
        outcome::SyncOutcome,
        schedule::Cadence,
        write::failed::FailedWrites,
    },
    together::{
        ApiKey, CompleteListing, Dialects, Error, ListRequest, Malformed, Remediation, Service,
        wire::state,
    },
};

/// What is remembered from sync to sync. Its parts are borrowed one by one, so that writes and listing go on side by side.
#[derive(Debug, Default)]
pub struct SyncState {
    /// When the Secret was read, and is to be.
    pub(crate) secret: SecretReads,
    /// Shared with earlier and later generations: it learns of every poll that may call the API.
    pub(crate) throttle: Arc<EditThrottle>,
    /// What listings have shown.
    pub(crate) lists: Lists,
    /// What could not be written.
    pub(crate) failed_writes: FailedWrites,
    pub(crate) key_backoff: KeyBackoff,
    /// What sees the syncs.
    pub observer: Observer,
}

/// The reads of the Secret.
#[derive(Debug, Default)]
pub(crate) struct SecretReads {
    /// When this `ClusterWatch` last read its key itself (monotonic).
    pub(crate) own: Option<Duration>,
    /// When a Secret that could not be used is read again (monotonic).
    pub(crate) again: Duration,
    /// The next poll reads it, however lately it could not be used.
    pub(crate) wanted: bool,
}

/// What listings and lookups have shown.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    pub(crate) history: ListHistory,
    pub(crate) absences: Absences,
    pub(crate) regressions: Regressions,
    pub(crate) open_states: OpenStates,
    /// The last listing of some states.
    pub(crate) filter_check: FilterCheck,
    /// What the last full listing had to leave out, as a message.
    pub(crate) left_out: Option<String>,
    /// When what is open gets stale (monotonic), even while a listing is under way.
    pub(crate) stale_at: Option<Duration>,
}

impl Lists {
    /// Takes in a page of the listing under way, which came `now` (monotonic); `everything`: it asks for no states.
    pub(crate) fn saw_page(
        &mut self,
        page: &[Result<Remediation, Malformed>],
        target: &MirrorTarget,
        everything: bool,
        now: Duration,
    ) {
        for item in page.iter().flatten() {
            self.open_states.seen(&item.state, now);
            if everything {
                self.filter_check.seen(item);
            }
            self.absences.shown(&target.cluster, &item.id);
        }
    }

    /// The listing of `request`, which began at this time of the API (`None`: not known), is complete.
    pub(crate) fn completed(
        &mut self,
        request: ListRequest,
        complete: &Arc<CompleteListing>,
        began: Option<Timestamp>,
        dialects: &Dialects,
    ) {
        self.history.completed(complete.pages());
        self.filter_check.listed(request, complete, began, dialects);
    }

    /// What a complete listing, a `full` one or a short one, and the lookups after it have shown is settled: these `older`
    /// versions, within the `time` from its end (monotonic).
    pub(crate) fn settled(
        &mut self,
        full: Option<FullListing>,
        (older, time): (Vec<(Box<str>, Timestamp)>, Range<Duration>),
    ) {
        self.regressions.observe(older, full.is_some(), time);
        if let Some(listing) = full {
            self.history.completed_full(listing);
        }
    }

    /// Takes in a remediation that a lookup by id showed at `now` (monotonic).
    pub(crate) fn looked_up(&mut self, item: &Remediation, now: Duration) {
        self.open_states.seen(&item.state, now);
        self.filter_check.seen(item);
    }
}

impl SyncState {
    /// Makes the next poll a full listing that no earlier refusal holds back; a Retry-After still does.
    pub fn want_everything_now(&mut self) {
        self.lists.history.want_full();
        self.secret.wanted = true;
        self.key_backoff.try_again();
    }

    /// What could not be written, and what to do about it; `None`: everything was.
    #[must_use]
    pub fn unwritten(&self) -> Option<String> {
        self.failed_writes.message()
    }

    /// A listing begins `now` (monotonic); returns the states that it asks for.
    pub(crate) fn begin_listing<C, T: Service>(
        &mut self,
        ctx: SyncContext<'_, C, T>,
        now: Duration,
    ) -> Vec<String> {
        self.lists.open_states.forget_old(now);
        let states = self.states_to_list(ctx, now);
        self.lists.history.begin(states.is_empty(), now);
        states
    }

    /// The states to list at `now` (monotonic); empty: everything.
    fn states_to_list<C, T: Service>(
        &self,
        ctx: SyncContext<'_, C, T>,
        now: Duration,
    ) -> Vec<String> {
        if let Some(states) = only_final(ctx.target) {
            return states.to_vec();
        }
        let open = self.lists.open_states.names();
        let full_after = self.failed_writes.full_after(ctx.cadence.interval);
        let history = &self.lists.history;
        let filters = ctx.env.together.dialects().filters(&open);
        if !filters || history.full_is_due(ctx.cadence, full_after, now) {
            return Vec::new();
        }
        open
    }

    /// There is a key, so that the API may be called `now` (monotonic).
    pub(crate) fn polls(&self, now: Duration) {
        let (full_began, _) = self.lists.history.last_began();
        self.throttle.polls(now, full_began.is_none());
    }

    /// Lets the next generation know when the listings of this one began and ended.
    pub(crate) fn hand_on(&self) {
        let (began, several) = self.lists.history.last_began();
        self.throttle.listed(began, several, self.full_allowed_at());
    }

    /// When a full listing may begin that a person asks for (monotonic).
    #[must_use]
    pub fn full_allowed_at(&self) -> Duration {
        self.lists.history.full_allowed_at()
    }

    /// Remembers how long the API is to be left alone after a sync that came to this `outcome`.
    pub(crate) fn rest_after<C, T: Service>(
        &mut self,
        ctx: SyncContext<'_, C, T>,
        outcome: &SyncOutcome,
    ) {
        let Lists {
            history,
            open_states,
            ..
        } = &mut self.lists;
        let filters = ctx.env.together.dialects().filters(&open_states.names());
        let all_full = !filters && only_final(ctx.target).is_none();
        history.rest = history.rest_after(outcome, ctx.cadence, all_full);
    }

    /// The listing with this key failed at `now` (monotonic).
    pub(crate) fn list_failed(
        &mut self,
        key: &ApiKey,
        error: &Error,
        cadence: &Cadence,
        now: Duration,
    ) {
        let rest = self.lists.history.failed(cadence, now);
        self.key_backoff.failed(key, error, cadence, (rest, now));
    }
}

/// The target's states, if all of them are final: then every poll lists just these.
pub(crate) fn only_final(target: &MirrorTarget) -> Option<&[String]> {
    target
        .states
        .as_deref()
        .filter(|states| states.iter().all(|state| state::is_final(state)))
}
