//! An entry of `extensionProviders` in a MeshConfig.

use super::{
    http_settings::{HttpSettings, trace_context_option},
    node::Node,
};
use crate::{config_error::ConfigError, printable::quoted, url::check_authority};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Provider {
    Zipkin(Zipkin),
    OpenTelemetry(OpenTelemetry),
    /// The field of a provider that is not supported.
    Other(String),
    /// A provider that is misconfigured. It is an error only if it is used.
    Invalid(ConfigError),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Zipkin {
    pub(super) service: Service,
    pub(super) http: HttpSettings,
    pub(super) max_tag_length: Option<u32>,
    pub(super) short_trace_ids: bool,
    pub(super) w3c: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct OpenTelemetry {
    pub(super) service: Service,
    pub(super) http: HttpSettings,
    pub(super) grpc: bool,
    pub(super) max_tag_length: Option<u32>,
}

/// `service` and `port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) host: String,
    pub(super) port: u32,
}

impl Provider {
    pub(super) fn read(node: &Node<'_>) -> Provider {
        let read = match (node.get("zipkin"), node.get("opentelemetry")) {
            (Some(zipkin), _) => Zipkin::read(&zipkin).map(Provider::Zipkin),
            (_, Some(otel)) => OpenTelemetry::read(&otel).map(Provider::OpenTelemetry),
            _ => {
                let entries = node.entries().unwrap_or_default();
                let kind = entries.iter().find(|(name, _)| *name != "name");
                let kind = kind.map_or("no kind", |(kind, _)| kind);
                Ok(Provider::Other(kind.to_owned()))
            }
        };
        read.unwrap_or_else(Provider::Invalid)
    }

    /// Adds the document to the error of an invalid provider.
    pub(super) fn in_document(self, document: &str) -> Provider {
        match self {
            Provider::Invalid(error) => Provider::Invalid(error.in_document(document)),
            other => other,
        }
    }
}

impl Zipkin {
    fn read(node: &Node<'_>) -> Result<Zipkin, ConfigError> {
        let short = node.get("enable64bitTraceId");
        Ok(Zipkin {
            service: Service::read(node)?,
            http: HttpSettings::read(node, "headers")?,
            max_tag_length: node.length("maxTagLength")?,
            short_trace_ids: short.map(|flag| flag.flag()).transpose()?.unwrap_or(false),
            w3c: trace_context_option(node)?.unwrap_or(false),
        })
    }
}

impl OpenTelemetry {
    fn read(node: &Node<'_>) -> Result<OpenTelemetry, ConfigError> {
        if let Some(sampler) = node.get("dynatraceSampler") {
            return Err(sampler.error("not supported; remove it to sample by percentage"));
        }
        let http = node.get("http");
        let settings = match (&http, node.get("grpc")) {
            (Some(http), Some(_)) => {
                return Err(http.error("cannot be combined with `grpc`; set only one of them"));
            }
            (Some(http), None) => HttpSettings::read(http, "headers")?,
            (None, Some(grpc)) => HttpSettings::read(&grpc, "initialMetadata")?,
            (None, None) => HttpSettings::default(),
        };
        Ok(OpenTelemetry {
            service: Service::read(node)?,
            http: settings,
            grpc: http.is_none(),
            max_tag_length: node.length("maxTagLength")?,
        })
    }
}

impl Service {
    fn read(node: &Node<'_>) -> Result<Service, ConfigError> {
        let service = node.required("service")?;
        let text = service.non_empty_text()?;
        // The namespace of `namespace/host` only says where Istio looks the host up.
        let host = text.split_once('/').map_or(text, |(_, host)| host);
        if host.contains(':') || check_authority(host).is_err() {
            return Err(service.error(format!("{} is not a host name", quoted(text))));
        }
        Ok(Service {
            host: host.to_owned(),
            port: node.required("port")?.whole(1, 65_535)?,
        })
    }

    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}
