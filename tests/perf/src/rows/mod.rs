//! The rows of the table, each measured with what it is compared with.

mod apply;
mod binary;
mod change;
mod first_mirror;
mod instances;
mod latency;
mod many;
mod memory;
mod peer;
mod quiet;
mod restart;
mod unchanged;

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::{Failure, result::Row, stage::Stage};

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// First mirror against the write ceiling
    FirstMirror,
    /// CPU of a sync without changes
    Unchanged,
    /// 1 % changed, from page to status
    Change,
    /// Peak memory
    Memory,
    /// Restart with mirrors in place
    Restart,
    /// kubectl apply to the first row and to all
    Apply,
    /// Calls, writes and CPU where nothing happens
    Quiet,
    /// Many `ClusterWatches`: pace and CPU
    Many,
    /// Whether the operator is ever busy for long: many `ClusterWatches` of one node each
    Instances,
    /// 2,000 `ClusterWatches` and 100,000 mirrors (without --row only with --large)
    Fleet,
    /// From a change at Together to kubectl
    Latency,
    /// Size of the program
    Binary,
    /// The same work done by a script
    Peer,
}

impl Name {
    /// As on the command line and in result files.
    pub(crate) fn text(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Items a page, unless a `ClusterWatch` sets another size.
const PAGE: u32 = 100;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All but the largest worlds.
    Full,
    /// With 100,000 and 300,000 mirrors and 2,000 `ClusterWatches` on top.
    Large,
    /// Only whether it works.
    Quick,
}

impl Mode {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Large => "large",
            Self::Quick => "quick",
        }
    }

    /// `full`, or `quick` in the quick mode.
    pub(crate) const fn pick<T: Copy>(self, full: T, quick: T) -> T {
        match self {
            Self::Full | Self::Large => full,
            Self::Quick => quick,
        }
    }

    /// Mirrors of a large cluster.
    pub(crate) const fn many(self) -> u32 {
        self.pick(10_000, 150)
    }
}

/// Measures one row.
pub(crate) async fn measure(name: Name, stage: &mut Stage, mode: Mode) -> Result<Row, Failure> {
    match name {
        Name::FirstMirror => first_mirror::measure(stage, mode).await,
        Name::Unchanged => unchanged::measure(stage, mode).await,
        Name::Change => change::measure(stage, mode).await,
        Name::Memory => memory::measure(stage, mode).await,
        Name::Restart => restart::measure(stage, mode).await,
        Name::Apply => apply::measure(stage, mode).await,
        Name::Quiet => quiet::measure(stage, mode).await,
        Name::Many => many::measure(stage, mode).await,
        Name::Fleet => many::measure_fleet(stage, mode).await,
        Name::Instances => instances::measure(stage, mode).await,
        Name::Latency => latency::measure(stage, mode).await,
        Name::Binary => binary::measure(stage),
        Name::Peer => peer::measure(stage, mode).await,
    }
}

/// Fields of a `ClusterWatch` that syncs only on request.
fn never() -> Value {
    json!({"interval": "24h", "activeInterval": "24h", "fullResyncInterval": "24h"})
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}
