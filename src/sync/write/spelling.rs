//! Whether all that is listed belongs elsewhere by its own word: then the `ClusterWatch` does not spell an id as the API does.

use crate::{
    sync::decide::plan::MirrorTarget,
    together::{Error, Remediation},
};

/// Characters of an id of the API that are told.
const SHOWN: usize = 64;

/// What the items of a listing say of where they belong.
#[derive(Debug, Default)]
pub struct Spelling {
    /// One fits the scope, or is another's that has nothing to do with it.
    fits: bool,
    /// How the API spells an id, by the first item that does not fit.
    other: Option<Error>,
}

impl Spelling {
    /// Takes in an item.
    pub(crate) fn note(&mut self, target: &MirrorTarget, item: &Remediation) {
        if self.fits {
            return;
        }
        let cluster = item.cluster_id.as_deref();
        let cluster = cluster.filter(|theirs| *theirs != &*target.cluster);
        let instance = item.instance_id.as_deref().zip(target.instance.as_deref());
        let instance = instance.filter(|(theirs, ours)| theirs != ours && alike(theirs, ours));
        let other = cluster.map(|theirs| ("spec.clusterId", theirs));
        let other = other.or(instance.map(|(theirs, _)| ("spec.instanceId", theirs)));
        match other {
            Some((field, theirs)) if self.other.is_none() => {
                let theirs = theirs.chars().take(SHOWN).collect();
                self.other = Some(Error::OtherSpelling { field, theirs });
            }
            Some(_) => {}
            None => self.fits = true,
        }
    }

    /// Whether a complete listing of the `whole` that is to be mirrored may be mirrored.
    ///
    /// # Errors
    /// [`Error::OtherSpelling`]: it shows something, and all of that belongs elsewhere.
    pub fn check(&mut self, whole: bool) -> Result<(), Error> {
        match self.other.take() {
            Some(error) if whole && !self.fits => Err(error),
            _ => Ok(()),
        }
    }
}

/// Whether two ids differ by their spelling alone: letter case, white space, punctuation.
fn alike(one: &str, other: &str) -> bool {
    let bare = |id: &str| {
        let bare = id.chars().filter(|c| c.is_alphanumeric());
        bare.flat_map(char::to_lowercase).collect::<String>()
    };
    bare(one) == bare(other)
}
