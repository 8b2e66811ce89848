//! Writes that are tried in rounds until none is left, such as marks of stale mirrors: pure.

use std::sync::Arc;

use crate::store::Mirror;

/// Where the last round stopped early, because many writes failed or its time was over. The next round starts there, so
/// that mirrors that cannot be written do not keep the others from their turn. One name is enough, however many fail.
#[derive(Debug, Default)]
pub struct Rounds {
    stopped_at: Option<Box<str>>,
}

impl Rounds {
    /// The mirrors of the next round in the order in which to write them.
    pub fn begin(
        &mut self,
        mut mirrors: Vec<(Box<str>, Arc<Mirror>)>,
    ) -> Vec<(Box<str>, Arc<Mirror>)> {
        mirrors.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        if let Some(first) = self.stopped_at.take() {
            let done = mirrors.partition_point(|(name, _)| *name < first);
            mirrors.rotate_left(done);
        }
        mirrors
    }

    /// The round did not try the mirror of this name and those after it; `None` if it tried all.
    pub fn ended(&mut self, untried: Option<Box<str>>) {
        self.stopped_at = untried;
    }
}
