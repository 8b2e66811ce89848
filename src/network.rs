//! What the clients of both APIs share: how names are looked up, through which proxy a server is reached, and why a
//! connection failed.

pub mod cause;
pub mod names;
pub mod proxy;

pub use self::{cause::Cause, names::Resolver, proxy::Proxies};
