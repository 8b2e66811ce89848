//! Liveness and readiness of the operator, and the server for the kubelet's probes and for Prometheus.

pub mod crds;
pub mod liveness;
pub mod probe;
pub mod readiness;
pub mod server;
