//! Servers on loopback.

use testbed::loopback;

use crate::fixture::until;

/// A loopback address that nothing listens on.
pub(super) fn free() -> String {
    loopback::free_address().unwrap().to_string()
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
