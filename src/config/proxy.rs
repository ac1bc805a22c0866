//! `tracing` of a ProxyConfig.

use super::{
    custom_tag::{CustomTag, CustomTags},
    node::{Node, in_backticks},
    tls::Tls,
};
use crate::{config_error::ConfigError, printable::quoted, url::check_address};

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
    Zipkin {
        /// Host and port, possibly with [`HOST_IP`].
        address: String,
    },
    /// The field of a tracer that is not supported.
    Other(String),
}

/// Istio replaces this prefix of an address by the IP address of the node.
pub(super) const HOST_IP: &str = "$(HOST_IP)";

const TRACERS: [&str; 5] = [
    "zipkin",
    "lightstep",
    "datadog",
    "stackdriver",
    "openCensusAgent",
];

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
        node.reject_unknown_fields(&FIELDS)?;
        let max_path_tag_length = node.length("maxPathTagLength")?;
        let tags = node.get("customTags");
        Ok(Proxy {
            tracer: ProxyTracer::read(node)?,
            sampling: node
                .get("sampling")
                .map(|sampling| sampling.percentage())
                .transpose()?,
            max_path_tag_length,
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

    /// These settings, and the other's where these are unset. Custom tags are merged one by one.
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
        let set: Vec<&str> = TRACERS
            .into_iter()
            .filter(|name| node.get(name).is_some())
            .collect();
        match set[..] {
            [] => Ok(None),
            ["zipkin"] => ProxyTracer::zipkin(&node.required("zipkin")?).map(Some),
            [other] => Ok(Some(ProxyTracer::Other(other.to_owned()))),
            [..] => Err(node.error(format!("set only one of {}", in_backticks(&set)))),
        }
    }

    fn zipkin(node: &Node<'_>) -> Result<ProxyTracer, ConfigError> {
        node.reject_unknown_fields(&["address"])?;
        let address = node.required("address")?;
        let text = address.non_empty_text()?;
        // The node's address is not known yet: check the rest with a placeholder.
        let with_host = text.strip_prefix(HOST_IP).map(|port| format!("node{port}"));
        match check_address(with_host.as_deref().unwrap_or(text)) {
            Ok(()) => Ok(ProxyTracer::Zipkin {
                address: text.to_owned(),
            }),
            Err(_) => Err(address.error(format!("{} is not of the form host:port", quoted(text)))),
        }
    }
}
