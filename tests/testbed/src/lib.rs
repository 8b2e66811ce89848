//! What tests, benchmarks and the demo share.

pub mod api_proxy;
pub mod control_plane;
pub mod signal;
pub mod simulator;
