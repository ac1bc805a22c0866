//! The URL that spans go to, with protocol, headers and TLS: everything that a reporter needs.
//! [`collector`](super::collector) shows it to users, [`reporter`](super::reporter) starts a
//! reporter for it.

use super::{
    address::{absolute, with_host_ip, with_port},
    bootstrap::Bootstrap,
    http_settings::{Header, HttpSettings},
    model::TracingConfig,
    otel::Exporter,
    provider::{OpenTelemetry, Zipkin},
    proxy::ProxyTracer,
    source::Source,
    tls::Tls,
};
use crate::{
    config_error::ConfigError,
    direction::{Direction, Mode},
    printable::{self, place},
    url::{self, is_https},
};
use std::fmt;

/// The path at which Zipkin takes spans.
const ZIPKIN_PATH: &str = "/api/v2/spans";
/// The cluster that Istio makes of `zipkin.address`.
const ISTIO_CLUSTER: &str = "zipkin";

#[derive(Debug, PartialEq)]
pub(super) struct Endpoint {
    pub(super) protocol: Protocol,
    pub(super) url: String,
    pub(super) http: HttpSettings,
    pub(super) gzip: bool,
    /// `None` without TLS.
    pub(super) tls: Option<Tls>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    ZipkinJson,
    ZipkinProtobuf,
    OtlpHttp,
    OtlpGrpc,
}

/// Why spans go nowhere, although nothing is wrong.
pub(super) type NoEndpoint = String;

impl TracingConfig {
    pub(super) fn endpoint(&self) -> Result<Result<Endpoint, NoEndpoint>, ConfigError> {
        self.check()?;
        let mut common: Option<Endpoint> = None;
        let mut none = None;
        for direction in Direction::BOTH {
            let endpoint = match self.endpoint_for(direction)? {
                Ok(endpoint) => endpoint,
                Err(reason) => {
                    none = none.or(reason);
                    continue;
                }
            };
            endpoint.check_url()?;
            match common {
                Some(other) if other != endpoint => {
                    let reason = format!(
                        "the directions have different collectors, {} and {}; one reporter sends \
                         to only one, so set the reporter in code",
                        place(&other.url),
                        place(&endpoint.url)
                    );
                    return Err(ConfigError::new("providers", reason));
                }
                _ => common = Some(endpoint),
            }
        }
        let none = || none.unwrap_or_else(|| "no spans are made".to_owned());
        Ok(common.ok_or_else(none))
    }

    /// The endpoint of a direction, or the reason why there is none. No reason: the direction makes
    /// no spans.
    fn endpoint_for(
        &self,
        direction: Direction,
    ) -> Result<Result<Endpoint, Option<NoEndpoint>>, ConfigError> {
        let source = self.source(direction);
        match &source {
            Source::None(reason) | Source::Unsupported(reason) => {
                return Ok(Err(Some(reason.clone())));
            }
            Source::Environment(Exporter::None) => {
                return Ok(Err(Some("OTEL_TRACES_EXPORTER is none".to_owned())));
            }
            Source::Environment(Exporter::Console) => {
                return Ok(Err(Some("OTEL_TRACES_EXPORTER is console".to_owned())));
            }
            _ if self.mode(direction) == Mode::ForwardOnly => return Ok(Err(None)),
            _ => {}
        }
        let endpoint = match &source {
            Source::Zipkin(zipkin) => Some(of_zipkin(zipkin)),
            Source::OpenTelemetry(otel) => Some(of_opentelemetry(otel)),
            Source::Address(address) => Some(self.at_proxy_address(address, ZIPKIN_PATH)?),
            Source::Bootstrap => Some(self.of_bootstrap(&self.bootstrap)?),
            Source::Environment(exporter) => of_environment(exporter),
            Source::None(_) | Source::Unsupported(_) | Source::Invalid(_) => None,
        };
        Ok(endpoint.ok_or(None))
    }

    /// At the address of a ProxyConfig, with its TLS settings.
    fn at_proxy_address(&self, address: &str, path: &str) -> Result<Endpoint, ConfigError> {
        let tls = self.proxy.tls.for_connection()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = with_host_ip(address)?;
        Ok(Endpoint {
            protocol: Protocol::ZipkinJson,
            url: format!("{scheme}://{address}{}", absolute(path)),
            http: HttpSettings::default(),
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
        let mut http = HttpSettings::default();
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
        let address = self.bootstrap_address(bootstrap)?;
        Ok(Endpoint {
            protocol,
            http,
            ..self.at_proxy_address(&address, path.unwrap_or(ZIPKIN_PATH))?
        })
    }

    /// Istio's own cluster is at the ProxyConfig's address, whatever the host is called.
    fn bootstrap_address(&self, bootstrap: &Bootstrap) -> Result<String, ConfigError> {
        let address = match &self.proxy.tracer {
            Some(ProxyTracer::Zipkin { address }) => Some(address.clone()),
            _ => None,
        };
        let hostname = bootstrap.hostname.as_ref().map(|host| with_port(host));
        let cluster = bootstrap.cluster.as_deref().unwrap_or(ISTIO_CLUSTER);
        let address = match cluster {
            ISTIO_CLUSTER => address.or(hostname),
            _ => hostname.or(address),
        };
        address.ok_or_else(|| {
            let cluster = printable::name(cluster);
            ConfigError::new(
                "tracing.http.typedConfig.collectorCluster",
                format!(
                    "{cluster} is the name of a cluster, not an address; set `collectorHostname`, \
                     a URL in `collectorService`, or `zipkin.address` in a ProxyConfig"
                ),
            )
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
        // Without a path, the reporter uses the standard one.
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
            http: HttpSettings {
                timeout: *timeout,
                ..HttpSettings::default()
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
            http: HttpSettings {
                timeout: otlp.timeout,
                headers: otlp
                    .headers
                    .iter()
                    .map(|(name, value)| Header::text(name, value))
                    .collect(),
                ..HttpSettings::default()
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
    /// The URL contains a path from a document, which was not checked before.
    fn check_url(&self) -> Result<(), ConfigError> {
        match url::parse(&self.url) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.error(error)),
        }
    }

    pub(super) fn error(&self, reason: impl fmt::Display) -> ConfigError {
        let url = place(&self.url);
        ConfigError::general(format!("cannot send spans to {url}: {reason}"))
    }
}
