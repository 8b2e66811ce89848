//! When an open mirror that the API no longer lists counts as gone: only with proof. Pure.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use crate::{
    clock::MonoTime,
    mirror::{name::object_name, status::Synced},
    store::Mirror,
    together::CompleteListing,
};

/// Number of syncs that must agree before a mirror is marked: one answer may come from a replica of the API that lags.
const AGREEING: u32 = 2;
/// If more than this many and more than a tenth vanish at once, a second full sync must confirm it. Repairs end one by
/// one; so many at once rather mean a filter or a permission that broke.
const MASS: usize = 10;

/// The response of the API to a request for one remediation by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200: found.
    Shown,
    /// 404.
    NotFound,
    /// 403.
    Forbidden,
    /// This id cannot be requested, or the response would prove nothing.
    Unaskable,
    /// 200, but the plan skips the remediation: the mirror is not confirmed, and it is not gone.
    LeftOut,
    /// No usable response.
    Unanswered,
}

/// How a complete list shows an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Shown,
    /// It is listed, but its content is unreadable or skipped by the plan, which proves nothing.
    Unreadable,
    Lacking,
}

#[derive(Clone, Copy, Debug, Default)]
struct Missing {
    /// The last complete list before the first one without it; `None` if this worker had none, so that it is unknown
    /// how long it has been missing.
    since: Option<MonoTime>,
    /// Complete lists in a row without it.
    listings: u32,
    /// Complete full syncs that prove that it is not listed.
    full: u32,
    /// Full syncs since it is missing, whether or not they prove that.
    tried: u32,
    /// Syncs in which the trusted request by id returned 404.
    not_found: u32,
    /// Syncs in which the trusted request by id returned 403.
    forbidden: u32,
    /// The complete list after which it was last requested.
    asked: Option<MonoTime>,
    /// It vanished together with many others.
    mass: bool,
    /// It cannot be requested by id, so only full syncs can prove that it is gone.
    unaskable: bool,
    /// The last list contains it, but it is unreadable there.
    unreadable: bool,
}

/// The open mirrors of one `ClusterWatch` that complete lists did not show, or showed unreadably, and whether the
/// request by id can be trusted.
#[derive(Debug, Default)]
pub struct Absences {
    missing: BTreeMap<Box<str>, Missing>,
    trusted: bool,
    /// When the last complete list of this worker ended.
    listed: Option<MonoTime>,
}

impl Absences {
    /// Processes a complete list that ended at `now`. `open` are the open mirrors at its end, `left_out` the listed ids
    /// that the plan skipped. Returns how many vanished at once, if those are many.
    pub fn observe(
        &mut self,
        open: &[(Box<str>, Arc<Mirror>)],
        listing: &CompleteListing,
        left_out: &BTreeSet<Box<str>>,
        now: MonoTime,
    ) -> usize {
        // A listed item with an unreadable id may be any of the missing ones.
        let full = listing.states().is_empty();
        let proof = full && listing.skipped_unnamed() == 0;
        self.note(
            open.iter()
                .map(|(name, mirror)| (&**name, &*mirror.subject.id)),
            |id| {
                if !listing.contains(id) {
                    Presence::Lacking
                } else if listing.shows(id) && !left_out.contains(id) {
                    Presence::Shown
                } else {
                    Presence::Unreadable
                }
            },
            (full, proof),
            now,
        )
    }

    fn note<'a>(
        &mut self,
        open: impl Iterator<Item = (&'a str, &'a str)>,
        sight: impl Fn(&str) -> Presence,
        (full, proof): (bool, bool),
        now: MonoTime,
    ) -> usize {
        let (mut all, mut lacking) = (0, HashMap::new());
        for (name, id) in open {
            all += 1;
            match sight(id) {
                Presence::Shown => {}
                sight => drop(lacking.insert(name, sight == Presence::Unreadable)),
            }
        }
        self.missing.retain(|name, _| lacking.contains_key(&**name));
        let confirmed = self.listed.replace(now);
        let new = lacking.len() - self.missing.len();
        let mass = new > MASS && new * 10 > all;
        for (name, unreadable) in lacking {
            let missing = self.missing.entry(name.into()).or_insert(Missing {
                since: confirmed,
                mass,
                unreadable,
                ..Missing::default()
            });
            if missing.unreadable != unreadable {
                // Proof for one condition says nothing about the other.
                *missing = Missing {
                    since: missing.since,
                    listings: missing.listings,
                    mass: missing.mass,
                    unaskable: missing.unaskable,
                    asked: missing.asked,
                    unreadable,
                    ..Missing::default()
                };
            }
            missing.listings = missing.listings.saturating_add(1);
            missing.full += u32::from(proof && !unreadable);
            missing.tried += u32::from(full);
        }
        if mass { new } else { 0 }
    }

    /// The mirrors to request by id in this sync, at most `most`. They take turns, so that none blocks the others.
    #[must_use]
    pub fn questions(&self, most: usize) -> Vec<Box<str>> {
        let mut missing: Vec<_> = self
            .missing
            .iter()
            .map(|(name, missing)| (missing.asked.or(missing.since), name))
            .collect();
        missing.sort_unstable();
        missing
            .into_iter()
            .take(most)
            .map(|(_, name)| name.clone())
            .collect()
    }

    /// Whether the request by id is trusted: it returned 200 for a remediation that was listed. A server or proxy
    /// without that path answers 404 for every id, and the reference page of the API does not mention it.
    #[must_use]
    pub fn trusts_ids(&self) -> bool {
        self.trusted
    }

    /// The request by id returned 200 for a remediation that was listed.
    pub fn trust_ids(&mut self) {
        self.trusted = true;
    }

    /// A page shows it, so earlier proof of its absence is void, even if the list fails.
    pub fn shown(&mut self, cluster: &str, id: &str) {
        if self.missing.is_empty() {
            return;
        }
        if let Some(missing) = self.missing.get_mut(&*object_name(cluster, id)) {
            (missing.full, missing.not_found, missing.forbidden) = (0, 0, 0);
        }
    }

    /// It was requested by id.
    pub fn asked(&mut self, name: &str) {
        if let Some(missing) = self.missing.get_mut(name) {
            missing.asked = self.listed;
        }
    }

    /// Processes the response to a request by id.
    pub fn answered(&mut self, name: &str, answer: Answer) {
        self.trusted |= matches!(answer, Answer::Shown | Answer::LeftOut);
        if answer == Answer::Shown {
            self.missing.remove(name);
        }
        let Some(missing) = self.missing.get_mut(name) else {
            return;
        };
        missing.unaskable |= answer == Answer::Unaskable;
        let counts = self.trusted && !missing.unreadable;
        match answer {
            Answer::NotFound if counts => {
                (missing.not_found, missing.forbidden) = (missing.not_found + 1, 0);
            }
            Answer::Forbidden if counts => {
                (missing.not_found, missing.forbidden) = (0, missing.forbidden + 1);
            }
            Answer::LeftOut => {
                (missing.full, missing.not_found, missing.forbidden) = (0, 0, 0);
            }
            _ => {}
        }
    }

    /// The mark for which there is enough proof, if any.
    #[must_use]
    pub fn verdict(&self, name: &str) -> Option<Synced> {
        let missing = self.missing.get(name)?;
        if missing.mass && missing.full < AGREEING {
            return None;
        }
        if missing.not_found >= AGREEING {
            Some(Synced::NotFound)
        } else if missing.forbidden >= AGREEING {
            Some(Synced::Forbidden)
        } else if (missing.unaskable || !self.trusted) && missing.full >= AGREEING {
            Some(Synced::NotListed)
        } else {
            None
        }
    }

    /// The names of all missing mirrors.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.missing.keys().map(|name| &**name)
    }

    /// Whether no complete list has confirmed it for longer than `stale` at `now`. A mirror that the first list of a
    /// worker lacks is overdue at once: if the operator crashes again and again, it may have been missing for hours. If
    /// many are missing, the second list must confirm it.
    #[must_use]
    pub fn overdue(&self, name: &str, now: MonoTime, stale: Duration) -> bool {
        self.missing.get(name).is_some_and(|missing| {
            missing.since.map_or_else(
                || !missing.mass || missing.listings >= AGREEING,
                |since| now.duration_since(since) > stale,
            )
        })
    }

    /// Whether it is [overdue](Self::overdue), and nothing proves that it is gone: then it may be outdated.
    pub(crate) fn is_stale(&self, name: &str, now: MonoTime, stale: Duration) -> bool {
        self.overdue(name, now, stale) && self.verdict(name).is_none()
    }

    /// Whether to run a full sync early, to decide what requests by id cannot. `asked` is the number of requests
    /// possible in this sync. If the required number of full syncs did not decide it, more of them will not.
    #[must_use]
    pub fn want_full_listing(&self, asked: usize) -> bool {
        let too_many = self.missing.len() > asked;
        let unsettled = |missing: &Missing| {
            let unsettled = too_many || !self.trusted || missing.unaskable || missing.mass;
            unsettled && !missing.unreadable
        };
        self.missing
            .values()
            .any(|missing| missing.tried < AGREEING && unsettled(missing))
    }
}

#[cfg(test)]
mod tests;
