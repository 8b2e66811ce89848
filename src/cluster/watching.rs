//! How long a watch may be silent.
//!
//! A connection that has died without a word shows no events, no error and no end: an edit or a deletion would go unseen.
//! So a watch is short, and one that outlives its time, or a listing or its beginning that says nothing, is begun anew.

use std::time::Duration;

use kube::{Client, Config, runtime::watcher};

/// After so many seconds the server ends a watch, and it is resumed where it was.
const SECONDS: u32 = 30;

/// A connection that says nothing for so long is dead: the server ends every watch before.
const SILENCE: Duration = Duration::from_secs(40);

/// A client for watches.
///
/// # Errors
/// When the configuration makes no client.
pub fn client(mut config: Config) -> kube::Result<Client> {
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    Client::try_from(config)
}

/// How all watches are made.
#[must_use]
pub fn config() -> watcher::Config {
    watcher::Config::default().timeout(SECONDS)
}
