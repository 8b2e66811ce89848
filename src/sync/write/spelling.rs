//! Detects a `ClusterWatch` that spells an id differently from the API: then every listed item belongs to another id.

use crate::{
    mirror::truncate::shown_id,
    sync::target::MirrorTarget,
    together::{Error, Remediation},
};

/// Where the items of a list belong, according to their fields.
#[derive(Debug, Default)]
pub struct Spelling {
    /// One belongs to the target, or to an unrelated id.
    fits: bool,
    /// The API's spelling of an id, from the first item that does not match.
    other: Option<Error>,
}

impl Spelling {
    /// Processes an item.
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
                let theirs = shown_id(theirs);
                self.other = Some(Error::OtherSpelling { field, theirs });
            }
            Some(_) => {}
            None => self.fits = true,
        }
    }

    /// Whether a complete list of the `whole` target may be mirrored.
    ///
    /// # Errors
    /// [`Error::OtherSpelling`] if the list is not empty and every item belongs to another id.
    pub fn check(&mut self, whole: bool) -> Result<(), Error> {
        match self.other.take() {
            Some(error) if whole && !self.fits => Err(error),
            _ => Ok(()),
        }
    }
}

/// Whether two ids differ only in spelling: letter case, white space or punctuation.
fn alike(one: &str, other: &str) -> bool {
    let bare = |id: &str| {
        let bare = id.chars().filter(|c| c.is_alphanumeric());
        bare.flat_map(char::to_lowercase).collect::<String>()
    };
    bare(one) == bare(other)
}
