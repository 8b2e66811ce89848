//! When an open mirror that the API no longer lists counts as gone: proven, never assumed. Pure.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use crate::{
    mirror::{name::object_name, status::Synced},
    store::Mirror,
    together::CompleteListing,
};

/// Polls that must agree before a mirror is marked.
const AGREEING: u32 = 2;
/// More than this many, and more than a tenth, vanishing at once wants a second full listing.
const MASS: usize = 10;

/// What the API answered when it was asked for one remediation by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200: there it is.
    Shown,
    /// 404.
    NotFound,
    /// 403.
    Forbidden,
    /// This id cannot be asked for: an answer would prove nothing, or there is none.
    Unaskable,
    /// 200, but the plan leaves it out: nothing confirms the mirror, and it is not gone.
    LeftOut,
    /// No usable answer.
    Unanswered,
}

/// How a complete listing shows an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Shown,
    /// It is there, but nobody can read what it says, or the plan leaves it out: no proof of anything.
    Unreadable,
    Lacking,
}

#[derive(Clone, Copy, Debug, Default)]
struct Missing {
    /// The last complete listing before the first that lacked it (monotonic time); `None`: there was none in this task, so
    /// nobody knows how long it has been missing.
    since: Option<Duration>,
    /// Complete listings in a row that lack it.
    listings: u32,
    /// Complete full listings that prove that it is not listed.
    full: u32,
    /// Full listings since it is missing, whether they prove that or not.
    tried: u32,
    /// Polls in which the trusted call by id answered 404.
    not_found: u32,
    /// Polls in which the trusted call by id answered 403.
    forbidden: u32,
    /// The complete listing (monotonic time) after which it was last asked for.
    asked: Option<Duration>,
    /// It vanished with many others.
    mass: bool,
    /// Its id cannot be asked for: only full listings can prove that it is gone.
    unaskable: bool,
    /// The last listing holds it, but cannot be read there.
    unreadable: bool,
}

/// The open mirrors of one watch that complete listings lacked or did not show readably, and whether the call by id can
/// be trusted.
#[derive(Debug, Default)]
pub struct Absences {
    missing: BTreeMap<Box<str>, Missing>,
    trusted: bool,
    /// When the last complete listing of this task ended (monotonic).
    listed: Option<Duration>,
}

impl Absences {
    /// Takes in a complete listing that ended at `now` (monotonic); `open`: the open mirrors when it ended, `left_out`: ids in it
    /// that the plan left out. Returns how many vanished at once, where those are many.
    pub fn observe(
        &mut self,
        open: &[(Box<str>, Arc<Mirror>)],
        listing: &CompleteListing,
        left_out: &BTreeSet<Box<str>>,
        now: Duration,
    ) -> usize {
        // An item whose id nobody could read may be any of those that seem to be missing.
        let full = listing.states().is_empty();
        let proof = full && listing.skipped_unnamed() == 0;
        self.note(
            open.iter().map(|(name, mirror)| (&**name, &*mirror.id)),
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
        now: Duration,
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
                // What was proven of the one says nothing of the other.
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

    /// The mirrors to ask for by id in this poll, at most `most`: in turn, so that none holds up the others.
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

    /// Whether the call by id has shown that it works: it answered 200 for a remediation that was listed.
    #[must_use]
    pub fn trusts_ids(&self) -> bool {
        self.trusted
    }

    /// The call by id answered 200 for a remediation that was listed.
    pub fn trust_ids(&mut self) {
        self.trusted = true;
    }

    /// A page shows it, whatever becomes of the listing: what was proven of its absence counts no more.
    pub fn shown(&mut self, cluster: &str, id: &str) {
        if self.missing.is_empty() {
            return;
        }
        if let Some(missing) = self.missing.get_mut(&*object_name(cluster, id)) {
            (missing.full, missing.not_found, missing.forbidden) = (0, 0, 0);
        }
    }

    /// It was asked for.
    pub fn asked(&mut self, name: &str) {
        if let Some(missing) = self.missing.get_mut(name) {
            missing.asked = self.listed;
        }
    }

    /// Takes in the answer to a question by id.
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

    /// The mark that the proof suffices for, if any.
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

    /// The names of all that are missing.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.missing.keys().map(|name| &**name)
    }

    /// Whether no complete listing has confirmed it for longer than `stale` at `now` (monotonic). Where nobody knows for how
    /// long, two in a row that lack it say so: the task may be one of many that were started again and again.
    #[must_use]
    pub fn overdue(&self, name: &str, now: Duration, stale: Duration) -> bool {
        self.missing.get(name).is_some_and(|missing| {
            missing.since.map_or(missing.listings >= AGREEING, |since| {
                now.saturating_sub(since) > stale
            })
        })
    }

    /// Whether a full listing should come sooner: it would settle what questions by id cannot. `asked`: how many could
    /// be asked for in this poll. What as many full listings as must agree have not settled, more of them will not.
    #[must_use]
    pub fn want_full_listing(&self, asked: usize) -> bool {
        let too_many = self.missing.len() > asked;
        let unsettled = |missing: &Missing| {
            let unproven = missing.mass && missing.full < AGREEING;
            let unsettled = too_many || !self.trusted || missing.unaskable || unproven;
            unsettled && !missing.unreadable
        };
        self.missing
            .values()
            .any(|missing| missing.tried < AGREEING && unsettled(missing))
    }
}

#[cfg(test)]
mod tests;
