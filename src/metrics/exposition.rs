//! Chooses the format for a scrape, and renders the older format: pure.

use std::fmt::Write;

/// A format of `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
    /// The Prometheus text format 0.0.4, which every scraper can read.
    Prometheus,
}

/// How specifically a clause of `Accept` names a format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    #[default]
    Not,
    /// `*/*`
    Any,
    /// `text/*`
    Type,
    /// The media type.
    Name,
    /// The media type and version.
    Version,
}

impl Format {
    /// The format that these values of `Accept` prefer. The older format is the default, even if nothing matches,
    /// because a scraper that sends no usable `Accept` must still get metrics.
    pub fn of<'a>(accept: impl IntoIterator<Item = &'a str>) -> Self {
        let clauses: Vec<_> = accept.into_iter().flat_map(clauses).collect();
        let (open, older) = (
            Self::OpenMetrics.preference(&clauses),
            Self::Prometheus.preference(&clauses),
        );
        if open.0 > 0 && open > older {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// The value of `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    const fn name(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::OpenMetrics => ("application", "openmetrics-text", "1.0.0"),
            Self::Prometheus => ("text", "plain", "0.0.4"),
        }
    }

    /// Its weight (thousandths), how specifically it is named, and its position. The most specific clause counts.
    fn preference(self, clauses: &[Clause]) -> (u16, Named, usize) {
        let named = clauses.iter().rev().enumerate();
        let best = named
            .map(|(early, clause)| (clause.names(self), early, clause.quality))
            .filter(|(named, ..)| *named > Named::Not)
            .max();
        best.map_or((0, Named::Not, 0), |(named, early, quality)| {
            (quality, named, early)
        })
    }
}

/// A clause of `Accept`.
#[derive(Debug)]
struct Clause {
    type_: String,
    subtype: String,
    version: Option<String>,
    /// The weight in thousandths.
    quality: u16,
}

impl Clause {
    fn names(&self, format: Format) -> Named {
        let (type_, subtype, version) = format.name();
        match (&*self.type_, &*self.subtype, self.version.as_deref()) {
            ("*", "*", _) => Named::Any,
            (same, "*", _) if same == type_ => Named::Type,
            (same, other, None) if same == type_ && other == subtype => Named::Name,
            (same, other, Some(asked)) if same == type_ && other == subtype && asked == version => {
                Named::Version
            }
            _ => Named::Not,
        }
    }
}

/// The valid clauses of one value of `Accept`.
fn clauses(accept: &str) -> Vec<Clause> {
    split(accept, ',').into_iter().filter_map(clause).collect()
}

fn clause(text: &str) -> Option<Clause> {
    let mut parts = split(text, ';').into_iter();
    let (type_, subtype) = parts.next()?.trim().split_once('/')?;
    let mut clause = Clause {
        type_: type_.to_ascii_lowercase(),
        subtype: subtype.to_ascii_lowercase(),
        version: None,
        quality: 1000,
    };
    for parameter in parts {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = value.trim().trim_matches('"');
        match &*name.trim().to_ascii_lowercase() {
            "q" => clause.quality = quality(value)?,
            "version" => clause.version = Some(value.to_owned()),
            _ => {}
        }
    }
    Some(clause)
}

/// A weight from 0 to 1, in thousandths.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 to 1000"
)]
fn quality(value: &str) -> Option<u16> {
    let value: f64 = value.parse().ok()?;
    (0.0..=1.0)
        .contains(&value)
        .then(|| (value * 1000.0).round() as u16)
}

/// The parts of `text` between separators that are not in quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    let parts = text.split(move |c| {
        quoted ^= c == '"';
        c == separator && !quoted
    });
    parts.collect()
}

/// Converts `OpenMetrics` to the older format, in which a counter's metadata carries the name of its samples, and units
/// and the end are not marked.
pub(super) fn prometheus(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = None;
    for line in open_metrics.lines() {
        if line.starts_with("# UNIT ") || line == "# EOF" {
            continue;
        }
        if let Some(of) = line.strip_prefix("# HELP ") {
            help = of.split_once(' ');
            continue;
        }
        let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|of| of.split_once(' '))
        else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        let end = if kind == "counter" { "_total" } else { "" };
        // Writing to a String cannot fail.
        if let Some((_, help_text)) = help.take().filter(|(of, _)| *of == name) {
            let _ = writeln!(text, "# HELP {name}{end} {help_text}");
        }
        let _ = writeln!(text, "# TYPE {name}{end} {kind}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Format::*, *};

    /// What Prometheus 2.42, 2.55 and 3.5 ask for.
    const OLD: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    const LATE: &str = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    const NEW: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

    #[test]
    fn openmetrics_is_for_those_who_ask_for_it() {
        for accept in [
            OLD,
            LATE,
            NEW,
            "application/openmetrics-text",
            "Application/OpenMetrics-Text ; Version=\"1.0.0\"",
            "application/openmetrics-text, text/plain",
            "text/plain;q=0.4, application/openmetrics-text;q=0.5",
            "application/openmetrics-text, */*",
            "application/openmetrics-text;x=\"a,b;q=0\"",
            "text/plain;q=0, */*",
        ] {
            assert_eq!(Format::of([accept]), OpenMetrics, "{accept}");
        }
        let lines = ["text/plain;q=0.1", "application/openmetrics-text;q=0.2"];
        assert_eq!(Format::of(lines), OpenMetrics, "two headers");
    }

    #[test]
    fn all_others_get_the_format_that_every_scraper_reads() {
        assert_eq!(Format::of([]), Prometheus);
        for accept in [
            PROTOBUF,
            "",
            "*/*",
            "text/plain",
            "text/plain;version=0.0.4",
            "text/*, application/openmetrics-text;q=0.9",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/plain, application/openmetrics-text",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=0, text/plain;q=0",
            "application/openmetrics-text;q=much",
            "application/openmetrics-text;q=2",
            "application/openmetrics-text;q=NaN",
            "application/openmetrics-text;version=0.0.1",
            "application/json",
            "application",
            ";;,,=,\"",
        ] {
            assert_eq!(Format::of([accept]), Prometheus, "{accept}");
        }
    }

    #[test]
    fn a_counter_is_described_by_the_name_of_its_samples() {
        let open_metrics = "# HELP calls Calls.\n# TYPE calls counter\ncalls_total{a=\"# EOF\"} 1\n# HELP age_seconds Age.\n# TYPE age_seconds gauge\n# UNIT age_seconds seconds\nage_seconds 2\n# EOF\n";
        let expected = "# HELP calls_total Calls.\n# TYPE calls_total counter\ncalls_total{a=\"# EOF\"} 1\n# HELP age_seconds Age.\n# TYPE age_seconds gauge\nage_seconds 2\n";
        assert_eq!(prometheus(open_metrics), expected);
    }
}
