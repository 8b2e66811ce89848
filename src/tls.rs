//! TLS by rustls with ring, for both servers that are called.

/// Makes ring the provider of this process, unless it has one. Before the first client is made: reqwest takes the process's
/// provider and has none of its own.
pub(crate) fn provide() {
    // The one error is that there is a provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
