//! A configuration from the environment: Istio's `PROXY_CONFIG`, and the variables of an
//! OpenTelemetry SDK, which [`otel`](super::otel) reads.

use super::{
    model::TracingConfig, naming::Naming, node::Node, otel::Otel, proxy::Proxy, tree::Budget, yaml,
};
use crate::config_error::ConfigError;

/// The variable in which Istio hands a pod its ProxyConfig.
const PROXY_CONFIG: &str = "PROXY_CONFIG";

impl TracingConfig {
    /// Reads the process's environment. It is read only by this call.
    ///
    /// `PROXY_CONFIG` is the ProxyConfig that Istio hands to a sidecar. It overrides the variables of
    /// an OpenTelemetry SDK. An empty variable counts as unset.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `OTEL_SERVICE_NAME`, `service.name` in `OTEL_RESOURCE_ATTRIBUTES` | [`service_name`](Self::service_name) |
    /// | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | the percentage, by trace id. A caller's decision always stands, so `parentbased_` makes no difference |
    /// | `OTEL_PROPAGATORS` | the formats that are written: `b3`, `b3multi`, `tracecontext`. All formats are read. With `baggage`, that header is forwarded |
    /// | `OTEL_TRACES_EXPORTER` | `otlp`, `zipkin`, `console` or `none`. If it is unset, the exporter that has an endpoint |
    /// | `OTEL_EXPORTER_ZIPKIN_ENDPOINT`, `_TIMEOUT` | where spans go, in Zipkin's format |
    /// | `OTEL_EXPORTER_OTLP_ENDPOINT`, `_PROTOCOL`, `_HEADERS`, `_TIMEOUT`, `_COMPRESSION`, `_CERTIFICATE`, `_CLIENT_CERTIFICATE`, `_CLIENT_KEY`; each also with `OTLP_TRACES` instead of `OTLP` | where spans go, as OTLP |
    /// | `OTEL_SDK_DISABLED` | `true`: no spans are made, headers are forwarded |
    ///
    /// # Errors
    ///
    /// A variable has a value that cannot be used; the error names the variable and the reason. A URL
    /// with a password is such a value, and is not shown: use `OTEL_EXPORTER_OTLP_HEADERS` instead.
    pub fn from_env() -> Result<TracingConfig, ConfigError> {
        TracingConfig::from_vars(|name| {
            let value = std::env::var_os(name)?;
            Some(value.to_string_lossy().into_owned())
        })
    }

    /// As [`from_env`](Self::from_env), but calls `variable` for the value of each variable.
    ///
    /// ```
    /// use tower_b3::{Direction, config::{Collector, TracingConfig}};
    ///
    /// let config = TracingConfig::from_vars(|name| match name {
    ///     "PROXY_CONFIG" => Some(r#"{"tracing": {"sampling": 10}}"#.to_owned()),
    ///     "OTEL_EXPORTER_ZIPKIN_ENDPOINT" => Some("http://zipkin:9411/api/v2/spans".to_owned()),
    ///     _ => None,
    /// })?;
    /// assert_eq!(config.sampling(Direction::Server), 10.0);
    /// let zipkin = Collector::Zipkin("http://zipkin:9411/api/v2/spans".to_owned());
    /// assert_eq!(config.collector()?, zipkin);
    /// # Ok::<(), tower_b3::config::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    pub fn from_vars(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<TracingConfig, ConfigError> {
        let otel = TracingConfig {
            otel: Otel::read(&variable)?,
            ..TracingConfig::default()
        };
        match variable(PROXY_CONFIG).filter(|text| !text.trim().is_empty()) {
            Some(text) => {
                let proxy = proxy_config(&text).map_err(|error| error.in_document(PROXY_CONFIG))?;
                Ok(proxy.over(otel))
            }
            None => Ok(otel),
        }
    }
}

fn proxy_config(text: &str) -> Result<TracingConfig, ConfigError> {
    let mut merged = TracingConfig {
        istio: true,
        ..TracingConfig::default()
    };
    for tree in &yaml::parse(text, &mut Budget::new())? {
        let node = Node::new(tree, "");
        node.entries()?;
        let tracing = node.get("tracing");
        let proxy = tracing.map(|tracing| Proxy::read(&tracing)).transpose()?;
        let config = TracingConfig {
            proxy: proxy.unwrap_or_default(),
            naming: Naming::read(&node),
            ..TracingConfig::default()
        };
        merged = merged.over(config);
    }
    merged.check()?;
    Ok(merged)
}
