//! `tracing.http` of an Envoy bootstrap, as `sidecar.istio.io/bootstrapOverride` supplies it.

use super::{
    http_settings::{
        Header, HttpSettings, duration, header_name, secret_items, secret_text,
        trace_context_option,
    },
    node::Node,
};
use crate::{
    config_error::ConfigError,
    url::{self, AddressError, UrlError},
};

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Bootstrap {
    /// Whether there is a bootstrap at all.
    pub(super) present: bool,
    /// The name of a tracer that is not Zipkin.
    pub(super) other: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) hostname: Option<String>,
    pub(super) service: Option<CollectorService>,
    pub(super) protobuf: Option<bool>,
    pub(super) long_trace_ids: Option<bool>,
    /// Whether trace ids begin with the time.
    pub(super) time_prefix: Option<bool>,
    pub(super) shared_spans: Option<bool>,
    pub(super) w3c: Option<bool>,
}

/// `collectorService`
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CollectorService {
    /// A URL, or only a path.
    pub(super) uri: String,
    pub(super) http: HttpSettings,
}

impl Bootstrap {
    /// Reads `tracing.http`.
    pub(super) fn read(node: &Node<'_>) -> Result<Bootstrap, ConfigError> {
        let name = node.get("name").map(|name| name.text()).transpose()?;
        let config = node.get("typedConfig").or_else(|| node.get("config"));
        let kind = config.as_ref().and_then(|config| config.exactly("@type"));
        let kind = kind.map(|kind| kind.text()).transpose()?;
        let is_zipkin = match kind {
            Some(kind) => kind.ends_with(".ZipkinConfig"),
            None => name.is_none_or(|name| name.contains("zipkin")),
        };
        if !is_zipkin {
            return Ok(Bootstrap {
                present: true,
                other: name.or(kind).map(str::to_owned),
                ..Bootstrap::default()
            });
        }
        let Some(config) = config else {
            return Err(node.error("missing field `typedConfig`"));
        };
        Bootstrap::zipkin(&config)
    }

    fn zipkin(node: &Node<'_>) -> Result<Bootstrap, ConfigError> {
        node.reject_unknown_fields(&[
            "@type",
            "collectorCluster",
            "collectorEndpoint",
            "collectorHostname",
            "collectorService",
            "collectorEndpointVersion",
            "traceId128bit",
            "sharedSpanContext",
            "splitSpansForRequest",
            "traceContextOption",
            "timestampTraceIds",
        ])?;
        let flag = |name| node.get(name).map(|flag| flag.flag_or_text()).transpose();
        let service = node.get("collectorService");
        Ok(Bootstrap {
            present: true,
            other: None,
            cluster: node.text_of("collectorCluster")?,
            endpoint: node.text_of("collectorEndpoint")?,
            hostname: hostname(node)?,
            service: service
                .map(|service| CollectorService::read(&service))
                .transpose()?,
            protobuf: protobuf(node)?,
            long_trace_ids: flag("traceId128bit")?,
            time_prefix: flag("timestampTraceIds")?,
            shared_spans: flag("sharedSpanContext")?,
            w3c: trace_context_option(node)?,
        })
    }

    /// These settings, and the other's where these are unset.
    pub(super) fn over(self, other: Bootstrap) -> Bootstrap {
        Bootstrap {
            present: self.present || other.present,
            other: self.other.or(other.other),
            cluster: self.cluster.or(other.cluster),
            endpoint: self.endpoint.or(other.endpoint),
            hostname: self.hostname.or(other.hostname),
            service: self.service.or(other.service),
            protobuf: self.protobuf.or(other.protobuf),
            long_trace_ids: self.long_trace_ids.or(other.long_trace_ids),
            time_prefix: self.time_prefix.or(other.time_prefix),
            shared_spans: self.shared_spans.or(other.shared_spans),
            w3c: self.w3c.or(other.w3c),
        }
    }
}

impl CollectorService {
    fn read(node: &Node<'_>) -> Result<CollectorService, ConfigError> {
        let http_uri = node.required("httpUri")?;
        let uri = http_uri.required("uri")?;
        let text = uri.non_empty_text()?;
        // Only a path: it goes to the address of `collectorHostname` or of a ProxyConfig.
        if !text.starts_with('/') || text.starts_with("//") {
            url::parse(text).map_err(|error| match error {
                UrlError::Address(AddressError::Credentials) => {
                    uri.error(format!("{error}; use `requestHeadersToAdd` instead"))
                }
                UrlError::NoScheme => uri.error("expected a URL with http:// or a path"),
                error => uri.error(error.to_string()),
            })?;
        }
        let timeout = http_uri.get("timeout").map(|timeout| duration(&timeout));
        let headers = match node.get("requestHeadersToAdd") {
            Some(list) => secret_items(&list)?
                .map(|item| header_to_add(&item))
                .collect(),
            None => Ok(Vec::new()),
        };
        Ok(CollectorService {
            uri: text.trim().to_owned(),
            http: HttpSettings {
                path: None,
                timeout: timeout.transpose()?,
                headers: headers?,
            },
        })
    }
}

/// Reads `{ header: { key: k, value: v } }`.
fn header_to_add(node: &Node<'_>) -> Result<Header, ConfigError> {
    let header = node.required("header")?;
    let value = header.get("value").map(|value| secret_text(&value));
    let value = value.transpose()?.unwrap_or_default();
    let name = header_name(&header.required("key")?)?;
    Ok(Header::text(name, value))
}

/// A host, with or without a port.
fn hostname(node: &Node<'_>) -> Result<Option<String>, ConfigError> {
    let Some(hostname) = node.get("collectorHostname") else {
        return Ok(None);
    };
    let text = hostname.non_empty_text()?;
    match url::check_authority(text) {
        Ok(()) => Ok(Some(text.to_owned())),
        Err(error) => Err(hostname.error(error.to_string())),
    }
}

/// Whether spans are sent as protocol buffers instead of JSON.
fn protobuf(node: &Node<'_>) -> Result<Option<bool>, ConfigError> {
    let Some(version) = node.get("collectorEndpointVersion") else {
        return Ok(None);
    };
    version
        .word(&[("HTTP_JSON", 1, false), ("HTTP_PROTO", 2, true)])
        .map(Some)
}
