//! What tests, benchmarks and the demo share.

pub mod api_proxy;
pub mod argo_cd;
pub mod auditor;
pub mod control_plane;
pub mod drift;
mod etcd_tools;
pub mod flux;
pub mod helm;
pub mod loopback;
pub mod openmetrics;
pub mod program;
pub mod redis;
pub mod signal;
pub mod simulator;
pub mod tls;
