//! Addresses for programs that need a listen address.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

/// A loopback address that nothing listens on. It is not reserved: another process may take it
/// before the caller binds it.
///
/// # Errors
/// The error of the system.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
