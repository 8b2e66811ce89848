//! The port to the API server: requests, watches, rate limits, the Lease and the identity of the operator.

pub mod api;
pub mod connect;
pub mod error;
pub mod error_text;
pub mod gate;
pub mod kubeconfig;
pub mod leadership;
pub mod lease;
pub mod partial;
mod refusal;
pub mod signature;
pub mod throttle;
pub mod watch;
