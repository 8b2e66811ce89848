//! What a run found: one schema, written as JSON and read back for the table and the docs.

use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// Changes when a field changes its meaning.
pub(crate) const SCHEMA: u32 = 1;

/// One run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) schema: u32,
    /// `full`, `large` or `quick`; the figures of a quick one judge nothing.
    pub(crate) mode: String,
    /// RFC 3339.
    pub(crate) started: String,
    pub(crate) seconds: f64,
    pub(crate) machine: Machine,
    pub(crate) rows: Vec<Row>,
}

/// One row of the table: figures of the operator and of what it is compared with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) title: String,
    /// What was done, and with which limits.
    pub(crate) how: String,
    /// Load of the machine (1 min) when the row began.
    pub(crate) load: f64,
    pub(crate) seconds: f64,
    pub(crate) figures: Vec<Figure>,
    pub(crate) verdicts: Vec<Verdict>,
    /// Why the row has no figures, where it failed.
    pub(crate) error: Option<String>,
}

/// One measured quantity: a sample for each round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) samples: Vec<f64>,
}

/// A target, and whether it was reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) measure: String,
    pub(crate) value: f64,
    pub(crate) unit: String,
    pub(crate) target: Target,
    pub(crate) met: bool,
}

/// A bound, as the plan of this project set it before anything was measured.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Row {
    pub(crate) fn new(name: &str, title: String, how: String) -> Self {
        Self {
            name: name.to_owned(),
            title,
            how,
            load: 0.0,
            seconds: 0.0,
            figures: Vec::new(),
            verdicts: Vec::new(),
            error: None,
        }
    }

    /// Adds a quantity; its median, or 0 where there is no sample.
    pub(crate) fn figure(&mut self, name: &str, unit: &str, samples: Vec<f64>) -> f64 {
        let figure = Figure::of(name, unit, samples);
        let median = figure.median;
        self.figures.push(figure);
        median
    }

    pub(crate) fn verdict(&mut self, measure: &str, value: f64, unit: &str, target: Target) {
        self.verdicts.push(Verdict {
            measure: measure.to_owned(),
            value,
            unit: unit.to_owned(),
            target,
            met: target.met(value),
        });
    }
}

impl Figure {
    fn of(name: &str, unit: &str, samples: Vec<f64>) -> Self {
        let sorted = sorted(&samples);
        Self {
            name: name.to_owned(),
            unit: unit.to_owned(),
            median: quantile(&sorted, 0.5),
            min: sorted.first().copied().unwrap_or_default(),
            max: sorted.last().copied().unwrap_or_default(),
            samples,
        }
    }
}

impl Target {
    pub(crate) fn met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

/// A share of the samples, each compared with the one of its own round.
pub(crate) fn ratios(over: &[f64], under: &[f64]) -> Vec<f64> {
    over.iter().zip(under).map(|(a, b)| a / b).collect()
}

/// In ascending order.
pub(crate) fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The smallest sample that at least the part `q` of all does not exceed; 0 where there is none. For an even number the
/// median is the mean of the two in the middle.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a place in a list"
)]
pub(crate) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let at = ((sorted.len() as f64 * q).ceil() as usize).saturating_sub(1);
    if sorted.len().is_multiple_of(2) && at + 1 == sorted.len() / 2 && (q - 0.5).abs() < 1e-9 {
        return f64::midpoint(sorted[at], sorted[at + 1]);
    }
    sorted[at.min(last)]
}

#[cfg(test)]
#[allow(clippy::float_cmp)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_sample_that_was_seen() {
        let hundred: Vec<f64> = (1..=100_i32).map(f64::from).collect();
        assert_eq!(quantile(&hundred, 0.99), 99.0);
        assert_eq!(quantile(&hundred, 1.0), 100.0);
        assert_eq!(quantile(&hundred, 0.5), 50.5);
        assert_eq!(quantile(&[3.0], 0.99), 3.0);
        assert_eq!(quantile(&[1.0, 2.0, 9.0], 0.5), 2.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }

    #[test]
    fn a_bound_itself_is_met_and_what_lies_beyond_is_not() {
        assert!(Target::AtLeast(0.9).met(0.9) && !Target::AtLeast(0.9).met(0.89));
        assert!(Target::AtMost(1.5).met(1.5) && !Target::AtMost(1.5).met(1.51));
    }
}
