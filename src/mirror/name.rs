//! The object name of a remediation's mirror.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

/// Maximum number of characters of the readable part of a hashed name.
const SLUG: usize = 40;
/// Bytes of the hash in a hashed name: 80 bits.
const HASH: usize = 10;

/// The name of the mirror of remediation `id` of `cluster`.
///
/// A UUID in its usual form (lower case, hyphens) is used unchanged. Any other id becomes a readable slug and a hash of
/// cluster and id, so that no two ids share an object and every name is valid (DNS-1123, 253 characters).
#[must_use]
pub fn object_name<'a>(cluster: &str, id: &'a str) -> Cow<'a, str> {
    if is_uuid(id) {
        return id.into();
    }
    let mut name = slug(id);
    if !name.is_empty() {
        name.push('-');
    }
    let mut hash = Sha256::new();
    hash.update((cluster.len() as u64).to_be_bytes());
    hash.update(cluster);
    hash.update(id);
    let digits = hash
        .finalize()
        .into_iter()
        .take(HASH)
        .flat_map(|byte| [byte >> 4, byte & 15]);
    name.extend(digits.filter_map(|digit| char::from_digit(digit.into(), 16)));
    name.into()
}

fn is_uuid(id: &str) -> bool {
    id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

/// Lower-case letters and digits of `id`; runs of other characters become one hyphen, none at the ends.
fn slug(id: &str) -> String {
    let mut slug = String::with_capacity(SLUG);
    for char in id.chars() {
        if slug.len() >= SLUG {
            break;
        }
        if char.is_ascii_alphanumeric() {
            slug.push(char.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_uuid_is_its_own_name() {
        let id = "9f0c8a52-7d0e-4a39-9c1a-3a1f6a0b7c11";
        assert_eq!(object_name("c", id), id);
    }

    #[test]
    fn what_is_no_usual_uuid_is_hashed_with_its_cluster() {
        let id = "9F0C8A52-7D0E-4A39-9C1A-3A1F6A0B7C11";
        assert_ne!(object_name("c", id), id.to_lowercase());
        assert_ne!(object_name("a", "x/y"), object_name("b", "x/y"));
        assert_ne!(object_name("c", "x/y"), object_name("c", "x.y"));
        assert_ne!(object_name("ab", "c"), object_name("a", "bc"));
        assert!(object_name("c", "Repair of Node 7").starts_with("repair-of-node-7-"));
    }

    #[test]
    fn a_name_that_looks_hashed_is_hashed_again() {
        let hashed = object_name("c", "x/y");
        assert_ne!(object_name("c", &hashed), hashed);
    }

    proptest! {
        #[test]
        fn every_name_is_a_dns_subdomain(cluster in any::<String>(), id in any::<String>()) {
            let name = object_name(&cluster, &id);
            prop_assert!(name.len() <= 63);
            prop_assert!(name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')));
            prop_assert!(!name.starts_with('-') && !name.ends_with('-'));
        }
    }
}
