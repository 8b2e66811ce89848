//! The port to the API server: what is read and written there, at what pace, by which lease, and under which name.

pub mod api;
pub mod connect;
pub mod error_text;
pub mod gate;
pub mod kubeconfig;
pub mod leadership;
pub mod lease;
pub mod partial;
pub mod refusal;
pub mod signature;
pub mod throttle;
pub mod watch;
