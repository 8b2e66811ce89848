//! How the program identifies itself to servers. Every client uses these names.

/// The field manager of every write to the API server.
pub const FIELD_MANAGER: &str = env!("CARGO_PKG_NAME");

/// The `User-Agent` of every request.
pub const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
