//! Whom to trust, and who we are.

use crate::printable::message;
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

/// What a connection with TLS needs to know.
pub(super) struct Tls {
    roots: RootCertStore,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

impl Tls {
    /// Without a client certificate; trusts whom the system trusts, or, if there is no TLS to
    /// come, nobody, which takes no time.
    pub(super) fn new(needed: bool) -> Tls {
        let mut roots = RootCertStore::empty();
        if needed {
            // A system that trusts nobody is no error: there may be a certificate of one's own.
            let found = rustls_native_certs::load_native_certs();
            if let [error, more @ ..] = &found.errors[..] {
                let error = error.to_string();
                tracing::warn!(
                    "certificates that the system trusts cannot be read: {}; {} more such errors",
                    message(&error),
                    more.len()
                );
            }
            roots.add_parsable_certificates(found.certs);
        }
        Tls {
            roots,
            identity: None,
        }
    }

    /// Trusts whom these certificates belong to, too.
    pub(super) fn trust(&mut self, pem: &[u8]) -> Result<(), String> {
        for certificate in certificates(pem)? {
            let added = self.roots.add(certificate);
            added.map_err(|error| format!("not the certificate of an authority: {error}"))?;
        }
        Ok(())
    }

    /// Shows this certificate to who asks for one.
    pub(super) fn identify(&mut self, chain: &[u8], key: &[u8]) -> Result<(), String> {
        let chain = certificates(chain)?;
        // What is wrong with a key is not repeated.
        let wrong = |_| match is_encrypted(key) {
            true => "the private key is encrypted, which is not supported",
            false => "no private key in PEM",
        };
        let key = PrivateKeyDer::from_pem_slice(key).map_err(wrong)?;
        self.identity = Some((chain, key));
        Ok(())
    }

    /// Makes connections, with TLS if the URL is one of https; with HTTP/2, or none.
    pub(super) fn connector(
        &self,
        http: HttpConnector,
        needs_http2: bool,
    ) -> Result<HttpsConnector<HttpConnector>, String> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(self.roots.clone());
        let config = match &self.identity {
            None => config.with_no_client_auth(),
            Some((chain, key)) => config
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .map_err(|error| error.to_string())?,
        };
        let builder = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http();
        Ok(match needs_http2 {
            true => builder.enable_http2().wrap_connector(http),
            false => builder.enable_all_versions().wrap_connector(http),
        })
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err("no certificate in PEM".to_owned()),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("not PEM: {}", flaw(error))),
    }
}

/// The library's own texts show lines as lists of numbers.
fn flaw(error: pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a section has a malformed start".to_owned(),
        error => error.to_string(),
    }
}

/// In PKCS #8, or in the older format of OpenSSL.
fn is_encrypted(key: &[u8]) -> bool {
    let has = |text: &[u8]| key.windows(text.len()).any(|part| part == text);
    has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED")
}
