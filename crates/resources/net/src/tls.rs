//! The one TLS set-up: rustls with ring, the system's root certificates, Mozilla's where the system has none.

use http::Uri;
use rustls::{ClientConfig, RootCertStore};
use std::sync::{Arc, OnceLock};

/// What a connection to `base` is secured with: nothing, unless its scheme is `https`.
pub(crate) fn config_for(base: &Uri) -> Option<Arc<ClientConfig>> {
    (base.scheme_str() == Some("https")).then(shared)
}

/// The shared set-up, built on first use: a server that only speaks to plain addresses never loads a certificate.
fn shared() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    Arc::clone(CONFIG.get_or_init(|| Arc::new(build())))
}

fn build() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!("the system has no root certificates; using the ones built in");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    match versions {
        Ok(builder) => builder.with_root_certificates(roots).with_no_client_auth(),
        // Ring supports the default versions; this arm keeps the code free of a panic.
        Err(_) => ClientConfig::builder().with_root_certificates(roots).with_no_client_auth(),
    }
}
