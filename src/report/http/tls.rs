//! TLS: trusted authorities, the client certificate, and the connector that uses them.
//!
//! `http_sender` makes its connections with it. Types of rustls stay in this file.

use super::options::{ClientCertificate, HttpOptions};
use crate::{printable::message, report::batch::ReporterError};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use std::sync::Arc;

/// A certificate with its chain, and its private key.
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A connector for plain connections over `http`, and with TLS for `https` URLs; over TLS with
/// HTTP/2 only if `needs_http2`.
///
/// The system's authorities are read only if `is_https`, since that takes some milliseconds.
pub(super) fn connector(
    http: HttpConnector,
    options: &HttpOptions,
    is_https: bool,
    needs_http2: bool,
) -> Result<HttpsConnector<HttpConnector>, ReporterError> {
    let mut roots = if is_https {
        system_authorities()
    } else {
        RootCertStore::empty()
    };
    for pem in &options.ca_certificates {
        let added = add_authorities(&mut roots, pem);
        added.map_err(|reason| ReporterError::new("ca_certificate", reason))?;
    }
    let identity = options.client_certificate.as_ref().map(identity);
    let config = identity
        .transpose()
        .and_then(|identity| config(roots, identity));
    let config = config.map_err(|reason| ReporterError::new("client_certificate", reason))?;
    let builder = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http();
    Ok(if needs_http2 {
        builder.enable_http2().wrap_connector(http)
    } else {
        builder.enable_all_versions().wrap_connector(http)
    })
}

/// A system without authorities is no error: the options may name one.
fn system_authorities() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    if let [error, more @ ..] = &found.errors[..] {
        let error = error.to_string();
        tracing::warn!(
            "cannot read certificates that the system trusts: {}; {} more such errors",
            message(&error),
            more.len()
        );
    }
    roots.add_parsable_certificates(found.certs);
    roots
}

fn add_authorities(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), String> {
    for certificate in certificates(pem)? {
        let added = roots.add(certificate);
        added.map_err(|error| format!("not the certificate of an authority: {error}"))?;
    }
    Ok(())
}

fn identity(certificate: &ClientCertificate) -> Result<Identity, String> {
    let chain = certificates(&certificate.chain)?;
    // The library's error may show a part of the key.
    let error = |_| {
        if is_encrypted(&certificate.key) {
            "the private key is encrypted, which is not supported"
        } else {
            "no private key in PEM"
        }
    };
    let key = PrivateKeyDer::from_pem_slice(&certificate.key).map_err(error)?;
    Ok((chain, key))
}

fn config(roots: RootCertStore, identity: Option<Identity>) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    match identity {
        None => Ok(config.with_no_client_auth()),
        Some((chain, key)) => config
            .with_client_auth_cert(chain, key)
            .map_err(|error| error.to_string()),
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err("no certificate in PEM".to_owned()),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("not PEM: {}", pem_error(error))),
    }
}

/// The library's own texts show lines as lists of numbers.
fn pem_error(error: pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a section has a malformed start".to_owned(),
        error => error.to_string(),
    }
}

/// Whether the key is encrypted, in PKCS #8 or in the older format of OpenSSL.
fn is_encrypted(key: &[u8]) -> bool {
    let has = |text: &[u8]| key.windows(text.len()).any(|part| part == text);
    has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED")
}
