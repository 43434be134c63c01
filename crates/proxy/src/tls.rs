//! rustls on both ends, with the `ring` provider named explicitly: a process that also loads another provider must not
//! make the first connection panic.

use std::fs;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::settings::{ConfigError, ListenerTls, Protocol, SideSpec};

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// For connections to a side.
#[derive(Debug)]
pub struct ClientConfigs {
    pub requests: Arc<ClientConfig>,
    /// Offers HTTP/1.1 only: a side that was offered HTTP/2 would take it, and cannot upgrade from there.
    pub upgrades: Arc<ClientConfig>,
}

/// Trusts the system's authorities and those of `ca`.
pub fn client_configs(side: &str, spec: &SideSpec) -> Result<ClientConfigs, ConfigError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = &spec.ca {
        let place = format!("{side}.ca");
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|e| ConfigError::at(&place, e))?;
            roots.add(certificate).map_err(|e| ConfigError::at(&place, e))?;
        }
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| ConfigError::at(side, e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let upgrades = Arc::new(config.clone());
    config.alpn_protocols = match spec.protocol {
        Protocol::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Protocol::Http1 => vec![b"http/1.1".to_vec()],
        Protocol::Http2 => vec![b"h2".to_vec()],
    };
    Ok(ClientConfigs {
        requests: Arc::new(config),
        upgrades,
    })
}

/// For the listener.
pub fn acceptor(files: &ListenerTls) -> Result<TlsAcceptor, ConfigError> {
    let read = |place: &str, path: &str| fs::read(path).map_err(|e| ConfigError::at(place, format!("{path}: {e}")));
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read("tls.cert", &files.cert)?).collect();
    let chain = chain.map_err(|e| ConfigError::at("tls.cert", format!("{}: {e}", files.cert)))?;
    if chain.is_empty() {
        return Err(ConfigError::at(
            "tls.cert",
            format!("{}: no certificate in it", files.cert),
        ));
    }
    let key = PrivateKeyDer::from_pem_slice(&read("tls.key", &files.key)?)
        .map_err(|e| ConfigError::at("tls.key", format!("{}: {e}", files.key)))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| ConfigError::at("tls", e))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| ConfigError::at("tls", e))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
