//! The URL that spans go to, with protocol, headers and TLS: everything that a reporter needs.
//! [`collector`](super::collector) shows it to users, [`reporter`](super::reporter) starts a
//! reporter for it.

use super::{
    address::{absolute, with_host_ip, with_port},
    bootstrap::Bootstrap,
    http_settings::{Header, HttpSettings},
    model::TracingConfig,
    otel::{Exporter, Otlp},
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
use std::{fmt, time::Duration};

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

/// Where spans go.
#[derive(Debug, PartialEq)]
pub(super) enum Target {
    Endpoint(Endpoint),
    /// Nowhere, for this reason.
    None(String),
}

impl TracingConfig {
    /// The target that both directions have in common.
    pub(super) fn target(&self) -> Result<Target, ConfigError> {
        self.check()?;
        let mut common: Option<Endpoint> = None;
        let mut reason = None;
        for direction in Direction::BOTH {
            let endpoint = match self.target_of(direction)? {
                Some(Target::Endpoint(endpoint)) => endpoint,
                Some(Target::None(none)) => {
                    reason.get_or_insert(none);
                    continue;
                }
                None => continue,
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
        Ok(match common {
            Some(endpoint) => Target::Endpoint(endpoint),
            None => Target::None(reason.unwrap_or_else(|| "no spans are made".to_owned())),
        })
    }

    /// The target of a direction, or `None` if the direction makes no spans.
    fn target_of(&self, direction: Direction) -> Result<Option<Target>, ConfigError> {
        let makes_spans = self.mode(direction) != Mode::ForwardOnly;
        let endpoint = match self.source(direction) {
            Source::None(reason) | Source::Unsupported(reason) => {
                return Ok(Some(Target::None(reason)));
            }
            Source::Environment(Exporter::None) => {
                return Ok(Some(Target::None(
                    "OTEL_TRACES_EXPORTER is none".to_owned(),
                )));
            }
            Source::Environment(Exporter::Console) => {
                let reason = "OTEL_TRACES_EXPORTER is console".to_owned();
                return Ok(Some(Target::None(reason)));
            }
            _ if !makes_spans => return Ok(None),
            // Unreachable: `check` comes first.
            Source::Invalid(error) => return Err(error.clone()),
            Source::Zipkin(zipkin) => of_zipkin(zipkin),
            Source::OpenTelemetry(otel) => of_opentelemetry(otel),
            Source::Address(address) => self.at_proxy_address(address, ZIPKIN_PATH)?,
            Source::Bootstrap => self.of_bootstrap(&self.bootstrap)?,
            Source::Environment(Exporter::Zipkin { url, timeout }) => {
                of_zipkin_exporter(url, *timeout)
            }
            Source::Environment(Exporter::Otlp(otlp)) => of_otlp_exporter(otlp),
        };
        Ok(Some(Target::Endpoint(endpoint)))
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

fn of_zipkin_exporter(url: &str, timeout: Option<Duration>) -> Endpoint {
    Endpoint {
        protocol: Protocol::ZipkinJson,
        url: url.to_owned(),
        http: HttpSettings {
            timeout,
            ..HttpSettings::default()
        },
        gzip: false,
        tls: is_https(url).then(Tls::default),
    }
}

fn of_otlp_exporter(otlp: &Otlp) -> Endpoint {
    let headers = otlp.headers.iter();
    Endpoint {
        protocol: if otlp.grpc {
            Protocol::OtlpGrpc
        } else {
            Protocol::OtlpHttp
        },
        url: otlp.url.clone(),
        http: HttpSettings {
            timeout: otlp.timeout,
            headers: headers
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
    }
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
