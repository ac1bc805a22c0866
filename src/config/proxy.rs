use super::{
    ConfigError,
    collector::HOST_IP,
    custom_tag::{CustomTag, CustomTags},
    reader::Node,
};
use crate::{printable::quoted, url::check_address};

/// What `tracing` of a ProxyConfig says.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Proxy {
    pub(super) tracer: Option<ProxyTracer>,
    pub(super) sampling: Option<f64>,
    pub(super) max_path_tag_length: Option<u32>,
    pub(super) istio_tags: Option<bool>,
    pub(super) custom_tags: CustomTags,
    pub(super) tls: Tls,
}

/// Where spans go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProxyTracer {
    /// Host and port.
    Zipkin { address: String },
    /// One that is not supported: its field.
    Other(String),
}

/// `tlsSettings`. What is not set is as Istio has it: no TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Tls {
    pub(super) mode: Option<TlsMode>,
    pub(super) ca_certificates: Option<String>,
    pub(super) client_certificate: Option<String>,
    pub(super) private_key: Option<String>,
    /// Fields that change whom to trust in ways that are not supported.
    pub(super) unsupported: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsMode {
    Disable,
    Simple,
    Mutual,
    IstioMutual,
}

/// Tracers besides Zipkin.
const OTHERS: [&str; 4] = ["lightstep", "datadog", "stackdriver", "openCensusAgent"];

/// The fields of `tracing`.
pub(super) const FIELDS: [&str; 10] = [
    "sampling",
    "customTags",
    "maxPathTagLength",
    "enableIstioTags",
    "tlsSettings",
    "zipkin",
    "lightstep",
    "datadog",
    "stackdriver",
    "openCensusAgent",
];

impl Proxy {
    pub(super) fn read(node: &Node<'_>) -> Result<Proxy, ConfigError> {
        node.only(&FIELDS)?;
        let length = node.get("maxPathTagLength");
        let length = length.map(|length| length.whole(0, u32::MAX)).transpose()?;
        let tags = node.get("customTags");
        Ok(Proxy {
            tracer: ProxyTracer::read(node)?,
            sampling: node
                .get("sampling")
                .map(|sampling| sampling.percentage())
                .transpose()?,
            // Protocol buffers cannot tell 0 from nothing.
            max_path_tag_length: length.filter(|&length| length != 0),
            istio_tags: node
                .get("enableIstioTags")
                .map(|flag| flag.flag())
                .transpose()?,
            custom_tags: tags
                .map(|tags| CustomTag::read_all(&tags))
                .transpose()?
                .unwrap_or_default(),
            tls: match node.get("tlsSettings") {
                Some(tls) => Tls::read(&tls)?,
                None => Tls::default(),
            },
        })
    }

    /// This where it says something, else the other; custom tags one by one.
    pub(super) fn over(self, other: Proxy) -> Proxy {
        let mut custom_tags = other.custom_tags;
        custom_tags.extend(self.custom_tags);
        Proxy {
            tracer: self.tracer.or(other.tracer),
            sampling: self.sampling.or(other.sampling),
            max_path_tag_length: self.max_path_tag_length.or(other.max_path_tag_length),
            istio_tags: self.istio_tags.or(other.istio_tags),
            custom_tags,
            tls: self.tls.over(other.tls),
        }
    }
}

impl ProxyTracer {
    fn read(node: &Node<'_>) -> Result<Option<ProxyTracer>, ConfigError> {
        let all = ["zipkin"].into_iter().chain(OTHERS);
        let tracers: Vec<&str> = all.filter(|name| node.get(name).is_some()).collect();
        let name = match tracers[..] {
            [] => return Ok(None),
            [name] => name,
            [..] => return Err(node.error(format!("two tracers: {}", tracers.join(", ")))),
        };
        match node.get(name) {
            Some(zipkin) if name == "zipkin" => {
                zipkin.only(&["address"])?;
                let address = super::custom_tag::required(&zipkin, "address")?;
                let text = address.some_text()?;
                // The address of the node is put in later.
                let host = text.strip_prefix(HOST_IP);
                let whole = host.map(|port| format!("node{port}"));
                match check_address(whole.as_deref().unwrap_or(text)) {
                    Ok(()) => Ok(Some(ProxyTracer::Zipkin {
                        address: text.to_owned(),
                    })),
                    Err(_) => {
                        Err(address.error(format!("{} is not a host and a port", quoted(text))))
                    }
                }
            }
            _ => Ok(Some(ProxyTracer::Other(name.to_owned()))),
        }
    }
}

impl Tls {
    fn read(node: &Node<'_>) -> Result<Tls, ConfigError> {
        node.only(&[
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

    fn over(self, other: Tls) -> Tls {
        Tls {
            mode: self.mode.or(other.mode),
            ca_certificates: self.ca_certificates.or(other.ca_certificates),
            client_certificate: self.client_certificate.or(other.client_certificate),
            private_key: self.private_key.or(other.private_key),
            unsupported: self.unsupported.or(other.unsupported),
        }
    }
}
