//! What the operator is compared with: small programs that do the same and nothing more, each a process of its own.

mod fetch;
mod listing;
mod polls;
mod writer;

use std::{path::PathBuf, time::Duration};

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use crate::{Failure, process};

/// A program to run; what it found is one line of JSON on stdout.
#[derive(Subcommand)]
pub(crate) enum Client {
    /// Creates objects and their status as fast as it can
    Write {
        /// A [`Job`].
        job: PathBuf,
    },
    /// Lists all mirrors page by page
    List {
        /// A [`Job`].
        job: PathBuf,
    },
    /// Fetches and parses a cluster's remediations
    Fetch {
        /// Address of the listing, without a page.
        url: String,
        /// API key.
        key: String,
        /// Items a page.
        page_size: u32,
        /// Seconds of rest before the listing that counts. One comes before the rest, so that connections are there.
        rest_seconds: u64,
    },
    /// Makes calls at the given pace
    Poll {
        /// [`Calls`].
        calls: PathBuf,
    },
}

/// Work on the cluster.
#[derive(Serialize, Deserialize)]
pub(crate) struct Job {
    /// Of the API server.
    pub(crate) server: String,
    /// Its authority: PEM in base64, as a kubeconfig has it.
    pub(crate) ca: String,
    pub(crate) token: String,
    /// Path of the collection.
    pub(crate) collection: String,
    /// One [`Item`] a line.
    pub(crate) items: PathBuf,
    /// Writes under way at a time.
    pub(crate) concurrency: usize,
}

/// One object to write: the body that creates it, and the one of its status, cut where uid and version belong.
#[derive(Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) create: String,
    /// Up to the resourceVersion, between it and the uid, and from there on.
    pub(crate) status: [String; 3],
}

/// Calls of Together's API, spread evenly over each interval.
#[derive(Serialize, Deserialize)]
pub(crate) struct Calls {
    /// Address and API key of each.
    pub(crate) targets: Vec<(String, String)>,
    pub(crate) interval_seconds: f64,
    pub(crate) intervals: u32,
}

/// What a program found.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Of the work itself, without start and preparation.
    pub(crate) seconds: f64,
    /// Processor time of the work itself.
    pub(crate) cpu_seconds: f64,
    /// Requests, or items where those were fetched.
    pub(crate) count: usize,
}

impl Client {
    /// Runs it to its end.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let found = match self {
            Self::Write { job } => writer::write(&read(&job)?).await?,
            Self::List { job } => listing::list(&read(&job)?).await?,
            Self::Fetch {
                url,
                key,
                page_size,
                rest_seconds,
            } => {
                let rest = Duration::from_secs(rest_seconds);
                fetch::fetch(&url, &key, page_size, rest).await?
            }
            Self::Poll { calls } => polls::poll(&read(&calls)?).await?,
        };
        println!("{}", serde_json::to_string(&found)?);
        Ok(())
    }
}

impl Job {
    /// A client of the API server as the operator's account.
    fn http(&self) -> Result<reqwest::Client, Failure> {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let pem = STANDARD.decode(&self.ca)?;
        let certificate = reqwest::Certificate::from_pem(&pem)?;
        // Measured: 32 connections of HTTP/1.1 are faster here than one of HTTP/2, which the Go client uses.
        let builder = reqwest::Client::builder()
            .tls_certs_only([certificate])
            .http1_only();
        Ok(builder.build()?)
    }
}

fn read<T: for<'a> Deserialize<'a>>(path: &PathBuf) -> Result<T, Failure> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

/// Processor time of this process since `before`.
fn cpu_since(before: Duration) -> Result<f64, Failure> {
    let now = process::cpu(std::process::id())?;
    Ok(now.saturating_sub(before).as_secs_f64())
}
