//! What tests, benchmarks and the demo share.

pub mod control_plane;
pub mod signal;
pub mod simulator;
