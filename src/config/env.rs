//! The environment.

use super::{
    ConfigError, TracingConfig,
    naming::Naming,
    otel::Otel,
    proxy::Proxy,
    reader::Node,
    tree::{self, Budget},
};
use crate::istio::Identity;

/// Where Istio puts a pod's ProxyConfig.
const PROXY_CONFIG: &str = "PROXY_CONFIG";

impl TracingConfig {
    /// Reads the process's environment. It is read only where this is called.
    ///
    /// `PROXY_CONFIG` is what Istio tells a sidecar: a ProxyConfig. It stands over what people have set
    /// for an OpenTelemetry SDK. An empty variable counts as unset.
    ///
    /// | variable | what is made of it |
    /// |---|---|
    /// | `OTEL_SERVICE_NAME`, `service.name` in `OTEL_RESOURCE_ATTRIBUTES` | [`service_name`](Self::service_name) |
    /// | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | the percentage, by trace id; a caller's decision always stands, so with or without `parentbased_` is the same |
    /// | `OTEL_PROPAGATORS` | the formats that are written: `b3`, `b3multi`, `tracecontext`; all are read. `baggage` is forwarded |
    /// | `OTEL_TRACES_EXPORTER` | `otlp`, `zipkin`, `console`, `none`; unset, whichever has an address |
    /// | `OTEL_EXPORTER_ZIPKIN_ENDPOINT`, `_TIMEOUT` | where spans go, in Zipkin's format |
    /// | `OTEL_EXPORTER_OTLP_ENDPOINT`, `_PROTOCOL`, `_HEADERS`, `_TIMEOUT`, `_COMPRESSION`, `_CERTIFICATE`, `_CLIENT_CERTIFICATE`, `_CLIENT_KEY`; each with `OTLP_TRACES` for `OTLP` too | where spans go, as OTLP |
    /// | `OTEL_SDK_DISABLED` | `true`: no spans are made, headers are forwarded |
    ///
    /// # Errors
    ///
    /// A variable whose value cannot be used: the error names it and the reason. A URL with a password
    /// in it is one, and is not shown: put it into `OTEL_EXPORTER_OTLP_HEADERS`.
    pub fn from_env() -> Result<TracingConfig, ConfigError> {
        TracingConfig::from_vars(|name| {
            let value = std::env::var_os(name)?;
            Some(value.to_string_lossy().into_owned())
        })
    }

    /// As [`from_env`](Self::from_env), but asks `variable` for each variable.
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
        let otel = Otel::read(&variable)
            .map_err(|unusable| ConfigError::new(unusable.variable, unusable.reason))?;
        let otel = TracingConfig {
            otel,
            ..TracingConfig::default()
        };
        match variable(PROXY_CONFIG).filter(|text| !text.trim().is_empty()) {
            Some(text) => {
                let proxy = proxy_config(&text).map_err(|error| error.within(PROXY_CONFIG))?;
                Ok(proxy.over(otel))
            }
            None => Ok(otel),
        }
    }

    /// The service's name, if the environment says it: `OTEL_SERVICE_NAME`.
    pub fn service_name(&self) -> Option<&str> {
        self.otel.service_name.as_deref()
    }

    /// This identity with the name that ProxyConfig asks for: `tracingServiceName` and
    /// `serviceCluster`.
    #[must_use]
    pub fn identify(&self, identity: Identity) -> Identity {
        self.naming.apply(identity)
    }
}

fn proxy_config(text: &str) -> Result<TracingConfig, ConfigError> {
    let mut merged = TracingConfig {
        istio: true,
        ..TracingConfig::default()
    };
    for tree in &tree::parse(text, &mut Budget::new())? {
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
