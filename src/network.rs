//! What the clients of both APIs share: name resolution, proxies, and causes of failed connections.

pub mod cause;
pub mod names;
pub mod proxy;

pub use self::{cause::Cause, names::Resolver, proxy::Proxies};
