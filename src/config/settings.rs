//! The settings of a tracer that follow from a configuration. [`apply`](super::apply) hands them to
//! the tracer, and users can ask for the public ones.

use super::{custom_tag::CustomTags, model::TracingConfig, otel::Propagators, source::Source};
use crate::{
    direction::{Direction, Mode},
    id::TraceIdKind,
    istio::Identity,
    propagation::{Format, Propagation},
    sample::Sampler,
    tags::Tag,
};

/// The percentage of requests that Istio samples by default.
const ISTIO_DEFAULT_SAMPLING: f64 = 1.0;

impl TracingConfig {
    /// The percentage of requests that are sampled if their caller has not decided. If it is not
    /// set, it is 1 with Istio's documents and 100 without. 0 means none (Istio ignores a 0 in a
    /// ProxyConfig).
    ///
    /// With `useRequestIdForTraceSampling: false` it is 100, whatever else is set: Envoy then
    /// samples every request unless the caller's own decision prevents it (observed).
    pub fn sampling(&self, direction: Direction) -> f64 {
        if self.telemetry.of(direction).by_request_id == Some(false) {
            return 100.0;
        }
        let default = if self.istio {
            ISTIO_DEFAULT_SAMPLING
        } else {
            100.0
        };
        self.sampling_in_documents(direction)
            .or(self.otel.percentage)
            .unwrap_or(default)
    }

    fn sampling_in_documents(&self, direction: Direction) -> Option<f64> {
        self.telemetry
            .of(direction)
            .sampling
            .or(self.proxy.sampling)
    }

    /// The sampler for [that percentage](Self::sampling): by request id if Istio's documents set it,
    /// by trace id if only `OTEL_TRACES_SAMPLER` does.
    pub fn sampler(&self, direction: Direction) -> Sampler {
        let percent = self.sampling(direction);
        let by_request_id = match self.telemetry.of(direction).by_request_id {
            Some(by_request_id) => by_request_id,
            None if self.sampling_in_documents(direction).is_some() => true,
            None => self.istio && self.otel.percentage.is_none(),
        };
        let sampler = match by_request_id {
            false if percent == 100.0 => Ok(Sampler::always()),
            false => Sampler::percentage(percent),
            true => Sampler::percentage_by_request_id(percent),
        };
        // Unreachable: percentages were checked when they were read.
        sampler.unwrap_or_else(|_| Sampler::never())
    }

    /// The custom tags, ordered by name.
    pub fn tags(&self, direction: Direction) -> Vec<Tag> {
        let tags = self.custom_tags(direction).iter();
        tags.map(|(name, tag)| tag.tag(name)).collect()
    }

    /// Those of Telemetry, or those of the ProxyConfig if Telemetry has none: never both.
    fn custom_tags(&self, direction: Direction) -> &CustomTags {
        let telemetry = &self.telemetry.of(direction).custom_tags;
        if telemetry.is_empty() {
            &self.proxy.custom_tags
        } else {
            telemetry
        }
    }

    /// Whether the identity's `istio.*` tags are added to spans (`enableIstioTags`). By default they
    /// are.
    pub fn istio_tags(&self, direction: Direction) -> bool {
        let telemetry = self.telemetry.of(direction);
        let proxy = self.proxy.istio_tags;
        telemetry.istio_tags.or(proxy).unwrap_or(true)
    }

    /// Who makes the spans.
    ///
    /// | configuration | mode |
    /// |---|---|
    /// | `disableSpanReporting` | [`Mode::ForwardOnly`] |
    /// | a provider that is not supported | [`Mode::ForwardOnly`] |
    /// | `enableTracing: false`, without Telemetry or `defaultProviders` | [`Mode::ForwardOnly`] |
    /// | `OTEL_SDK_DISABLED` in the environment, without `disableSpanReporting` | [`Mode::ForwardOnly`] |
    /// | `disableContextPropagation` | [`Mode::RecordOnly`] |
    /// | otherwise | [`Mode::Spans`] |
    pub fn mode(&self, direction: Direction) -> Mode {
        let telemetry = self.telemetry.of(direction);
        let disabled = telemetry.disable_span_reporting;
        let disabled = disabled.unwrap_or(self.otel.disabled) || self.is_tracing_off();
        if disabled || matches!(self.source(direction), Source::Unsupported(_)) {
            Mode::ForwardOnly
        } else if telemetry.disable_context_propagation == Some(true) {
            Mode::RecordOnly
        } else {
            Mode::Spans
        }
    }

    /// Istio ignores `enableTracing` once the Telemetry API is used.
    fn is_tracing_off(&self) -> bool {
        let telemetry = self.telemetry.server.present || self.telemetry.client.present;
        self.mesh.enable_tracing == Some(false)
            && !telemetry
            && self.mesh.default_provider.is_none()
    }

    /// The name of the service, if the environment sets it: `OTEL_SERVICE_NAME`, or `service.name` in
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    pub fn service_name(&self) -> Option<&str> {
        self.otel.service_name.as_deref()
    }

    /// This identity, with the name that a ProxyConfig sets: `tracingServiceName` and
    /// `serviceCluster`.
    #[must_use]
    pub fn identify(&self, identity: Identity) -> Identity {
        self.naming.apply(identity)
    }

    /// The longest path in a URL tag, if it is set.
    pub(super) fn max_path_tag_length(&self) -> Option<usize> {
        let mut sources = self.sources();
        let provider = sources.find_map(|source| match source {
            Source::Zipkin(zipkin) => zipkin.max_tag_length,
            Source::OpenTelemetry(otel) => otel.max_tag_length,
            _ => None,
        });
        let length = provider.or(self.proxy.max_path_tag_length)?;
        usize::try_from(length).ok()
    }

    /// How ids of new traces are generated, if it is set.
    pub(super) fn trace_ids(&self) -> Option<TraceIdKind> {
        self.sources().find_map(|source| match source {
            Source::Zipkin(zipkin) if zipkin.short_trace_ids => Some(TraceIdKind::Random64),
            Source::Bootstrap if self.bootstrap.long_trace_ids == Some(false) => {
                Some(TraceIdKind::Random64)
            }
            Source::Bootstrap if self.bootstrap.time_prefix == Some(true) => {
                Some(TraceIdKind::TimePrefixed)
            }
            _ => None,
        })
    }

    /// The formats of headers, if they are not the default ones.
    pub(super) fn propagation(&self) -> Option<Propagation> {
        match self.header_formats() {
            (true, _) => Some(Propagation::default().formats([Format::B3Multi, Format::W3c])),
            (false, Some(propagators)) => Some(propagators.propagation()),
            (false, None) => None,
        }
    }

    /// Whether the provider needs `traceparent`, and the environment's propagators.
    pub(super) fn header_formats(&self) -> (bool, Option<&Propagators>) {
        let w3c = self.sources().any(|source| match source {
            Source::Zipkin(zipkin) => zipkin.w3c,
            Source::Bootstrap => self.bootstrap.w3c == Some(true),
            Source::OpenTelemetry(_) => true,
            _ => false,
        });
        (w3c, self.otel.propagators.as_ref())
    }

    /// Whether SERVER spans share the id of their caller's CLIENT span.
    pub(super) fn shares_spans(&self) -> bool {
        matches!(self.source(Direction::Server), Source::Bootstrap)
            && self.bootstrap.shared_spans == Some(true)
    }

    fn sources(&self) -> impl Iterator<Item = Source<'_>> {
        let directions = Direction::BOTH.into_iter();
        directions.map(|direction| self.source(direction))
    }
}
