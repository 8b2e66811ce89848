//! Addresses for programs that must be told where to listen.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

/// An address of loopback that nobody listens at. Nothing keeps it free: whoever is given it may find it taken.
///
/// # Errors
/// What the system says.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
