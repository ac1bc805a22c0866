//! [`TracerBuilder`]: one method for each setting. [`build`](super::build) checks them and makes the
//! tracer. `TracerBuilder::config` is defined next to the configuration, `metrics` in a module of its own.

#[cfg(feature = "config")]
use super::Fallback;
use super::{Settings, Tracer};
#[cfg(feature = "access-log")]
use crate::access_log::AccessLog;
use crate::{
    direction::{Direction, Mode, PerDirection},
    id::TraceIdKind,
    istio::Identity,
    observe::{AnyObserver, BodyCounters, CountWith, CountedBody, ExchangeObserver},
    propagation::Propagation,
    record::Endpoint,
    report::Reporter,
    sample::Sampler,
    tags::{Tag, TagNames},
};
use http_body::Body;
use std::{borrow::Cow, fmt, net::SocketAddr, sync::Arc};

impl Tracer {
    /// A tracer for the service of this name.
    ///
    /// | setting | default |
    /// |---|---|
    /// | [`sampler`](TracerBuilder::sampler) | everything |
    /// | [`reporter`](TracerBuilder::reporter) | none: spans are dropped |
    /// | [`trace_ids`](TracerBuilder::trace_ids) | 128 random bits |
    /// | [`propagation`](TracerBuilder::propagation) | all formats read, `x-b3-*` written |
    /// | [`mode`](TracerBuilder::mode) | spans |
    /// | [`tag_names`](TracerBuilder::tag_names) | Envoy's |
    /// | [`identity`](TracerBuilder::identity) | none |
    /// | [`component`](TracerBuilder::component) | `tower-b3`; `proxy` with an identity |
    /// | [`max_tag_length`](TracerBuilder::max_tag_length) | 1,024 bytes |
    /// | [`max_path_tag_length`](TracerBuilder::max_path_tag_length) | 256 bytes |
    /// | [`client_sampling`](TracerBuilder::client_sampling) | 100 % |
    /// | `config`, with the feature `config` | no configuration |
    /// | rate limits | none |
    /// | [`observer`](TracerBuilder::observer) | none |
    pub fn builder(service_name: impl Into<Cow<'static, str>>) -> TracerBuilder {
        let service_name = service_name.into();
        TracerBuilder {
            named: !service_name.trim().is_empty(),
            endpoint: Endpoint::service(service_name),
            settings: Settings::default(),
            client_sampling: None,
            overall_sampling: None,
            forced_rate_limit: None,
            debug_rate_limit: None,
            tag_names: TagNames::default(),
            identity: None,
            component: None,
            max_tag_length: 1024,
            query_in_url: false,
            tag_malformed: false,
            reporter: None,
            observers: Vec::new(),
            #[cfg(feature = "access-log")]
            access_logs: Vec::new(),
            #[cfg(all(feature = "access-log", feature = "config"))]
            configured_log: AccessLog::empty(),
            #[cfg(feature = "metrics")]
            metrics: Default::default(),
            body_counters: BodyCounters::default(),
            #[cfg(feature = "config")]
            fallback: None,
        }
    }
}

/// Builds a [`Tracer`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct TracerBuilder {
    /// Whether the service's name is more than white space.
    pub(super) named: bool,
    pub(super) endpoint: Endpoint,
    /// What a configuration may supply too.
    pub(super) settings: Settings,
    pub(super) client_sampling: Option<f64>,
    pub(super) overall_sampling: Option<f64>,
    pub(super) forced_rate_limit: Option<u32>,
    pub(super) debug_rate_limit: Option<u32>,
    pub(super) tag_names: TagNames,
    pub(super) identity: Option<Identity>,
    pub(super) component: Option<Cow<'static, str>>,
    pub(super) max_tag_length: usize,
    pub(super) query_in_url: bool,
    pub(super) tag_malformed: bool,
    pub(super) reporter: Option<Box<dyn Reporter>>,
    pub(super) observers: Vec<Arc<dyn AnyObserver>>,
    /// Those among the observers.
    #[cfg(feature = "access-log")]
    pub(super) access_logs: Vec<AccessLog>,
    /// Writes what a configuration says.
    #[cfg(all(feature = "access-log", feature = "config"))]
    pub(super) configured_log: AccessLog,
    #[cfg(feature = "metrics")]
    pub(super) metrics: super::metrics::CountingMetrics,
    pub(super) body_counters: BodyCounters,
    #[cfg(feature = "config")]
    pub(super) fallback: Option<Box<dyn Fallback>>,
}

impl TracerBuilder {
    /// The address at which the service is reached, for the local endpoint of its spans.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.endpoint = self.endpoint.with_address(address);
        self
    }

    /// Decides whether a trace is sampled, unless the headers of its request already decide.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.settings.sampler = PerDirection::both(Some(sampler));
        self
    }

    /// Sets the sampler of traces that begin in this direction. [`sampler`](Self::sampler) sets it
    /// for both.
    pub fn sampler_for(mut self, direction: Direction, sampler: Sampler) -> Self {
        *self.settings.sampler.of_mut(direction) = Some(sampler);
        self
    }

    /// Where finished spans go.
    pub fn reporter(mut self, reporter: impl Reporter) -> Self {
        self.reporter = Some(Box::new(reporter));
        self
    }

    /// Adds an observer of every exchange, sampled or not: for metrics, or a log of your own. Observers
    /// are called in the order in which they were added.
    pub fn observer(mut self, observer: impl ExchangeObserver) -> Self {
        #[cfg(feature = "access-log")]
        if let Some(log) = (&observer as &dyn std::any::Any).downcast_ref::<AccessLog>() {
            self.access_logs.push(log.clone());
        }
        self.observers.push(Arc::new(observer));
        self
    }

    /// Counts the bytes and gRPC messages of request bodies of the type `B` while they are read, for
    /// [observers](crate::observe). `wrap` makes a `B` of a body that is counted.
    ///
    /// axum's body is counted with the feature `axum`, and reqwest's with the feature `reqwest`. A body
    /// that is empty or knows its size is left as it is, unless it is a gRPC body; the others cost an
    /// allocation, and what `wrap` costs. Without an observer nothing is counted. If `wrap` panics, the panic
    /// is the caller's of the service, because the body is lost.
    ///
    /// ```
    /// # use tower_b3::{Tracer, observe::EndedExchange};
    /// let tracer = Tracer::builder("shop")
    ///     .observer(|exchange: &EndedExchange<'_>| println!("{:?}", exchange.request_messages()))
    ///     .count_request_bodies(tonic::body::Body::new)
    ///     .build()?;
    /// # Ok::<(), tower_b3::BuildError>(())
    /// ```
    pub fn count_request_bodies<B>(
        mut self,
        wrap: impl Fn(CountedBody<B>) -> B + Send + Sync + 'static,
    ) -> Self
    where
        B: Body + Default + 'static,
    {
        self.body_counters.add(CountWith::new(wrap));
        self
    }

    /// Adds a custom tag. Of two with the same name the first counts.
    pub fn tag(self, tag: Tag) -> Self {
        self.tags([tag])
    }

    /// Adds custom tags.
    pub fn tags(mut self, tags: impl IntoIterator<Item = Tag>) -> Self {
        for tag in tags {
            self.settings.tags.client.push(tag.clone());
            self.settings.tags.server.push(tag);
        }
        self
    }

    /// Adds custom tags to the spans of this direction only.
    pub fn tags_for(mut self, direction: Direction, tags: impl IntoIterator<Item = Tag>) -> Self {
        self.settings.tags.of_mut(direction).extend(tags);
        self
    }

    /// Which headers are read and written.
    pub fn propagation(mut self, propagation: Propagation) -> Self {
        self.settings.propagation = Some(propagation);
        self
    }

    /// Who makes the spans.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.settings.mode = PerDirection::both(Some(mode));
        self
    }

    /// Who makes the spans of this direction. [`mode`](Self::mode) sets it for both.
    pub fn mode_for(mut self, direction: Direction, mode: Mode) -> Self {
        *self.settings.mode.of_mut(direction) = Some(mode);
        self
    }

    /// How the ids of new traces are generated.
    pub fn trace_ids(mut self, kind: TraceIdKind) -> Self {
        self.settings.trace_ids = Some(kind);
        self
    }

    /// The names of the standard tags.
    pub fn tag_names(mut self, names: TagNames) -> Self {
        self.tag_names = names;
        self
    }

    /// Adds tags to SERVER and CLIENT spans that say which service of an Istio mesh this is, as its
    /// sidecar's spans have [them](crate::istio). A custom tag of the same name wins.
    ///
    /// ```
    /// use tower_b3::{Tracer, istio::Identity};
    ///
    /// let identity = Identity::from_env()?;
    /// let tracer = Tracer::builder(identity.service_name())
    ///     .identity(identity)
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// The value of the tag `component`. If it is empty, the tag is left out.
    pub fn component(mut self, component: impl Into<Cow<'static, str>>) -> Self {
        self.component = Some(component.into());
        self
    }

    /// The longest value of a tag, in bytes. Longer values are cut at a character boundary. At
    /// least 16.
    pub fn max_tag_length(mut self, bytes: usize) -> Self {
        self.max_tag_length = bytes;
        self
    }

    /// The longest path in the tag `http.url`, in bytes. Scheme and host do not count, as in Envoy.
    /// At least 1.
    pub fn max_path_tag_length(mut self, bytes: usize) -> Self {
        self.settings.max_path_tag_length = Some(bytes);
        self
    }

    /// Whether the tag `http.url` contains the query. Off by default, because queries may contain
    /// secrets.
    pub fn query_in_url(mut self, show: bool) -> Self {
        self.query_in_url = show;
        self
    }

    /// Whether spans get a `malformed_headers` tag when a tracing header was malformed.
    pub fn tag_malformed_headers(mut self, tag: bool) -> Self {
        self.tag_malformed = tag;
        self
    }

    /// The percentage of requests with `x-client-trace-id` that are sampled because of that header,
    /// chosen at random. The others are decided on as if the header were absent. The default is 100,
    /// as in Envoy and Istio (`client_sampling`).
    pub fn client_sampling(mut self, percent: f64) -> Self {
        self.client_sampling = Some(percent);
        self
    }

    /// Samples at most this percentage of traces, forced ones included: by request id where the
    /// sampler goes by it, otherwise by trace id. A decision that the caller sent stands.
    pub fn overall_sampling(mut self, percent: f64) -> Self {
        self.overall_sampling = Some(percent);
        self
    }

    /// Samples at most this many forced traces per second, and denies the others. A decision that
    /// the caller sent stands, and does not count towards the limit.
    pub fn forced_rate_limit(mut self, per_second: u32) -> Self {
        self.forced_rate_limit = Some(per_second);
        self
    }

    /// Records at most this many requests of debug traces per second. The decision is propagated
    /// unchanged; requests that were not recorded are [counted](Tracer::debug_limited).
    pub fn debug_rate_limit(mut self, per_second: u32) -> Self {
        self.debug_rate_limit = Some(per_second);
        self
    }

    /// Supplies the settings that code leaves unset, whether it sets them before or after this call.
    /// Of several calls the last counts.
    #[cfg(feature = "config")]
    pub(crate) fn fallback(mut self, fallback: impl Fallback + 'static) -> Self {
        self.fallback = Some(Box::new(fallback));
        self
    }
}

impl fmt::Debug for TracerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracerBuilder")
            .field("endpoint", &self.endpoint)
            .field("sampler", &self.settings.sampler)
            .field("mode", &self.settings.mode)
            .field("tags", &self.settings.tags)
            .finish_non_exhaustive()
    }
}
