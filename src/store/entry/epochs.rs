//! When a mirror was last shown.

use crate::store::Source;

/// When a watch and the response to a write last showed a mirror, in epochs: each list of a watch starts one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Epochs {
    /// The epoch in which the watch last showed it; 0 if it never did.
    shown: u32,
    /// The epoch in which the response to a write last showed it.
    answered: u32,
}

impl Epochs {
    /// Those after `source` showed the mirror in the epoch `now`.
    pub(in crate::store) fn stamped(self, source: Source, now: u32) -> Self {
        match source {
            Source::List(epoch) => Self {
                shown: epoch,
                ..self
            },
            Source::Event => Self { shown: now, ..self },
            Source::Answer => Self {
                answered: now,
                ..self
            },
        }
    }

    /// Whether a watch has shown the mirror since this `epoch` started.
    pub(in crate::store) fn shown_since(self, epoch: u32) -> bool {
        self.shown >= epoch
    }

    /// Whether the response to a write has shown the mirror since this `epoch` started.
    pub(in crate::store) fn answered_since(self, epoch: u32) -> bool {
        self.answered >= epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_stamps_its_own_epoch_and_all_else_the_current_one() {
        let since = |epochs: Epochs| {
            let last = |is: &dyn Fn(u32) -> bool| (0..9).rev().find(|epoch| is(*epoch));
            (
                last(&|epoch| epochs.shown_since(epoch)),
                last(&|epoch| epochs.answered_since(epoch)),
            )
        };
        let new = Epochs::default();
        assert_eq!(since(new), (Some(0), Some(0)));
        let listed = new.stamped(Source::List(3), 5);
        assert_eq!(since(listed), (Some(3), Some(0)));
        let written = listed.stamped(Source::Answer, 5);
        assert_eq!(since(written), (Some(3), Some(5)));
        assert_eq!(since(written.stamped(Source::Event, 6)), (Some(6), Some(5)));
    }
}
