use super::{ConfigError, custom_tag::required, reader::Node};
use crate::{printable::quoted, url::check_authority};
use std::{collections::BTreeMap, fmt, time::Duration};

/// What a MeshConfig says, besides its `defaultConfig`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Mesh {
    /// The first of `defaultProviders.tracing`.
    pub(super) default_provider: Option<String>,
    /// `extensionProviders` by their names in lower case: Istio makes no difference.
    pub(super) providers: BTreeMap<String, Provider>,
    pub(super) enable_tracing: Option<bool>,
}

/// One of `extensionProviders`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Provider {
    Zipkin(Zipkin),
    OpenTelemetry(OpenTelemetry),
    /// One of a kind that is not supported: its field.
    Other(String),
    /// One that matters only if it is used.
    Faulty(ConfigError),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Zipkin {
    pub(super) service: Service,
    pub(super) http: Http,
    pub(super) max_tag_length: Option<u32>,
    pub(super) short_trace_ids: bool,
    pub(super) w3c: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct OpenTelemetry {
    pub(super) service: Service,
    pub(super) http: Http,
    pub(super) grpc: bool,
    pub(super) max_tag_length: Option<u32>,
}

/// `service` and `port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) host: String,
    pub(super) port: u32,
}

/// How requests to a collector are made.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Http {
    pub(super) path: Option<String>,
    pub(super) timeout: Option<Duration>,
    pub(super) headers: Vec<Header>,
}

/// A header for the collector.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) value: HeaderValue,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum HeaderValue {
    Text(String),
    /// What this variable says when the reporter is built.
    Environment(String),
}

impl Mesh {
    pub(super) fn read(node: &Node<'_>) -> Result<Mesh, ConfigError> {
        let mut mesh = Mesh::default();
        if let Some(providers) = node.get("extensionProviders") {
            for provider in providers.items()? {
                let name = required(&provider, "name")?.some_text()?.to_lowercase();
                // Of two of one name Istio takes the first.
                mesh.providers
                    .entry(name)
                    .or_insert_with(|| Provider::read(&provider));
            }
        }
        if let Some(tracing) = node.at(&["defaultProviders", "tracing"]) {
            let first = tracing.items()?.next();
            mesh.default_provider = first
                .map(|name| name.some_text().map(str::to_owned))
                .transpose()?;
        }
        let enable = node.get("enableTracing");
        mesh.enable_tracing = enable.map(|flag| flag.flag()).transpose()?;
        Ok(mesh)
    }

    /// This where it says something, else the other; providers one by one.
    pub(super) fn over(self, other: Mesh) -> Mesh {
        let mut providers = other.providers;
        providers.extend(self.providers);
        Mesh {
            default_provider: self.default_provider.or(other.default_provider),
            providers,
            enable_tracing: self.enable_tracing.or(other.enable_tracing),
        }
    }
}

impl Provider {
    fn read(node: &Node<'_>) -> Provider {
        let read = match (node.get("zipkin"), node.get("opentelemetry")) {
            (Some(zipkin), _) => Zipkin::read(&zipkin).map(Provider::Zipkin),
            (_, Some(otel)) => OpenTelemetry::read(&otel).map(Provider::OpenTelemetry),
            _ => {
                let entries = node.entries().unwrap_or_default();
                let kind = entries.iter().find(|(name, _)| *name != "name");
                let kind = kind.map_or("of no kind", |(kind, _)| kind);
                Ok(Provider::Other(kind.to_owned()))
            }
        };
        read.unwrap_or_else(Provider::Faulty)
    }

    /// As within this document.
    pub(super) fn within(self, document: &str) -> Provider {
        match self {
            Provider::Faulty(error) => Provider::Faulty(error.within(document)),
            other => other,
        }
    }
}

impl Zipkin {
    fn read(node: &Node<'_>) -> Result<Zipkin, ConfigError> {
        let short = node.get("enable64bitTraceId");
        Ok(Zipkin {
            service: Service::read(node)?,
            http: Http::read(node, "headers")?,
            max_tag_length: max_tag_length(node)?,
            short_trace_ids: short.map(|flag| flag.flag()).transpose()?.unwrap_or(false),
            w3c: trace_context_option(node)?.unwrap_or(false),
        })
    }
}

impl OpenTelemetry {
    fn read(node: &Node<'_>) -> Result<OpenTelemetry, ConfigError> {
        if let Some(sampler) = node.get("dynatraceSampler") {
            return Err(sampler.error(
                "a sampler that asks Dynatrace is not supported: leave it out, and the percentage holds",
            ));
        }
        let http = node.get("http");
        let settings = match (&http, node.get("grpc")) {
            (Some(http), Some(_)) => return Err(http.error("beside grpc: one of them")),
            (Some(http), None) => Http::read(http, "headers")?,
            (None, Some(grpc)) => Http::read(&grpc, "initialMetadata")?,
            (None, None) => Http::default(),
        };
        Ok(OpenTelemetry {
            service: Service::read(node)?,
            http: settings,
            grpc: http.is_none(),
            max_tag_length: max_tag_length(node)?,
        })
    }
}

impl Service {
    fn read(node: &Node<'_>) -> Result<Service, ConfigError> {
        let service = required(node, "service")?;
        let text = service.some_text()?;
        // `namespace/host` says in whose configuration the host is looked up.
        let host = text.split_once('/').map_or(text, |(_, host)| host);
        if host.contains(':') || check_authority(host).is_err() {
            return Err(service.error(format!("{} is not a host", quoted(text))));
        }
        Ok(Service {
            host: host.to_owned(),
            port: required(node, "port")?.whole(1, 65_535)?,
        })
    }
}

impl Http {
    fn read(node: &Node<'_>, headers: &str) -> Result<Http, ConfigError> {
        let path = node.text_of("path")?;
        let timeout = node.get("timeout").map(|timeout| duration(&timeout));
        let headers = match node.get(headers) {
            Some(list) => secrets(&list)?.map(|item| Header::read(&item)).collect(),
            None => Ok(Vec::new()),
        };
        Ok(Http {
            path,
            timeout: timeout.transpose()?,
            headers: headers?,
        })
    }
}

impl Header {
    fn read(node: &Node<'_>) -> Result<Header, ConfigError> {
        let name = header_name(&required(node, "name")?)?;
        let value = match (node.get("value"), node.get("envName")) {
            (Some(value), None) => HeaderValue::Text(secret(&value)?),
            (None, Some(variable)) => HeaderValue::Environment(variable.some_text()?.to_owned()),
            (Some(_), Some(_)) => return Err(node.error("two of value, envName")),
            (None, None) => HeaderValue::Text(String::new()),
        };
        Ok(Header { name, value })
    }
}

impl Header {
    pub(super) fn text((name, value): &(String, String)) -> Header {
        Header {
            name: name.clone(),
            value: HeaderValue::Text(value.clone()),
        }
    }
}

/// The value may be a secret.
impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({:?})", self.name)
    }
}

/// The name of a header. Where it is none, the value may have slipped in, and is not shown.
pub(super) fn header_name(node: &Node<'_>) -> Result<String, ConfigError> {
    let name = secret(node)?;
    match http::HeaderName::try_from(&name) {
        Ok(_) => Ok(name),
        Err(_) => Err(node.error("not the name of a header")),
    }
}

/// A text that no error shows.
pub(super) fn secret(node: &Node<'_>) -> Result<String, ConfigError> {
    let text = node.text().map(str::to_owned);
    text.map_err(|_| node.error("not text: put it in quotes"))
}

/// A list that no error shows.
pub(super) fn secrets<'a>(
    node: &Node<'a>,
) -> Result<impl Iterator<Item = Node<'a>> + use<'a>, ConfigError> {
    node.items().map_err(|_| node.error("not a list"))
}

fn max_tag_length(node: &Node<'_>) -> Result<Option<u32>, ConfigError> {
    let length = node.get("maxTagLength");
    let length = length.map(|length| length.whole(0, u32::MAX)).transpose()?;
    Ok(length.filter(|&length| length != 0))
}

/// Whether `traceparent` is written too.
pub(super) fn trace_context_option(node: &Node<'_>) -> Result<Option<bool>, ConfigError> {
    let option = node.get("traceContextOption");
    let words = [
        ("USE_B3", 0, false),
        ("USE_B3_WITH_W3C_PROPAGATION", 1, true),
    ];
    option.map(|option| option.word(&words)).transpose()
}

/// Seconds as protocol buffers write them: `1.5s`.
pub(super) fn duration(node: &Node<'_>) -> Result<Duration, ConfigError> {
    let text = node.text()?;
    let seconds = text.strip_suffix('s').and_then(super::tree::number);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    match duration {
        Some(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(node.error(format!("{} is not a time such as 5s", quoted(text)))),
    }
}
