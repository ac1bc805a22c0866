//! Which block of a configuration says where the spans of a direction go, and whether it can be
//! used. [`settings`](super::settings) and [`endpoint`](super::endpoint) are decided by it.

use super::{
    model::TracingConfig,
    otel::Exporter,
    provider::{OpenTelemetry, Provider, Zipkin},
    proxy::ProxyTracer,
};
use crate::{config_error::ConfigError, direction::Direction, printable};

pub(super) enum Source<'a> {
    /// Spans go nowhere, for this reason.
    None(String),
    /// The provider is not supported: which one, and why.
    Unsupported(String),
    /// The provider is misconfigured.
    Invalid(&'a ConfigError),
    Zipkin(&'a Zipkin),
    OpenTelemetry(&'a OpenTelemetry),
    /// The host and port in a ProxyConfig.
    Address(&'a str),
    Bootstrap,
    Environment(&'a Exporter),
}

impl TracingConfig {
    /// The provider that Telemetry or `defaultProviders` name, or else the ProxyConfig or bootstrap,
    /// or else the environment.
    pub(super) fn source(&self, direction: Direction) -> Source<'_> {
        match (self.source_in_documents(direction), &self.otel.exporter) {
            (Source::None(_), Some(exporter)) => Source::Environment(exporter),
            (source, _) => source,
        }
    }

    fn source_in_documents(&self, direction: Direction) -> Source<'_> {
        let named = self.telemetry.of(direction).provider.as_ref();
        let Some(name) = named.or(self.mesh.default_provider.as_ref()) else {
            return self.source_without_provider();
        };
        let shown = printable::name(name);
        match self.mesh.providers.get(&name.to_lowercase()) {
            Some(Provider::Zipkin(zipkin)) => Source::Zipkin(zipkin),
            Some(Provider::OpenTelemetry(otel)) => Source::OpenTelemetry(otel),
            Some(Provider::Other(kind)) if kind.eq_ignore_ascii_case(name) => {
                Source::Unsupported(format!("the provider {shown} is not supported"))
            }
            Some(Provider::Other(kind)) => {
                let kind = printable::name(kind);
                Source::Unsupported(format!("the provider {shown} ({kind}) is not supported"))
            }
            Some(Provider::Invalid(error)) => Source::Invalid(error),
            // Without any providers, the MeshConfig is probably just not among the documents.
            None if self.mesh.providers.is_empty() => Source::None(format!(
                "the provider {shown} is used, but there are no `extensionProviders`"
            )),
            None => Source::Unsupported(format!(
                "the provider {shown} is not defined in `extensionProviders`"
            )),
        }
    }

    fn source_without_provider(&self) -> Source<'_> {
        match (&self.bootstrap, &self.proxy.tracer) {
            (bootstrap, _) if bootstrap.present => match &bootstrap.other {
                Some(other) => {
                    let other = printable::name(other);
                    Source::Unsupported(format!("the tracer {other} is not supported"))
                }
                None => Source::Bootstrap,
            },
            (_, Some(ProxyTracer::Zipkin { address })) => Source::Address(address),
            (_, Some(ProxyTracer::Other(other))) => {
                let other = printable::name(other);
                Source::Unsupported(format!("the provider {other} is not supported"))
            }
            (_, None) => Source::None("no collector is configured".to_owned()),
        }
    }

    /// Why the provider of a direction is not supported, if it is not.
    pub(super) fn unsupported(&self, direction: Direction) -> Option<String> {
        match self.source(direction) {
            Source::Unsupported(reason) => Some(reason),
            _ => None,
        }
    }

    /// Checks that the configuration can be used: an error is a provider that is used and
    /// misconfigured or, with [`strict`](Self::strict), unsupported.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for direction in Direction::BOTH {
            match self.source(direction) {
                Source::Invalid(error) => return Err(error.clone()),
                Source::Unsupported(reason) if self.strict => {
                    return Err(ConfigError::general(reason));
                }
                _ => {}
            }
        }
        #[cfg(feature = "access-log")]
        self.access_logs()?;
        Ok(())
    }
}
