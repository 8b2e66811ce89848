//! A log that tests read.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use tracing::{Dispatch, subscriber::DefaultGuard};

use crate::{config::LogFormat, telemetry};

/// Keeps what this thread logs, until it is dropped.
pub(crate) struct KeptLog {
    text: Text,
    _log: DefaultGuard,
    /// As long as there is only one log, a line that another thread, which has none, logs first is off for all threads.
    _another: Dispatch,
}

impl KeptLog {
    /// What `filter` lets through, in this format.
    pub(crate) fn start(format: LogFormat, filter: &str) -> Self {
        let text = Text::default();
        let to = text.clone();
        let another = Dispatch::new(tracing_subscriber::registry());
        let log = telemetry::log(format, filter, move || to.clone(), false);
        Self {
            text,
            _log: tracing::subscriber::set_default(log),
            _another: another,
        }
    }

    /// What was logged so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.text.0.lock().unwrap().clone()).unwrap()
    }
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
