//! An API key, held as a secret.

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Longest key taken, in bytes.
const MAX_LENGTH: usize = 4096;

/// A key of Together's API. Its `Debug` shows nothing of it.
#[derive(Debug, Clone)]
pub struct ApiKey {
    secret: SecretString,
    /// Marked sensitive, so that nothing prints it.
    bearer: HeaderValue,
}

/// Why something cannot be a key; never shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing but white space.
    #[error("the API key is empty")]
    Empty,
    /// Bytes that no token has.
    #[error("the API key holds characters that no key has (white space, control or non-ASCII)")]
    NotToken,
    /// More than 4096 bytes.
    #[error("the API key is longer than 4096 bytes")]
    TooLong,
}

impl ApiKey {
    /// Reads a key as a Secret holds it; white space around it is dropped.
    ///
    /// # Errors
    /// [`KeyError`] if it is empty, longer than 4096 bytes or not visible ASCII.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes = bytes.trim_ascii();
        if bytes.is_empty() {
            return Err(KeyError::Empty);
        }
        if bytes.len() > MAX_LENGTH {
            return Err(KeyError::TooLong);
        }
        if !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(KeyError::NotToken);
        }
        let key = std::str::from_utf8(bytes).map_err(|_| KeyError::NotToken)?;
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| KeyError::NotToken)?;
        bearer.set_sensitive(true);
        Ok(Self {
            secret: SecretString::from(key),
            bearer,
        })
    }

    /// SHA-256 of the key: tells keys apart without holding them.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.secret.expose_secret().as_bytes()).into()
    }

    /// The Authorization header.
    pub(super) fn bearer(&self) -> HeaderValue {
        self.bearer.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn white_space_around_a_key_does_not_matter() {
        let plain = ApiKey::parse(b"tg-key-1").unwrap();
        let padded = ApiKey::parse(b" \ttg-key-1\r\n").unwrap();
        assert_eq!(plain.fingerprint(), padded.fingerprint());
        assert_ne!(
            plain.fingerprint(),
            ApiKey::parse(b"tg-key-2").unwrap().fingerprint()
        );
    }

    #[test]
    fn refuses_what_is_no_key_without_showing_it() {
        let long = vec![b'k'; MAX_LENGTH + 1];
        for (bytes, error) in [
            (&b""[..], KeyError::Empty),
            (b" \n", KeyError::Empty),
            (b"tg key", KeyError::NotToken),
            (b"tg\nkey", KeyError::NotToken),
            (b"tg\0key", KeyError::NotToken),
            ("schl\u{fc}ssel".as_bytes(), KeyError::NotToken),
            (b"\xff\xfe", KeyError::NotToken),
            (&long, KeyError::TooLong),
        ] {
            assert_eq!(ApiKey::parse(bytes).unwrap_err(), error);
        }
        assert!(ApiKey::parse(&long[1..]).is_ok());
    }

    #[test]
    fn nothing_prints_a_key() {
        let key = ApiKey::parse(b"planted-marker").unwrap();
        let printed = format!("{key:?} {:?}", key.bearer());
        assert!(!printed.contains("planted-marker"), "{printed}");
        assert_eq!(key.bearer().as_bytes(), b"Bearer planted-marker");
    }
}
