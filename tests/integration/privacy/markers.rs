//! Markers that stand for confidential text.

use k8s_openapi::ByteString;

/// A part of the key this long is too much.
const PART: usize = 8;
/// What may stand in a mirror's own fields and nowhere else.
const SHOWN: [&str; 5] = ["requester", "reviewer", "comment", "reason", "alert"];

pub(crate) struct Markers {
    run: String,
    /// The API key: no two parts of it are alike.
    pub(crate) key: String,
}

impl Markers {
    pub(crate) fn new(run: &str) -> Self {
        Self {
            run: run.to_owned(),
            key: "tgp_v1_Zq7LxV2mWc9RkT4bYh8NsD3gJf6PaU5e".to_owned(),
        }
    }

    /// The word for one kind of thing.
    pub(crate) fn of(&self, what: &str) -> String {
        format!("planted-{what}-{}", self.run)
    }

    /// Fails where `text` shows any of them, the key in part or in base64 too.
    pub(crate) fn absent_in(&self, text: &str) {
        self.found_in(text, "planted-");
        let [key, password] = [&self.key, &self.of("password")].map(|secret| {
            let encoded = serde_json::to_value(ByteString(secret.clone().into_bytes())).unwrap();
            encoded.as_str().unwrap().to_owned()
        });
        for secret in [&self.key, &key, &password] {
            let bytes = secret.trim_end_matches('=').as_bytes();
            for part in bytes.windows(PART) {
                self.found_in(text, std::str::from_utf8(part).unwrap());
            }
        }
    }

    /// Fails if `text` contains a person's name, or text that a person wrote.
    pub(crate) fn persons_absent_in(&self, text: &str) {
        for what in &SHOWN[..3] {
            self.found_in(text, &self.of(what));
        }
    }

    fn found_in(&self, text: &str, word: &str) {
        if let Some(at) = text.find(word) {
            let line = text[..at].lines().count();
            let around: String = text[..at].chars().rev().take(300).collect();
            let around: String = around.chars().rev().collect();
            panic!("{} in line {line}: …{around}>>{word}<<", self.run);
        }
    }
}
