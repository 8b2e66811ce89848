//! A digest of a mirror's status: equal digests, nothing to write.

use std::{hash::Hasher, io};

use serde::Serialize;
use siphasher::sip::SipHasher13;

use crate::api::remediation::RemediationStatus;

/// A digest of `status` without its history and without the times of its conditions, which follow from the rest.
#[must_use]
pub fn digest(status: &RemediationStatus) -> u64 {
    #[derive(Serialize)]
    struct Condition<'a>(&'a str, &'a str, &'a str, &'a str, Option<i64>);

    let mut conditions: Vec<_> = status
        .conditions
        .iter()
        .map(|c| {
            Condition(
                &c.type_,
                &c.status,
                &c.reason,
                &c.message,
                c.observed_generation,
            )
        })
        .collect();
    conditions.sort_unstable_by_key(|condition| condition.0);
    let mut hash = Hash(SipHasher13::new());
    let rest = RemediationStatus {
        conditions: Vec::new(),
        transitions: Vec::new(),
        ..status.clone()
    };
    // Writing to a hash and serialising plain structs cannot fail.
    let _ = serde_json::to_writer(&mut hash, &(rest, conditions));
    hash.0.finish()
}

struct Hash(SipHasher13);

impl io::Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
