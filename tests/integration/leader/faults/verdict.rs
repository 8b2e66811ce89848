//! What the observers' books of one namespace, put together, show.

use std::{fmt, time::Instant};

use testbed::api_proxy::Observed;

use crate::books::{Book, first_lease, is_lease, is_object};

/// Counts over all replicas. That the books are free of what may not be is checked while it is made.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Reigns after the first one.
    pub(super) take_overs: usize,
    /// Writes to mirrors and watches that reached an observer.
    writes: usize,
    /// Those that the server took.
    taken: usize,
    /// Refused by the server with 409 or 404.
    fenced: usize,
    /// Those that reached the server when another replica led already: none was taken.
    late: usize,
}

/// The time in which one replica leads: from its Lease to the next one's.
struct Reign {
    /// The resourceVersion of its first Lease: they count all writes of the cluster in one order.
    from: u64,
    /// When the observer saw it taken.
    seen: Instant,
    book: usize,
}

impl Verdict {
    /// # Panics
    /// When a replica changed an object while it did not lead.
    pub(super) fn of(books: &[Book]) -> Self {
        let mut reigns: Vec<_> = (books.iter().enumerate())
            .filter_map(|(book, writes)| {
                let (from, seen) = first_lease(writes)?;
                Some(Reign { from, seen, book })
            })
            .collect();
        reigns.sort_by_key(|reign| reign.from);
        let mut verdict = Self {
            take_overs: reigns.len().saturating_sub(1),
            ..Self::default()
        };
        for (at, reign) in reigns.iter().enumerate() {
            verdict.read(&books[reign.book], reign, reigns.get(at + 1));
        }
        for (at, book) in books.iter().enumerate() {
            let led = reigns.iter().any(|reign| reign.book == at);
            assert!(led || !book.iter().any(is_object), "it wrote and never led");
        }
        verdict
    }

    fn read(&mut self, book: &[Observed], reign: &Reign, next: Option<&Reign>) {
        for write in book
            .iter()
            .filter(|write| is_lease(write) || is_object(write))
        {
            let answer = write.answer.as_ref();
            if let Some(version) = answer.and_then(|answer| answer.resource_version) {
                let in_time = next.is_none_or(|next| version < next.from);
                assert!(
                    version >= reign.from && in_time,
                    "it changed an object while it did not lead: {write:#?}"
                );
            }
            if !is_object(write) {
                continue;
            }
            self.writes += 1;
            self.taken += usize::from(write.succeeded());
            let refused = answer.is_some_and(|a| matches!(a.status.as_u16(), 404 | 409));
            self.fenced += usize::from(refused);
            if write
                .forwarded
                .zip(next)
                .is_some_and(|(sent, next)| sent > next.seen)
            {
                assert!(refused, "it came late and was not refused: {write:#?}");
                self.late += 1;
            }
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.take_overs += other.take_overs;
        self.writes += other.writes;
        self.taken += other.taken;
        self.fenced += other.fenced;
        self.late += other.late;
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} take-overs; {} writes seen, {} taken, {} refused by the fence; {} of those came after a take-over; taken out of turn: 0",
            self.take_overs, self.writes, self.taken, self.fenced, self.late
        )
    }
}
