//! The report of a probe: pure. It holds no API key, nothing of a person, and ids only where they may be shown.

use serde::Serialize;

pub use self::{
    contents::{Contents, Mirrors, Unknown},
    exchange::{Calls, Dialect, Exchange, List, Scope},
};
use super::{notes, survey::Survey};
use crate::{
    api::{Reason, cluster_watch::ClusterWatch, conditions::sentence},
    controller::status::reason::Failure,
    together::ApiClock,
};

mod contents;
mod exchange;

/// The report of a probe. Its parts are one object in JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of the program.
    pub version: &'static str,
    /// Whether `run` could mirror it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What was asked, and how it was answered.
    #[serde(flatten)]
    pub exchange: Exchange,
    /// What the answers hold.
    #[serde(flatten)]
    pub contents: Contents,
    /// What would become of it.
    #[serde(flatten)]
    pub mirrors: Mirrors,
    /// The API's clock.
    pub clock: Clock,
    /// What to know, and what to do.
    pub notes: Vec<String>,
}

/// Whether `run` could mirror it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Whether it could.
    pub ok: bool,
    /// Why not, as Ready of the `ClusterWatch` would report it.
    pub failure: Option<Failed>,
}

impl Outcome {
    /// That of a probe that asked, and met this `failure`.
    fn of(failure: Option<Failed>) -> Self {
        Self {
            ok: failure.is_none(),
            failure,
        }
    }

    /// That of a probe that asked nothing.
    const fn unasked(failure: Option<Failed>) -> Self {
        Self { ok: false, failure }
    }
}

/// Why `run` could not mirror it.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// Reason of Ready.
    pub reason: &'static str,
    /// Its message: what happened, and what to do.
    pub message: String,
    /// Trying again is no use, so that the `ClusterWatch` would be Stalled.
    pub stalled: bool,
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self {
            reason: failure.reason.as_str(),
            message: sentence(&failure.message),
            stalled: failure.needs_somebody,
        }
    }
}

impl Failed {
    /// Why the API key of this `place`, which is no Secret, cannot be used.
    pub(super) fn no_key(place: &str, problem: impl std::fmt::Display) -> Self {
        Self {
            reason: Reason::SecretInvalid.as_str(),
            message: format!("the API key of {place} cannot be used: {problem}"),
            stalled: true,
        }
    }
}

/// The API's clock.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Clock {
    /// By how much it is ahead of the local one (negative: behind); absent: not known.
    pub skew_seconds: Option<f64>,
    /// It is off by more than a day.
    pub more_than_a_day: bool,
}

impl Clock {
    fn of(clock: ApiClock) -> Self {
        Self {
            skew_seconds: match clock {
                ApiClock::Known { ahead, .. } => Some((ahead.as_secs_f64() * 10.0).round() / 10.0),
                ApiClock::Unknown | ApiClock::Doubtful { .. } => None,
            },
            more_than_a_day: matches!(clock, ApiClock::Doubtful { .. }),
        }
    }
}

impl Report {
    /// Of a probe of `watch` that asked nothing, because of this `failure`.
    pub(super) fn unasked(
        api: String,
        watch: &ClusterWatch,
        failure: Option<Failed>,
        show_ids: bool,
    ) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            outcome: Outcome::unasked(failure),
            exchange: Exchange::unasked(api, watch, show_ids),
            contents: Contents::default(),
            mirrors: Mirrors::default(),
            clock: Clock::default(),
            notes: Vec::new(),
        }
    }

    /// The same with what the calls brought; `failure`: that of the survey, in words.
    pub(super) fn with(self, survey: Survey, failure: Option<Failed>, show_ids: bool) -> Self {
        let notes = notes::of(&survey);
        Self {
            outcome: Outcome::of(failure),
            exchange: self.exchange.with(&survey),
            clock: Clock::of(survey.clock),
            contents: Contents::of(survey.findings.values, &survey.fields),
            mirrors: Mirrors::of(survey.findings.forecast, show_ids),
            notes,
            ..self
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use k8s_openapi::jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::api::cluster_watch::ClusterWatchSpec;

    #[test]
    fn its_parts_are_one_object_in_the_order_of_the_reference() {
        let watch = ClusterWatch::new("probe", ClusterWatchSpec::default());
        let report = Report::unasked("api.example".to_owned(), &watch, None, false);
        let json = serde_json::to_string(&report).unwrap();
        let keys = [
            "version",
            "ok",
            "failure",
            "api",
            "scope",
            "calls",
            "lists",
            "dialect",
            "states",
            "modes",
            "triggers",
            "unknown",
            "mirrored",
            "excluded",
            "leftOut",
            "shortened",
            "unreadableFields",
            "clock",
            "notes",
        ];
        let at = |key: &str| {
            // The first one is the report's own: "unknown" follows with keys of the same names.
            json.find(&format!("\"{key}\":")).unwrap()
        };
        assert!(keys.map(at).is_sorted(), "{json}");
        let all: serde_json::Map<_, _> = serde_json::from_str(&json).unwrap();
        assert_eq!(all.len(), keys.len());
    }

    #[test]
    fn a_probe_that_asked_nothing_is_not_ok_even_without_a_failure() {
        assert!(!Outcome::unasked(None).ok);
        assert!(Outcome::of(None).ok);
        let failure = Failed::no_key("the environment", "it is empty");
        assert!(!Outcome::of(Some(failure)).ok);
    }

    #[test]
    fn the_clock_of_the_api_is_rounded_to_tenths() {
        let ahead = SignedDuration::from_millis(1_260);
        let known = ApiClock::Known {
            ahead,
            zero: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(Clock::of(known).skew_seconds, Some(1.3));
        assert_eq!(Clock::of(ApiClock::Unknown).skew_seconds, None);
        assert!(!Clock::of(ApiClock::Unknown).more_than_a_day);
    }
}
