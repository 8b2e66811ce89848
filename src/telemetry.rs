//! The log: nothing in it shows a key, a person, or what the API or the cluster answered.

use std::any::Any;
use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use tracing::{Metadata, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, filter, fmt};

use crate::config::LogFormat;

/// What is never logged, whatever is asked for: kube-client writes whole bodies here, those too that hold a Secret or
/// name a person.
const SILENCED: [&str; 1] = ["kube_client::client"];

/// Starts the log on standard error, for panics too. A second call changes nothing.
pub fn start(format: LogFormat, filter: &str) {
    let colours = std::io::stderr().is_terminal();
    // A test that runs the operator in its own process has a log of its own already.
    if log(format, filter, std::io::stderr, colours)
        .try_init()
        .is_ok()
    {
        std::panic::set_hook(Box::new(panicked));
    }
}

fn log<W>(format: LogFormat, filter: &str, to: W, colours: bool) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let wanted = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = fmt::layer().with_writer(to);
    let log = match format {
        LogFormat::Json => log.json().flatten_event(true).boxed(),
        LogFormat::Text => log.with_ansi(colours).boxed(),
    };
    let log = log.with_filter(filter::filter_fn(may_be_logged));
    tracing_subscriber::registry().with(wanted).with(log)
}

fn may_be_logged(event: &Metadata<'_>) -> bool {
    !SILENCED.contains(&event.target())
}

/// Logs a panic.
fn panicked(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "panicked: {}", said(info.payload()));
}

/// What a panic says, where that was written into the program. A text made up while it ran may hold anything.
fn said(payload: &dyn Any) -> &'static str {
    payload
        .downcast_ref()
        .copied()
        .unwrap_or("a mistake of this program; please report its place")
}

#[cfg(test)]
mod tests;
