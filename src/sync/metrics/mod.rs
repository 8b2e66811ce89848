//! Metrics of the syncs and writes of each `ClusterWatch`.

pub mod change;
pub mod meter;
pub mod totals;
