//! What can go wrong between asking for a control plane and having one.

use std::{io, path::Path, process::ExitStatus};

/// Why there is no control plane, or why it did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file, a folder or a program of this machine failed.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, and on which path.
        what: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The API server refused, or could not be reached.
    #[error("{what}: {source}")]
    Kube {
        /// What was asked of it.
        what: String,
        /// Its answer.
        source: Box<kube::Error>,
    },
    /// A program of the control plane ended before it was ready.
    #[error("{name} ended ({status}); the last lines of its log:\n{tail}")]
    Ended {
        /// The program.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines it wrote.
        tail: String,
    },
    /// A step did not come true in its time.
    #[error("{what} did not come true within {seconds} s: {last}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// The limit in seconds.
        seconds: u64,
        /// What was seen last.
        last: String,
    },
    /// A way to a control plane that cannot be taken on this machine: what it needs is not there.
    #[error("{0}")]
    Absent(String),
    /// A step on the way to a control plane that failed.
    #[error("{0}")]
    Failed(String),
    /// No way led to a control plane: each one with its reason, one a line.
    #[error("no control plane can be had on this machine:\n{0}")]
    NoWay(String),
    /// A manifest or an answer that could not be read.
    #[error("{what}: {why}")]
    Unreadable {
        /// What was read.
        what: String,
        /// Where it broke.
        why: String,
    },
}

impl Error {
    /// For `map_err` on what touches `path`.
    pub(super) fn io(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let what = format!("{doing} {}", path.display());
        move |source| Self::Io { what, source }
    }

    /// For `map_err` on what asks the API server.
    pub(super) fn kube(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |source| Self::Kube {
            what,
            source: Box::new(source),
        }
    }

    /// For `map_err` on what parses `what`.
    pub(super) fn unreadable<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> Self {
        let what = what.to_owned();
        move |why| Self::Unreadable {
            what,
            why: why.to_string(),
        }
    }
}
