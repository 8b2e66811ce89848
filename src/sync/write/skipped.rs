//! What a poll had to leave out.

/// Things left out that a poll names; further ones are counted.
const NAMED: usize = 3;

/// Things of one kind: the first ones by name, further ones counted.
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

/// What a poll had to leave out, in words.
#[derive(Debug, Default)]
pub struct LeftOut {
    pub(crate) items: Named,
    pub(crate) ends: Named,
    /// Those with an optional field of another type.
    pub(crate) fields: Named,
}

impl LeftOut {
    /// How many items were left out.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.items.all
    }

    /// A sentence for each kind, where anything was left out.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        let all = [
            self.items.message("left out"),
            self.ends.message("cut short"),
            self.fields.message("unreadable fields"),
        ];
        let told: Vec<_> = all.into_iter().flatten().collect();
        (!told.is_empty()).then(|| told.join(". "))
    }
}
