//! TLS for the clients of tests.

/// Gives this process a TLS provider, unless it has one: `reqwest` makes no client without.
pub fn provide() {
    // The one error is that there is a provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
