//! Whether the operator lives and is ready, and the server that tells it to the kubelet and to Prometheus.

pub mod crds;
pub mod liveness;
pub mod probe;
pub mod readiness;
pub mod server;
