//! What a sync had to leave out.

/// How many left-out things a message names; the rest are counted.
const NAMED: usize = 3;

/// Things of one kind: the first ones by name, the rest counted.
#[derive(Debug, Default)]
pub(crate) struct Named {
    named: Vec<String>,
    all: usize,
}

impl Named {
    pub(crate) fn push(&mut self, note: impl FnOnce() -> String) {
        self.all += 1;
        if self.named.len() < NAMED {
            self.named.push(note());
        }
    }

    fn message(&self, what: &str) -> Option<String> {
        let more = self.all.saturating_sub(self.named.len());
        let more = if more > 0 {
            format!("; and {more} more")
        } else {
            String::new()
        };
        (self.all > 0).then(|| format!("{what} {}: {}{more}", self.all, self.named.join("; ")))
    }
}

/// What a sync had to leave out, as text.
#[derive(Debug, Default)]
pub struct LeftOut {
    pub(crate) items: Named,
    pub(crate) ends: Named,
    /// Remediations with an optional field of the wrong type.
    pub(crate) fields: Named,
}

impl LeftOut {
    /// The number of skipped items.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.items.all
    }

    /// One sentence for each kind, if anything was left out.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        let all = [
            self.items.message("Left out"),
            self.ends.message("Truncated"),
            self.fields.message("Unreadable fields"),
        ];
        let notes: Vec<_> = all.into_iter().flatten().collect();
        (!notes.is_empty()).then(|| notes.join(". "))
    }
}
