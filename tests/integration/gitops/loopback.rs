//! Servers on loopback.

use std::net::TcpListener;

use crate::fixture::until;

/// An address of loopback that nobody listens at.
pub(super) fn free() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// The last part of an address.
pub(super) fn port(address: &str) -> &str {
    address.rsplit(':').next().unwrap()
}

/// Waits until it answers well.
pub(super) async fn answers(url: &str) {
    until(url, || async {
        let answer = reqwest::get(url).await.map_err(|error| error.to_string())?;
        answer.error_for_status().map_err(|error| error.to_string())
    })
    .await;
}
