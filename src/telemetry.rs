//! The log. It shows no API key, no person, and no response of either API.

use std::any::Any;
use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use tracing::{Metadata, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, filter, fmt};

use crate::config::LogFormat;

/// Never logged, whatever the filter: kube-client logs whole bodies here, including those with a Secret or a person's
/// name.
const SILENCED: [&str; 1] = ["kube_client::client"];

/// Starts the log on standard error, including panics. A second call has no effect.
pub fn start(format: LogFormat, filter: &str) {
    let colours = std::io::stderr().is_terminal();
    // A test that runs the operator in its own process already has a log.
    if log(format, filter, std::io::stderr, colours)
        .try_init()
        .is_ok()
    {
        std::panic::set_hook(Box::new(panicked));
    }
}

/// A log that writes `to`. Lines of a worker have the fields of its span.
pub(crate) fn log<W>(
    format: LogFormat,
    filter: &str,
    to: W,
    colours: bool,
) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let levels = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = fmt::layer().with_writer(to);
    let log = match format {
        LogFormat::Json => log.json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Text => log.with_ansi(colours).boxed(),
    };
    let log = log.with_filter(filter::filter_fn(may_be_logged));
    tracing_subscriber::registry().with(levels).with(log)
}

fn may_be_logged(event: &Metadata<'_>) -> bool {
    !SILENCED.contains(&event.target())
}

/// Logs a panic.
fn panicked(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "panicked: {}", literal_message(info.payload()));
}

/// The panic's message if it is a literal of the program. A formatted message may contain anything.
fn literal_message(payload: &dyn Any) -> &'static str {
    payload
        .downcast_ref()
        .copied()
        .unwrap_or("a bug in the operator. Please report the location")
}

#[cfg(test)]
mod tests;
