use super::{
    endpoint::{Protocol, Target},
    model::TracingConfig,
};
use crate::config_error::ConfigError;

/// Where a configuration sends spans.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
    /// The URL, or `None` if spans go nowhere.
    pub fn url(&self) -> Option<&str> {
        match self {
            Collector::Zipkin(url) | Collector::Otlp(url) | Collector::OtlpGrpc(url) => Some(url),
            Collector::None(_) => None,
        }
    }
}

impl TracingConfig {
    /// Where spans go. `zipkin.address` may begin with `$(HOST_IP)`, which is read from the
    /// environment.
    ///
    /// | configuration | URL |
    /// |---|---|
    /// | `zipkin.address` of a ProxyConfig | `http://{address}/api/v2/spans`; `https` with `tlsSettings` |
    /// | the provider `zipkin` | `http://{service}:{port}{path}` |
    /// | the provider `opentelemetry` | `http://{service}:{port}{http.path}` |
    /// | a bootstrap | `collectorService`, or else `collectorEndpoint` at the ProxyConfig's address if `collectorCluster` is `zipkin`, at `collectorHostname` otherwise |
    /// | `OTEL_EXPORTER_ZIPKIN_ENDPOINT`, `OTEL_EXPORTER_OTLP_ENDPOINT` | see [`from_env`](Self::from_env) |
    ///
    /// # Errors
    ///
    /// A provider that is used and misconfigured, a different collector for each direction, a
    /// bootstrap without a host, `tlsSettings` that are not supported, or a path that cannot be part
    /// of a URL.
    pub fn collector(&self) -> Result<Collector, ConfigError> {
        Ok(match self.target()? {
            Target::Endpoint(endpoint) => match endpoint.protocol {
                Protocol::ZipkinJson | Protocol::ZipkinProtobuf => Collector::Zipkin(endpoint.url),
                Protocol::OtlpHttp => Collector::Otlp(endpoint.url),
                Protocol::OtlpGrpc => Collector::OtlpGrpc(endpoint.url),
            },
            Target::None(reason) => Collector::None(reason),
        })
    }
}
