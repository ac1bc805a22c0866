//! What a configuration comes to.

use super::{
    ConfigError, TracingConfig,
    custom_tag::CustomTags,
    mesh::{OpenTelemetry, Provider, Zipkin},
    otel::{Exporter, Propagators},
    proxy::ProxyTracer,
};
use crate::{
    id::TraceIdKind,
    printable,
    propagation::{Format, Propagation},
    sample::Sampler,
    tag::Tag,
    tracer::{Direction, Mode},
};

/// The percentage of requests that Istio samples where nothing says otherwise.
const SAMPLING: f64 = 1.0;

/// Where spans of a direction are meant to go.
pub(super) enum Source<'a> {
    /// Nowhere, because of this.
    None(String),
    /// To what is not supported: whom, and why.
    Unsupported(String),
    Faulty(&'a ConfigError),
    Zipkin(&'a Zipkin),
    OpenTelemetry(&'a OpenTelemetry),
    /// To this host and port, as a ProxyConfig says.
    Address(&'a str),
    /// As an Envoy bootstrap says.
    Bootstrap,
    /// As the environment says.
    Environment(&'a Exporter),
}

impl TracingConfig {
    /// The percentage of requests that are sampled where nobody has decided. Where it is not set it
    /// is 1 with documents of Istio's and 100 without. 0 is none (Istio takes a ProxyConfig's 0 for
    /// nothing said).
    ///
    /// With `useRequestIdForTraceSampling: false` it is 100, whatever else is set: nothing but the
    /// caller's own state then keeps Envoy from sampling a request (observed).
    pub fn sampling(&self, direction: Direction) -> f64 {
        if self.telemetry.of(direction).by_request_id == Some(false) {
            return 100.0;
        }
        let environment = self.otel.percent;
        let default = if self.istio { SAMPLING } else { 100.0 };
        self.istio_sampling(direction)
            .or(environment)
            .unwrap_or(default)
    }

    fn istio_sampling(&self, direction: Direction) -> Option<f64> {
        self.telemetry
            .of(direction)
            .sampling
            .or(self.proxy.sampling)
    }

    /// What samples [that percentage](Self::sampling): by request id where documents of Istio's say
    /// it, by trace id where only the environment's `OTEL_TRACES_SAMPLER` does.
    pub fn sampler(&self, direction: Direction) -> Sampler {
        let percent = self.sampling(direction);
        let by_request_id = match self.telemetry.of(direction).by_request_id {
            Some(by_request_id) => by_request_id,
            None if self.istio_sampling(direction).is_some() => true,
            None => self.istio && self.otel.percent.is_none(),
        };
        let sampler = match by_request_id {
            false if percent == 100.0 => Ok(Sampler::always()),
            false => Sampler::percentage(percent),
            true => Sampler::percentage_by_request_id(percent),
        };
        // What was read is a percentage.
        sampler.unwrap_or_else(|_| Sampler::never())
    }

    /// The custom tags, by name.
    pub fn tags(&self, direction: Direction) -> Vec<Tag> {
        let tags = self.custom_tags(direction).iter();
        tags.map(|(name, tag)| tag.tag(name)).collect()
    }

    /// Telemetry's, or if it has none ProxyConfig's: never both.
    fn custom_tags(&self, direction: Direction) -> &CustomTags {
        let telemetry = &self.telemetry.of(direction).custom_tags;
        match telemetry.is_empty() {
            true => &self.proxy.custom_tags,
            false => telemetry,
        }
    }

    /// Whether the tags `istio.*` go on spans (`enableIstioTags`): they do, unless it is `false`.
    pub fn istio_tags(&self, direction: Direction) -> bool {
        let telemetry = self.telemetry.of(direction);
        let proxy = self.proxy.istio_tags;
        telemetry.istio_tags.or(proxy).unwrap_or(true)
    }

    /// Who makes the spans.
    ///
    /// | in the documents | mode |
    /// |---|---|
    /// | `disableSpanReporting` | [`Mode::ForwardOnly`] |
    /// | a provider that is not supported | [`Mode::ForwardOnly`] |
    /// | `enableTracing: false`, and nothing of the Telemetry API | [`Mode::ForwardOnly`] |
    /// | `OTEL_SDK_DISABLED` in the environment, and no `disableSpanReporting` | [`Mode::ForwardOnly`] |
    /// | `disableContextPropagation` | [`Mode::RecordOnly`] |
    /// | else | [`Mode::Spans`] |
    pub fn mode(&self, direction: Direction) -> Mode {
        let telemetry = self.telemetry.of(direction);
        let silent = telemetry.disable_span_reporting;
        let off = silent.unwrap_or(self.otel.disabled) || self.is_off();
        if off || matches!(self.source(direction), Source::Unsupported(_)) {
            Mode::ForwardOnly
        } else if telemetry.disable_context_propagation == Some(true) {
            Mode::RecordOnly
        } else {
            Mode::Spans
        }
    }

    /// `enableTracing` is heeded where there is nothing of the Telemetry API.
    fn is_off(&self) -> bool {
        let telemetry = self.telemetry.server.present || self.telemetry.client.present;
        self.mesh.enable_tracing == Some(false)
            && !telemetry
            && self.mesh.default_provider.is_none()
    }

    /// The provider that Telemetry or `defaultProviders` name, else what ProxyConfig or the
    /// bootstrap say.
    ///
    /// Where they say nothing, the environment may.
    pub(super) fn source(&self, direction: Direction) -> Source<'_> {
        match (self.documented_source(direction), &self.otel.exporter) {
            (Source::None(_), Some(exporter)) => Source::Environment(exporter),
            (source, _) => source,
        }
    }

    fn documented_source(&self, direction: Direction) -> Source<'_> {
        let named = self.telemetry.of(direction).provider.as_ref();
        let Some(name) = named.or(self.mesh.default_provider.as_ref()) else {
            return self.old_source();
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
            Some(Provider::Faulty(error)) => Source::Faulty(error),
            // The MeshConfig may just not be there.
            None if self.mesh.providers.is_empty() => Source::None(format!(
                "there are no extensionProviders to say where the provider {shown} is"
            )),
            None => Source::Unsupported(format!(
                "the provider {shown} is not among the extensionProviders"
            )),
        }
    }

    fn old_source(&self) -> Source<'_> {
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
            (_, None) => Source::None("no document says where spans go".to_owned()),
        }
    }

    /// What differs from these documents and cannot be changed while the service runs.
    pub(super) fn needs_restart(&self, before: &TracingConfig) -> Vec<&'static str> {
        let both = Direction::BOTH.into_iter();
        let any = |differs: &dyn Fn(Direction) -> bool| both.clone().any(differs);
        let parts = [
            (
                "who makes spans",
                any(&|way| self.mode(way) != before.mode(way)),
            ),
            (
                "the tags istio.*",
                any(&|way| self.istio_tags(way) != before.istio_tags(way)),
            ),
            ("the formats of headers", self.formats() != before.formats()),
            ("trace ids", self.trace_ids() != before.trace_ids()),
            ("shared spans", self.joins() != before.joins()),
            (
                "the longest path in http.url",
                self.max_path_tag_length() != before.max_path_tag_length(),
            ),
            ("the service's name", self.naming != before.naming),
        ];
        let parts = parts.into_iter().filter(|(_, differs)| *differs);
        parts.map(|(name, _)| name).collect()
    }

    /// What keeps the configuration from being used: a provider that is used and is not set up
    /// right, and in [`strict`](Self::strict) ones those that are not supported.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        for direction in Direction::BOTH {
            match self.source(direction) {
                Source::Faulty(error) => return Err(error.clone()),
                Source::Unsupported(reason) if self.strict => {
                    return Err(ConfigError::new("", reason));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Says in the log which providers of these directions are not supported, each once.
    pub(crate) fn tell_unsupported(
        &self,
        directions: impl IntoIterator<Item = Direction>,
        propagation: &Propagation,
    ) {
        let mut told = None;
        for direction in directions {
            let Source::Unsupported(reason) = self.source(direction) else {
                continue;
            };
            if told.as_ref() != Some(&reason) {
                let names: Vec<&str> = propagation.forwarded_names().collect();
                tracing::error!(
                    "tracing: {reason}: no spans are made, and these headers are forwarded as they \
                     came: {}",
                    names.join(", ")
                );
                told = Some(reason);
            }
        }
    }

    /// The longest path in a URL tag, if it is set.
    pub(crate) fn max_path_tag_length(&self) -> Option<usize> {
        let provider =
            Direction::BOTH
                .into_iter()
                .find_map(|direction| match self.source(direction) {
                    Source::Zipkin(zipkin) => zipkin.max_tag_length,
                    Source::OpenTelemetry(otel) => otel.max_tag_length,
                    _ => None,
                });
        let length = provider.or(self.proxy.max_path_tag_length)?;
        usize::try_from(length).ok()
    }

    /// Which ids new traces get, if it is said.
    pub(crate) fn trace_ids(&self) -> Option<TraceIdKind> {
        Direction::BOTH
            .into_iter()
            .find_map(|direction| match self.source(direction) {
                Source::Zipkin(zipkin) if zipkin.short_trace_ids => Some(TraceIdKind::Random64),
                Source::Bootstrap if self.bootstrap.long_trace_ids == Some(false) => {
                    Some(TraceIdKind::Random64)
                }
                Source::Bootstrap if self.bootstrap.timestamps == Some(true) => {
                    Some(TraceIdKind::TimePrefixed)
                }
                _ => None,
            })
    }

    /// What is written to headers, if it is other than the default.
    pub(crate) fn propagation(&self) -> Option<Propagation> {
        match (self.writes_w3c(), &self.otel.propagators) {
            (true, _) => Some(Propagation::default().formats([Format::B3Multi, Format::W3c])),
            (false, Some(propagators)) => Some(propagators.propagation()),
            (false, None) => None,
        }
    }

    fn formats(&self) -> (bool, &Option<Propagators>) {
        (self.writes_w3c(), &self.otel.propagators)
    }

    fn writes_w3c(&self) -> bool {
        Direction::BOTH
            .into_iter()
            .any(|direction| match self.source(direction) {
                Source::Zipkin(zipkin) => zipkin.w3c,
                Source::Bootstrap => self.bootstrap.w3c == Some(true),
                Source::OpenTelemetry(_) => true,
                _ => false,
            })
    }

    /// Whether SERVER spans take their caller's id.
    pub(crate) fn joins(&self) -> bool {
        matches!(self.source(Direction::Server), Source::Bootstrap)
            && self.bootstrap.shared == Some(true)
    }
}
