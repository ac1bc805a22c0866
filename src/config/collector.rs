//! Where spans go.

use super::{
    ConfigError, TracingConfig,
    bootstrap::Bootstrap,
    mesh::{Header, Http, OpenTelemetry, Service, Zipkin},
    otel::Exporter,
    proxy::{ProxyTracer, Tls, TlsMode},
    settings::Source,
};
use crate::{
    printable::{self, place},
    tracer::{Direction, Mode},
    url::{self, AddressError, is_https},
};
use std::{fmt, net::Ipv6Addr};

/// Where Zipkin takes spans.
const ZIPKIN_PATH: &str = "/api/v2/spans";
/// Zipkin's port, where a bootstrap names only a host.
const ZIPKIN_PORT: u16 = 9411;
/// The cluster that Istio makes of `zipkin.address`.
const ISTIO_CLUSTER: &str = "zipkin";
/// What Istio lets an address begin with.
pub(super) const HOST_IP: &str = "$(HOST_IP)";

/// Where spans go, as documents say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Collector {
    /// To this URL, in Zipkin's format.
    Zipkin(String),
    /// To this URL, as OTLP over HTTP.
    Otlp(String),
    /// To this URL, as OTLP over gRPC.
    OtlpGrpc(String),
    /// Nowhere, for this reason.
    None(String),
}

impl Collector {
    /// The URL; `None` if spans go nowhere.
    pub fn url(&self) -> Option<&str> {
        match self {
            Collector::Zipkin(url) | Collector::Otlp(url) | Collector::OtlpGrpc(url) => Some(url),
            Collector::None(_) => None,
        }
    }
}

/// All that a reporter needs.
#[derive(Debug, PartialEq)]
pub(super) struct Endpoint {
    pub(super) protocol: Protocol,
    pub(super) url: String,
    pub(super) http: Http,
    pub(super) gzip: bool,
    /// Only where it is over TLS.
    pub(super) tls: Option<Tls>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    ZipkinJson,
    ZipkinProtobuf,
    OtlpHttp,
    OtlpGrpc,
}

impl TracingConfig {
    /// Where spans go. `zipkin.address` may begin with `$(HOST_IP)`, which is read from the
    /// environment.
    ///
    /// | in the documents | the URL |
    /// |---|---|
    /// | `zipkin.address` of a ProxyConfig | `http://{address}/api/v2/spans`; `https` with `tlsSettings` |
    /// | the provider `zipkin` | `http://{service}:{port}{path}` |
    /// | the provider `opentelemetry` | `http://{service}:{port}{http.path}` |
    /// | a bootstrap | `collectorService`'s; else `collectorEndpoint` at the ProxyConfig's address if `collectorCluster` is `zipkin`, or at `collectorHostname` |
    ///
    /// # Errors
    ///
    /// A provider that is used and is not set up right, one for each direction, a bootstrap without
    /// a host, `tlsSettings` that cannot be followed, a path that cannot be in a URL.
    pub fn collector(&self) -> Result<Collector, ConfigError> {
        Ok(match self.endpoint()? {
            Ok(endpoint) => match endpoint.protocol {
                Protocol::ZipkinJson | Protocol::ZipkinProtobuf => Collector::Zipkin(endpoint.url),
                Protocol::OtlpHttp => Collector::Otlp(endpoint.url),
                Protocol::OtlpGrpc => Collector::OtlpGrpc(endpoint.url),
            },
            Err(reason) => Collector::None(reason),
        })
    }

    /// Says in the log that nobody sends spans to where they are meant to go.
    pub(crate) fn tell_unsent(&self) {
        if let Ok(Ok(endpoint)) = self.endpoint() {
            let url = place(&endpoint.url);
            tracing::warn!(
                "tracing: spans are meant to go to {url}, but are dropped: the tracer has no reporter"
            );
        }
    }

    /// Where spans go, or why nowhere.
    pub(super) fn endpoint(&self) -> Result<Result<Endpoint, String>, ConfigError> {
        self.check()?;
        let mut found: Option<Endpoint> = None;
        let mut reason = None;
        for direction in Direction::BOTH {
            let source = self.source(direction);
            match &source {
                Source::None(none) | Source::Unsupported(none) => {
                    reason.get_or_insert_with(|| none.clone());
                    continue;
                }
                Source::Environment(Exporter::None | Exporter::Console) => {
                    reason.get_or_insert_with(|| "so says OTEL_TRACES_EXPORTER".to_owned());
                    continue;
                }
                _ if self.mode(direction) == Mode::ForwardOnly => continue,
                _ => {}
            }
            let Some(endpoint) = self.endpoint_of(&source)? else {
                continue;
            };
            endpoint.check_url()?;
            match found {
                Some(other) if other != endpoint => {
                    let reason = format!(
                        "spans go to {} and to {}, by their direction: one reporter takes both, \
                         so set it in code",
                        place(&other.url),
                        place(&endpoint.url)
                    );
                    return Err(ConfigError::new("providers", reason));
                }
                _ => found = Some(endpoint),
            }
        }
        let none = || reason.unwrap_or_else(|| "no spans are made".to_owned());
        Ok(found.ok_or_else(none))
    }

    fn endpoint_of(&self, source: &Source<'_>) -> Result<Option<Endpoint>, ConfigError> {
        Ok(match source {
            Source::Zipkin(zipkin) => Some(of_zipkin(zipkin)),
            Source::OpenTelemetry(otel) => Some(of_opentelemetry(otel)),
            Source::Address(address) => Some(self.at(address, ZIPKIN_PATH)?),
            Source::Bootstrap => Some(self.of_bootstrap(&self.bootstrap)?),
            Source::Environment(exporter) => of_environment(exporter),
            Source::None(_) | Source::Unsupported(_) | Source::Faulty(_) => None,
        })
    }

    /// At a ProxyConfig's address.
    fn at(&self, address: &str, path: &str) -> Result<Endpoint, ConfigError> {
        let tls = &self.proxy.tls;
        let tls = match tls.mode {
            None | Some(TlsMode::Disable) => None,
            Some(_) => Some(tls.checked()?.clone()),
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = with_host_ip(address)?;
        Ok(Endpoint {
            protocol: Protocol::ZipkinJson,
            url: format!("{scheme}://{address}{}", absolute(path)),
            http: Http::default(),
            gzip: false,
            tls,
        })
    }

    fn of_bootstrap(&self, bootstrap: &Bootstrap) -> Result<Endpoint, ConfigError> {
        let protocol = match bootstrap.protobuf {
            Some(true) => Protocol::ZipkinProtobuf,
            _ => Protocol::ZipkinJson,
        };
        let mut path = bootstrap.endpoint.as_deref();
        let mut http = Http::default();
        if let Some(service) = &bootstrap.service {
            http = service.http.clone();
            if !service.uri.starts_with('/') {
                return Ok(Endpoint {
                    protocol,
                    url: service.uri.clone(),
                    gzip: false,
                    tls: is_https(&service.uri).then(Tls::default),
                    http,
                });
            }
            path = Some(&service.uri);
        }
        let address = match &self.proxy.tracer {
            Some(ProxyTracer::Zipkin { address }) => Some(address.clone()),
            _ => None,
        };
        let hostname = bootstrap.hostname.as_ref().map(|host| with_port(host));
        // Istio's own cluster is at the ProxyConfig's address, whatever the host is called.
        let cluster = bootstrap.cluster.as_deref().unwrap_or(ISTIO_CLUSTER);
        let address = match cluster {
            ISTIO_CLUSTER => address.or(hostname),
            _ => hostname.or(address),
        };
        let Some(address) = address else {
            let cluster = printable::name(cluster);
            return Err(ConfigError::new(
                "tracing.http.typedConfig.collectorCluster",
                format!(
                    "{cluster} is the name of a cluster and not an address: there is neither \
                     collectorHostname, nor collectorService with a URL, nor zipkin.address in a \
                     ProxyConfig"
                ),
            ));
        };
        Ok(Endpoint {
            protocol,
            http,
            ..self.at(&address, path.unwrap_or(ZIPKIN_PATH))?
        })
    }
}

fn of_zipkin(zipkin: &Zipkin) -> Endpoint {
    let path = zipkin.http.path.as_deref().unwrap_or(ZIPKIN_PATH);
    Endpoint {
        protocol: Protocol::ZipkinJson,
        url: format!("http://{}{}", zipkin.service.address(), absolute(path)),
        http: zipkin.http.clone(),
        gzip: false,
        tls: None,
    }
}

fn of_opentelemetry(otel: &OpenTelemetry) -> Endpoint {
    let address = otel.service.address();
    let (protocol, path) = match otel.grpc {
        true => (Protocol::OtlpGrpc, String::new()),
        // Without a path, the reporter takes the usual one.
        false => (
            Protocol::OtlpHttp,
            otel.http.path.as_deref().map(absolute).unwrap_or_default(),
        ),
    };
    Endpoint {
        protocol,
        url: format!("http://{address}{path}"),
        http: otel.http.clone(),
        gzip: false,
        tls: None,
    }
}

fn of_environment(exporter: &Exporter) -> Option<Endpoint> {
    Some(match exporter {
        Exporter::None | Exporter::Console => return None,
        Exporter::Zipkin { url, timeout } => Endpoint {
            protocol: Protocol::ZipkinJson,
            url: url.clone(),
            http: Http {
                timeout: *timeout,
                ..Http::default()
            },
            gzip: false,
            tls: is_https(url).then(Tls::default),
        },
        Exporter::Otlp(otlp) => Endpoint {
            protocol: match otlp.grpc {
                true => Protocol::OtlpGrpc,
                false => Protocol::OtlpHttp,
            },
            url: otlp.url.clone(),
            http: Http {
                timeout: otlp.timeout,
                headers: otlp.headers.iter().map(Header::text).collect(),
                ..Http::default()
            },
            gzip: otlp.gzip,
            tls: is_https(&otlp.url).then(|| Tls {
                ca_certificates: otlp.certificate.clone(),
                client_certificate: otlp.client_certificate.clone(),
                private_key: otlp.client_key.clone(),
                ..Tls::default()
            }),
        },
    })
}

impl Endpoint {
    /// Paths from documents are in it as they stand.
    fn check_url(&self) -> Result<(), ConfigError> {
        match url::parse(&self.url) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.wrong(error)),
        }
    }

    pub(super) fn wrong(&self, reason: impl fmt::Display) -> ConfigError {
        let url = place(&self.url);
        ConfigError::new("", format!("spans cannot go to {url}: {reason}"))
    }
}

impl Service {
    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl Tls {
    /// The same, if it can be followed.
    fn checked(&self) -> Result<&Tls, ConfigError> {
        let wrong = |field: &str, reason: &str| {
            Err(ConfigError::new(
                format!("tracing.tlsSettings{field}"),
                reason,
            ))
        };
        if let Some(field) = self.unsupported {
            return wrong(&format!(".{field}"), "not supported");
        }
        match self.mode {
            Some(TlsMode::IstioMutual) => wrong(
                ".mode",
                "ISTIO_MUTUAL is between sidecars, whose certificates name no host: use SIMPLE or \
                 MUTUAL, or send plain requests by way of the sidecar",
            ),
            Some(TlsMode::Mutual)
                if self.client_certificate.is_none() || self.private_key.is_none() =>
            {
                wrong("", "MUTUAL without clientCertificate and privateKey")
            }
            _ => Ok(self),
        }
    }
}

/// A path that begins with a slash.
fn absolute(path: &str) -> String {
    match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("/{path}"),
    }
}

/// An address as URLs have it.
fn in_url(ip: String) -> String {
    match ip.parse::<Ipv6Addr>() {
        Ok(_) => format!("[{ip}]"),
        Err(_) => ip,
    }
}

fn with_port(host: &str) -> String {
    match url::check_address(host) {
        Ok(()) => host.to_owned(),
        Err(_) => format!("{host}:{ZIPKIN_PORT}"),
    }
}

fn with_host_ip(address: &str) -> Result<String, ConfigError> {
    let Some(rest) = address.strip_prefix(HOST_IP) else {
        return Ok(address.to_owned());
    };
    let wrong = |reason: String| ConfigError::new("tracing.zipkin.address", reason);
    let ip = std::env::var("HOST_IP")
        .map_err(|_| wrong(format!("{HOST_IP} is not set in the environment")))?;
    at_host(ip, rest).map_err(|error| wrong(format!("{HOST_IP} from the environment: {error}")))
}

/// The address with this in the place of `$(HOST_IP)`.
fn at_host(ip: String, rest: &str) -> Result<String, AddressError> {
    let address = format!("{}{rest}", in_url(ip));
    url::check_address(&address).map(|()| address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_has_brackets() {
        assert_eq!(in_url("10.1.2.3".to_owned()), "10.1.2.3");
        assert_eq!(in_url("fd00::1".to_owned()), "[fd00::1]");
        assert_eq!(in_url("node-1".to_owned()), "node-1");
    }

    #[test]
    fn what_is_put_in_for_the_node_is_a_host_and_nothing_else() {
        let at = |ip: &str| at_host(ip.to_owned(), ":9411");
        assert_eq!(at("10.1.2.3"), Ok("10.1.2.3:9411".to_owned()));
        assert_eq!(at("fd00::1"), Ok("[fd00::1]:9411".to_owned()));
        for wrong in [
            "",
            "evil.example/",
            "evil.example?",
            "10.1.2.3:80",
            "a@b",
            "a\n",
        ] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
