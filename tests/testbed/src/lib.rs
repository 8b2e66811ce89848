//! What tests, benchmarks and the demo share.

pub mod api_proxy;
pub mod auditor;
pub mod control_plane;
pub mod drift;
pub mod forward_proxy;
pub mod loopback;
pub mod openmetrics;
pub mod program;
pub mod signal;
pub mod simulator;
pub mod tls;
pub mod tools;
