//! An API key, held as a secret.

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Maximum length of a key in bytes.
const MAX_LENGTH: usize = 4096;

/// Quotation marks that a value copied from a template or a `.env` file may have.
const QUOTES: &[u8] = b"\"'`";

/// The scheme of the Authorization header.
const SCHEME: &[u8] = b"Bearer";

/// An API key of Together. Its `Debug` shows nothing of it.
#[derive(Debug, Clone)]
pub struct ApiKey {
    secret: SecretString,
    /// Marked as sensitive, so that it is never printed.
    bearer: HeaderValue,
}

/// Why a value cannot be an API key, and what to do. The text never contains the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing but white space.
    #[error("it is empty. Store the API key there")]
    Empty,
    /// A quotation mark at an end.
    #[error("it is in quotation marks. Remove them")]
    Quoted,
    /// Begins like a JSON object or array.
    #[error("it is JSON. Store only the API key")]
    Json,
    /// Begins with the scheme of the Authorization header.
    #[error("it begins with \"Bearer\". Remove that word")]
    Bearer,
    /// White space within.
    #[error("it contains white space or a line break. Store only the API key, on one line")]
    WhiteSpace,
    /// Non-Latin letters, typographic quotes, a byte order mark, UTF-16 or binary data.
    #[error("it contains non-ASCII characters. Store the API key as plain text")]
    NotAscii,
    /// Another character that is invalid in a Bearer token.
    #[error(
        "it contains an invalid character. Letters, digits and -._~+/ are allowed, and = at the end"
    )]
    NotToken,
    /// More than 4096 bytes.
    #[error("it is longer than 4096 bytes. Store only the API key")]
    TooLong,
}

impl ApiKey {
    /// Parses a key from a Secret's value; surrounding white space is dropped.
    ///
    /// # Errors
    /// [`KeyError`] if it is empty, longer than 4096 bytes, or not a valid Bearer token (`b68token` of RFC 6750).
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes = bytes.trim_ascii();
        check(bytes)?;
        let key = std::str::from_utf8(bytes).map_err(|_| KeyError::NotToken)?;
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| KeyError::NotToken)?;
        bearer.set_sensitive(true);
        Ok(Self {
            secret: SecretString::from(key),
            bearer,
        })
    }

    /// SHA-256 of the key, which distinguishes keys without storing them.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.secret.expose_secret().as_bytes()).into()
    }

    /// The Authorization header.
    pub(super) fn bearer(&self) -> HeaderValue {
        self.bearer.clone()
    }
}

/// The error of a key without surrounding white space. The most specific check comes first.
fn check(bytes: &[u8]) -> Result<(), KeyError> {
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return Err(KeyError::Empty);
    };
    if bytes.len() > MAX_LENGTH {
        return Err(KeyError::TooLong);
    }
    if QUOTES.contains(first) || QUOTES.contains(last) {
        return Err(KeyError::Quoted);
    }
    if b"{[".contains(first) {
        return Err(KeyError::Json);
    }
    let word = bytes.get(..SCHEME.len());
    if word.is_some_and(|word| word.eq_ignore_ascii_case(SCHEME)) {
        let rest = &bytes[SCHEME.len()..];
        // "bearer-1" is a token of its own.
        if rest.is_empty() || b" \t:=".contains(&rest[0]) {
            return Err(KeyError::Bearer);
        }
    }
    if !bytes.is_ascii() {
        return Err(KeyError::NotAscii);
    }
    if bytes.iter().any(u8::is_ascii_whitespace) {
        return Err(KeyError::WhiteSpace);
    }
    let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
    let token = &bytes[..bytes.len() - padding];
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    if token.is_empty() || !token.iter().all(fits) {
        return Err(KeyError::NotToken);
    }
    Ok(())
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
        let other = ApiKey::parse(b"tg-key-2").unwrap();
        assert_ne!(plain.fingerprint(), other.fingerprint());
    }

    #[test]
    fn refuses_what_is_no_key_without_showing_it() {
        let long = vec![b'k'; MAX_LENGTH + 1];
        for (bytes, error) in [
            (&b""[..], KeyError::Empty),
            (b" \n", KeyError::Empty),
            (b"\"tgp_v1_key\"", KeyError::Quoted),
            (b"'tgp_v1_key'\n", KeyError::Quoted),
            (b"tgp_v1_key\"", KeyError::Quoted),
            (b"`tgp_v1_key`", KeyError::Quoted),
            (b"\"\"", KeyError::Quoted),
            (b"{\"api-key\": \"tgp_v1_key\"}", KeyError::Json),
            (b"[\"tgp_v1_key\"]", KeyError::Json),
            (b"Bearer tgp_v1_key", KeyError::Bearer),
            (b"bearer\ttgp_v1_key", KeyError::Bearer),
            (b"BEARER: tgp_v1_key", KeyError::Bearer),
            (b"Bearer", KeyError::Bearer),
            (b"tg key", KeyError::WhiteSpace),
            (b"tg\nkey", KeyError::WhiteSpace),
            (b"tg\tkey", KeyError::WhiteSpace),
            (b"tg\r\nkey", KeyError::WhiteSpace),
            (b"tg\0key", KeyError::NotToken),
            (b"TOGETHER_API_KEY:tgp_v1_key", KeyError::NotToken),
            (b"TOGETHER_API_KEY=tgp_v1_key", KeyError::NotToken),
            (b"<key>", KeyError::NotToken),
            (b"${TOGETHER_API_KEY}", KeyError::NotToken),
            (b"==", KeyError::NotToken),
            ("schl\u{fc}ssel".as_bytes(), KeyError::NotAscii),
            ("\u{201c}tgp_v1_key\u{201d}".as_bytes(), KeyError::NotAscii),
            ("\u{feff}tgp_v1_key".as_bytes(), KeyError::NotAscii),
            ("tgp\u{a0}key".as_bytes(), KeyError::NotAscii),
            (b"\xff\xfe", KeyError::NotAscii),
            (&long, KeyError::TooLong),
        ] {
            assert_eq!(ApiKey::parse(bytes).unwrap_err(), error);
        }
        assert!(ApiKey::parse(&long[1..]).is_ok());
    }

    #[test]
    fn every_bearer_token_can_be_a_key() {
        for key in [
            "tgp_v1_aB3-x",
            "a.b~c+d/e==",
            "bearer-1",
            "Bearertoken",
            "0",
        ] {
            assert!(ApiKey::parse(key.as_bytes()).is_ok(), "{key}");
        }
    }

    #[test]
    fn nothing_prints_a_key() {
        let key = ApiKey::parse(b"planted-marker").unwrap();
        let printed = format!("{key:?} {:?}", key.bearer());
        assert!(!printed.contains("planted-marker"), "{printed}");
        assert_eq!(key.bearer().as_bytes(), b"Bearer planted-marker");
    }
}
