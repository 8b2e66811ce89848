//! Who the program is to the servers that it calls: each client of the program names it so.

/// The field manager of every write to the cluster.
pub const FIELD_MANAGER: &str = env!("CARGO_PKG_NAME");

/// The `User-Agent` of every request.
pub const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
