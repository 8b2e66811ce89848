//! Requests: URLs, and the alternatives for parameters that a server may require.

pub mod describe;
pub mod dialect;
pub mod list;
pub mod page;
pub mod url;
