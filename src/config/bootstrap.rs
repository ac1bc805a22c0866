use super::{
    ConfigError,
    custom_tag::required,
    mesh::{
        Header, HeaderValue, Http, duration, header_name, secret, secrets, trace_context_option,
    },
    reader::Node,
};
use crate::url::{self, AddressError, UrlError};

/// What `tracing.http` of an Envoy bootstrap says, as `sidecar.istio.io/bootstrapOverride` brings it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Bootstrap {
    /// Whether there is one.
    pub(super) present: bool,
    /// A tracer that is not Zipkin's: its name.
    pub(super) other: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) hostname: Option<String>,
    pub(super) service: Option<CollectorService>,
    pub(super) protobuf: Option<bool>,
    pub(super) long_trace_ids: Option<bool>,
    /// Whether trace ids begin with the time.
    pub(super) timestamps: Option<bool>,
    pub(super) shared: Option<bool>,
    pub(super) w3c: Option<bool>,
}

/// `collectorService`
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CollectorService {
    /// A URL, or a path alone.
    pub(super) uri: String,
    pub(super) http: Http,
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
            return Err(node.error("no typedConfig"));
        };
        Bootstrap::zipkin(&config)
    }

    fn zipkin(node: &Node<'_>) -> Result<Bootstrap, ConfigError> {
        node.only(&[
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
            timestamps: flag("timestampTraceIds")?,
            shared: flag("sharedSpanContext")?,
            w3c: trace_context_option(node)?,
        })
    }

    /// This where it says something, else the other.
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
            timestamps: self.timestamps.or(other.timestamps),
            shared: self.shared.or(other.shared),
            w3c: self.w3c.or(other.w3c),
        }
    }
}

impl CollectorService {
    fn read(node: &Node<'_>) -> Result<CollectorService, ConfigError> {
        let uri = required(node, "httpUri")?;
        let url = required(&uri, "uri")?;
        // A path alone goes to the address of `collectorHostname` or of a ProxyConfig.
        let text = url.some_text()?;
        if !text.starts_with('/') || text.starts_with("//") {
            url::parse(text).map_err(|error| match error {
                UrlError::Address(AddressError::Credentials) => {
                    url.error(format!("{error}: requestHeadersToAdd takes them"))
                }
                UrlError::NoScheme => url.error("neither a URL of http:// nor a path"),
                error => url.error(error.to_string()),
            })?;
        }
        let timeout = uri.get("timeout").map(|timeout| duration(&timeout));
        let mut headers = Vec::new();
        if let Some(list) = node.get("requestHeadersToAdd") {
            for item in secrets(&list)? {
                let header = required(&item, "header")?;
                let value = header
                    .get("value")
                    .map(|value| secret(&value))
                    .transpose()?;
                headers.push(Header {
                    name: header_name(&required(&header, "key")?)?,
                    value: HeaderValue::Text(value.unwrap_or_default()),
                });
            }
        }
        Ok(CollectorService {
            uri: text.trim().to_owned(),
            http: Http {
                path: None,
                timeout: timeout.transpose()?,
                headers,
            },
        })
    }
}

/// A host, with a port or without.
fn hostname(node: &Node<'_>) -> Result<Option<String>, ConfigError> {
    let Some(hostname) = node.get("collectorHostname") else {
        return Ok(None);
    };
    let text = hostname.some_text()?;
    match url::check_authority(text) {
        Ok(()) => Ok(Some(text.to_owned())),
        Err(error) => Err(hostname.error(error.to_string())),
    }
}

/// Whether spans are written as protocol buffers, and not as JSON.
fn protobuf(node: &Node<'_>) -> Result<Option<bool>, ConfigError> {
    let Some(version) = node.get("collectorEndpointVersion") else {
        return Ok(None);
    };
    version
        .word(&[("HTTP_JSON", 1, false), ("HTTP_PROTO", 2, true)])
        .map(Some)
}
