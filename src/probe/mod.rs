//! `probe`: asks the Together API once, as `run` would, and says what was understood. It is for a first look, and its output
//! for an issue.

mod findings;
mod notes;
mod printable;
pub mod report;
mod source;
mod survey;
pub mod text;

use std::{ffi::OsString, sync::Arc};

pub use self::{findings::Problem, source::NotProbed};
use self::{
    report::{Failed, Report},
    source::Subject,
};
use crate::{
    api::cluster_watch::ClusterWatch,
    clock::SystemClock,
    config::Probe,
    controller::status::reason,
    mirror::labels::FlagLabels,
    network::Proxies,
    sync::{SyncError, target::MirrorTarget},
    together::{ApiKey, BaseUrl, Client, Error, Limits},
};

/// Probes what `flags` name; `key`: the API key of the environment.
///
/// # Errors
/// [`NotProbed`] where there is nothing to ask with.
pub async fn probe(
    flags: &Probe,
    key: Option<OsString>,
    proxies: &Proxies,
) -> Result<Report, NotProbed> {
    let usage = |message: String| NotProbed::Usage(message);
    let base = BaseUrl::parse(&flags.api_url, flags.allow_http)
        .map_err(|error| usage(format!("--api-url: {error}")))?;
    let proxy = base.proxy(proxies);
    let proxy = proxy.map_err(|error| usage(error.to_string()))?;
    let client = Client::new(base, Limits::default(), proxy)
        .map_err(|error| NotProbed::Failed(error.to_string()))?;
    let Subject { watch, key, notes } = source::subject(flags, key, proxies).await?;
    let mut report = match key {
        Ok(key) => ask(&client, &key, &watch, flags.show_ids).await,
        Err(failed) => Report::unasked(client.host(), &watch, Some(failed), flags.show_ids),
    };
    report.notes.extend(notes);
    Ok(report)
}

/// Asks the API of `client` for what `watch` would mirror.
pub async fn ask(client: &Client, key: &ApiKey, watch: &ClusterWatch, show_ids: bool) -> Report {
    let target = MirrorTarget::of(watch, FlagLabels::default());
    let clock = Arc::new(SystemClock::default());
    let client = client.clone().with_clock(clock.clone());
    let survey = survey::survey(&client, key, watch, &target, &*clock).await;
    let failure = survey.failure.clone();
    let failure = failure.map(|error| failed(error, target, show_ids));
    Report::unasked(client.host(), watch, None, show_ids).with(survey, failure, show_ids)
}

/// The reason and message that Ready of the `ClusterWatch` would have for `error`. Without `show_ids`, placeholders
/// replace the ids.
fn failed(error: Error, mut target: MirrorTarget, show_ids: bool) -> Failed {
    let mut error = error;
    if !show_ids {
        target.cluster = "CLUSTER_ID".into();
        target.instance = target.instance.map(|_| "INSTANCE_ID".into());
        if let Error::OtherSpelling { theirs, .. } = &mut error {
            "ANOTHER_ID".clone_into(theirs);
        }
    }
    reason::failure(&SyncError::Api(error), &target).into()
}
