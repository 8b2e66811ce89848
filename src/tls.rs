//! TLS by rustls with ring, for both APIs.

/// Makes ring the TLS provider of the process, unless there is one. Must run before the first client is created,
/// because reqwest uses the process's provider.
pub(crate) fn provide() {
    // The only error is that there already is a provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
