//! `tlsSettings` of a ProxyConfig.

use super::node::Node;
use crate::config_error::ConfigError;

/// Without a mode there is no TLS, as in Istio.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Tls {
    pub(super) mode: Option<TlsMode>,
    pub(super) ca_certificates: Option<String>,
    pub(super) client_certificate: Option<String>,
    pub(super) private_key: Option<String>,
    /// A field that would change which collector is trusted, and is not supported.
    pub(super) unsupported: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsMode {
    Disable,
    Simple,
    Mutual,
    IstioMutual,
}

impl Tls {
    pub(super) fn read(node: &Node<'_>) -> Result<Tls, ConfigError> {
        node.reject_unknown_fields(&[
            "mode",
            "caCertificates",
            "clientCertificate",
            "privateKey",
            "credentialName",
            "subjectAltNames",
            "sni",
            "insecureSkipVerify",
            "caCrl",
        ])?;
        let mode = node.get("mode").map(|mode| {
            mode.word(&[
                ("DISABLE", 0, TlsMode::Disable),
                ("SIMPLE", 1, TlsMode::Simple),
                ("MUTUAL", 2, TlsMode::Mutual),
                ("ISTIO_MUTUAL", 3, TlsMode::IstioMutual),
            ])
        });
        let mut unsupported = ["credentialName", "subjectAltNames", "sni", "caCrl"]
            .into_iter()
            .find(|name| node.get(name).is_some());
        if let Some(skip) = node.get("insecureSkipVerify") {
            if skip.flag()? {
                unsupported = Some("insecureSkipVerify");
            }
        }
        Ok(Tls {
            mode: mode.transpose()?,
            ca_certificates: node.text_of("caCertificates")?,
            client_certificate: node.text_of("clientCertificate")?,
            private_key: node.text_of("privateKey")?,
            unsupported,
        })
    }

    /// These settings, and the other's where these are unset.
    pub(super) fn over(self, other: Tls) -> Tls {
        Tls {
            mode: self.mode.or(other.mode),
            ca_certificates: self.ca_certificates.or(other.ca_certificates),
            client_certificate: self.client_certificate.or(other.client_certificate),
            private_key: self.private_key.or(other.private_key),
            unsupported: self.unsupported.or(other.unsupported),
        }
    }

    /// The settings of a connection, or `None` for one without TLS. Checked only when spans go there:
    /// with TLS off, the other settings do not matter.
    pub(super) fn for_connection(&self) -> Result<Option<Tls>, ConfigError> {
        let error = |field: &str, reason: String| {
            let path = format!("tracing.tlsSettings{field}");
            Err(ConfigError::new(path, reason))
        };
        match (self.mode, self.unsupported) {
            (None | Some(TlsMode::Disable), _) => Ok(None),
            (_, Some(field)) => error(&format!(".{field}"), "not supported".to_owned()),
            (Some(TlsMode::IstioMutual), _) => error(
                ".mode",
                "`ISTIO_MUTUAL` is for connections between sidecars, whose certificates name no \
                 host; use `SIMPLE` or `MUTUAL`, or send plain HTTP through the sidecar"
                    .to_owned(),
            ),
            (Some(TlsMode::Mutual), _)
                if self.client_certificate.is_none() || self.private_key.is_none() =>
            {
                error(
                    "",
                    "mode `MUTUAL` requires `clientCertificate` and `privateKey`".to_owned(),
                )
            }
            (Some(TlsMode::Simple | TlsMode::Mutual), _) => Ok(Some(self.clone())),
        }
    }
}
