//! What is counted of the polls and writes of each `ClusterWatch`.

pub mod change;
pub mod meter;
pub mod totals;
