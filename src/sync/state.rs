//! The state that one `ClusterWatch` keeps between syncs.

use std::{ops::Range, sync::Arc};

use k8s_openapi::jiff::Timestamp;

use super::{
    SyncContext, SyncError, filter_check::FilterCheck, history::ListHistory,
    key_backoff::KeyBackoff, open_states::OpenStates,
};
use crate::{
    clock::MonoTime,
    sync::{
        decide::{
            absence::Absences,
            regression::{Regressions, ShownVersions},
        },
        edit_throttle::EditThrottle,
        observer::Observer,
        outcome::{ListTime, SyncOutcome},
        schedule::Cadence,
        target::MirrorTarget,
        write::{failed::FailedWrites, rounds::Rounds},
    },
    together::{
        ApiKey, CompleteListing, Dialects, Error, ListRequest, Malformed, Remediation, Service,
        wire::state,
    },
};

/// The state kept between syncs. Nothing of it is stored: after a restart, proof of absence is collected again. Its
/// parts are borrowed one by one, so that writes and the list run concurrently.
#[derive(Debug, Default)]
pub struct SyncState {
    /// When the Secret was read, and when it is to be read.
    pub(crate) secret: SecretReads,
    /// Shared with earlier and later generations; informed of every sync that may call the API.
    pub(crate) throttle: Arc<EditThrottle>,
    /// The earlier lists.
    pub(crate) lists: Lists,
    /// Writes that failed.
    pub(crate) failed_writes: FailedWrites,
    /// The rounds of marks of stale mirrors, outside of syncs.
    pub(crate) stale_marks: Rounds,
    /// The rounds of updates of labels and owner references.
    pub(crate) adoptions: Rounds,
    pub(crate) key_backoff: KeyBackoff,
    /// Observes the syncs.
    pub observer: Observer,
}

/// The reads of the Secret.
#[derive(Debug, Default)]
pub(crate) struct SecretReads {
    /// When this `ClusterWatch` last read its key itself.
    pub(crate) own: Option<MonoTime>,
    /// When an unusable Secret is read again.
    pub(crate) again: MonoTime,
    /// The next sync reads it again, however recently it was found unusable.
    pub(crate) reread: bool,
}

/// The evidence of lists and requests by id.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    pub(crate) history: ListHistory,
    pub(crate) absences: Absences,
    pub(crate) regressions: Regressions,
    pub(crate) open_states: OpenStates,
    /// The last active sync.
    pub(crate) filter_check: FilterCheck,
    /// What the last full sync left out, as text.
    pub(crate) left_out: Option<String>,
    /// When open mirrors become stale, even during a list.
    pub(crate) stale_at: Option<MonoTime>,
}

impl Lists {
    /// Records a page of the current list, which arrived `now`; `everything` means that it requested no states.
    pub(crate) fn saw_page(
        &mut self,
        page: &[Result<Remediation, Malformed>],
        target: &MirrorTarget,
        everything: bool,
        now: MonoTime,
    ) {
        for item in page.iter().flatten() {
            self.open_states.seen(&item.state, now);
            if everything {
                self.filter_check.seen(item);
            }
            self.absences.shown(&target.cluster, &item.id);
        }
    }

    /// The list for `request` is complete. It started at this time of the API (`None`: unknown).
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

    /// Records the evidence of a complete list (`full` or not) and of the requests by id after it: the versions that
    /// they showed, within `time` from its end.
    pub(crate) fn settled(
        &mut self,
        full: Option<ListTime>,
        (shown, time): (ShownVersions, Range<MonoTime>),
    ) {
        self.regressions.observe(shown, full.is_some(), time);
        if let Some(list) = full {
            self.history.completed_full(list);
        }
    }

    /// Records a remediation that a request by id returned at `now`.
    pub(crate) fn looked_up(&mut self, item: &Remediation, now: MonoTime) {
        self.open_states.seen(&item.state, now);
        self.filter_check.seen(item);
    }
}

impl SyncState {
    /// Makes the next sync a full one that ignores earlier rejections. A Retry-After is still honored.
    pub fn want_everything_now(&mut self) {
        self.lists.history.want_full();
        self.secret.reread = true;
        self.key_backoff.try_again();
    }

    /// What could not be written, and what to do about it; `None` if everything was.
    #[must_use]
    pub fn unwritten(&self) -> Option<String> {
        self.failed_writes.message()
    }

    /// A list starts `now`. Returns the states that it requests.
    pub(crate) fn begin_listing<C, T: Service>(
        &mut self,
        ctx: SyncContext<'_, C, T>,
        now: MonoTime,
    ) -> Vec<String> {
        self.lists.open_states.forget_old(now);
        let states = self.states_to_list(ctx, now);
        self.lists.history.begin(states.is_empty(), now);
        states
    }

    /// The states to list at `now`; empty means everything.
    fn states_to_list<C, T: Service>(
        &self,
        ctx: SyncContext<'_, C, T>,
        now: MonoTime,
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

    /// There is an API key, so the API may be called `now`.
    pub(crate) fn polls(&self, now: MonoTime) {
        let (full_began, _) = self.lists.history.last_began();
        self.throttle.polls(now, full_began.is_none());
    }

    /// Tells the next generation when the lists of this one started and ended.
    pub(crate) fn hand_on(&self) {
        let (began, several) = self.lists.history.last_began();
        self.throttle.listed(began, several, self.full_allowed_at());
    }

    /// When a requested full sync may start.
    #[must_use]
    pub fn full_allowed_at(&self) -> MonoTime {
        self.lists.history.full_allowed_at()
    }

    /// Remembers how long not to call the API after a sync with this `outcome`.
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

    /// The list with this key failed at `now`. Returns the error of the sync.
    pub(crate) fn list_failed(
        &mut self,
        key: &ApiKey,
        error: Error,
        cadence: &Cadence,
        now: MonoTime,
    ) -> SyncError {
        let rest = self.lists.history.failed(cadence, now);
        self.key_backoff.failed(key, &error, cadence, (rest, now));
        error.into()
    }
}

/// The target's states if all of them are final: then every sync lists just these.
pub(crate) fn only_final(target: &MirrorTarget) -> Option<&[String]> {
    target
        .states
        .as_deref()
        .filter(|states| states.iter().all(|state| state::is_final(state)))
}
