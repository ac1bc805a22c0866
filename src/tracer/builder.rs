use super::{Core, Directed, Direction, Live, Mode, Tracer};
use crate::{
    clock::Clock,
    home::{Homes, Shared},
    id::TraceIdKind,
    istio::Identity,
    propagation::Propagation,
    record::Endpoint,
    report::{NoopReporter, Reporter},
    sample::{PercentageError, RateLimit, Sampler, Threshold},
    tag::{CustomTags, Limits, Tag, TagError, TagNames},
};
use arc_swap::ArcSwap;
use std::{
    borrow::Cow,
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
    },
};

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
    /// | limits | none |
    pub fn builder(service_name: impl Into<Cow<'static, str>>) -> TracerBuilder {
        let service_name = service_name.into();
        TracerBuilder {
            named: !service_name.trim().is_empty(),
            endpoint: Endpoint::service(service_name),
            sampler: Directed::both(Sampler::always()),
            client_sampling: None,
            overall: None,
            forced_limit: None,
            debug_limit: None,
            propagation: Propagation::default(),
            mode: Directed::default(),
            ids: TraceIdKind::default(),
            tags: Directed::default(),
            names: TagNames::default(),
            identity: None,
            component: None,
            max_tag_length: 1024,
            limits: Limits {
                path: 256,
                query: false,
            },
            tag_malformed: false,
            reporter: Box::new(NoopReporter),
        }
    }
}

/// Builds a [`Tracer`].
#[must_use = "a builder does nothing until it is built"]
pub struct TracerBuilder {
    named: bool,
    endpoint: Endpoint,
    sampler: Directed<Sampler>,
    client_sampling: Option<f64>,
    overall: Option<f64>,
    forced_limit: Option<u32>,
    debug_limit: Option<u32>,
    propagation: Propagation,
    mode: Directed<Mode>,
    ids: TraceIdKind,
    tags: Directed<Vec<Tag>>,
    names: TagNames,
    identity: Option<Identity>,
    component: Option<Cow<'static, str>>,
    max_tag_length: usize,
    limits: Limits,
    tag_malformed: bool,
    reporter: Box<dyn Reporter>,
}

impl TracerBuilder {
    /// The address at which the service is reached, for the spans' local endpoint.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.endpoint = self.endpoint.at(address);
        self
    }

    /// Decides on traces that nobody has decided on.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = Directed::both(sampler);
        self
    }

    /// Decides on traces that begin in this direction. From [`sampler`](Self::sampler) both have
    /// the same.
    pub fn sampler_for(mut self, direction: Direction, sampler: Sampler) -> Self {
        *self.sampler.of_mut(direction) = sampler;
        self
    }

    /// Where finished spans go.
    pub fn reporter(mut self, reporter: impl Reporter) -> Self {
        self.reporter = Box::new(reporter);
        self
    }

    /// Adds a custom tag. Of two with one name the first counts.
    pub fn tag(self, tag: Tag) -> Self {
        self.tags([tag])
    }

    /// Adds custom tags.
    pub fn tags(mut self, tags: impl IntoIterator<Item = Tag>) -> Self {
        for tag in tags {
            self.tags.client.push(tag.clone());
            self.tags.server.push(tag);
        }
        self
    }

    /// Adds custom tags to the spans of this direction alone.
    pub fn tags_for(mut self, direction: Direction, tags: impl IntoIterator<Item = Tag>) -> Self {
        self.tags.of_mut(direction).extend(tags);
        self
    }

    /// What is read from and written to headers.
    pub fn propagation(mut self, propagation: Propagation) -> Self {
        self.propagation = propagation;
        self
    }

    /// Who makes the spans.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = Directed::both(mode);
        self
    }

    /// Who makes the spans of this direction. From [`mode`](Self::mode) both have the same.
    pub fn mode_for(mut self, direction: Direction, mode: Mode) -> Self {
        *self.mode.of_mut(direction) = mode;
        self
    }

    /// How ids of new traces are made.
    pub fn trace_ids(mut self, kind: TraceIdKind) -> Self {
        self.ids = kind;
        self
    }

    /// What the standard tags are called.
    pub fn tag_names(mut self, names: TagNames) -> Self {
        self.names = names;
        self
    }

    /// Tags SERVER and CLIENT spans with who the service is in an Istio mesh, as its sidecar's are
    /// [tagged](crate::istio). A custom tag of the same name wins.
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

    /// The value of the tag `component`; empty for none.
    pub fn component(mut self, component: impl Into<Cow<'static, str>>) -> Self {
        self.component = Some(component.into());
        self
    }

    /// The longest value of a tag, in bytes. Longer ones are cut where a character ends. At
    /// least 16.
    pub fn max_tag_length(mut self, bytes: usize) -> Self {
        self.max_tag_length = bytes;
        self
    }

    /// The longest path in the tag `http.url`, in bytes; scheme and host are not counted (as in
    /// Envoy). At least 1.
    pub fn max_path_tag_length(mut self, bytes: usize) -> Self {
        self.limits.path = bytes;
        self
    }

    /// Whether the tag `http.url` shows the query. Off by default: queries hold secrets.
    pub fn query_in_url(mut self, show: bool) -> Self {
        self.limits.query = show;
        self
    }

    /// Whether spans are tagged with `malformed_headers`, where there were any.
    pub fn tag_malformed_headers(mut self, tag: bool) -> Self {
        self.tag_malformed = tag;
        self
    }

    /// Of the requests with `x-client-trace-id`, this percentage is sampled for it, by chance; the
    /// others are decided on as if it were not there. Default: all, as in Envoy and Istio
    /// (`client_sampling`).
    pub fn client_sampling(mut self, percent: f64) -> Self {
        self.client_sampling = Some(percent);
        self
    }

    /// Samples at most this percentage of traces, forced ones included, by trace id or, where
    /// sampling goes by that, by request id. A state that
    /// the caller sent stands.
    pub fn overall_sampling(mut self, percent: f64) -> Self {
        self.overall = Some(percent);
        self
    }

    /// Samples at most this many forced traces a second. The others are denied.
    pub fn forced_rate_limit(mut self, per_second: u32) -> Self {
        self.forced_limit = Some(per_second);
        self
    }

    /// Records at most this many requests of debug traces a second. The state travels on
    /// unchanged; what was not recorded is [counted](Tracer::debug_limited).
    pub fn debug_rate_limit(mut self, per_second: u32) -> Self {
        self.debug_limit = Some(per_second);
        self
    }

    /// Builds the tracer. Environment tags are read now.
    ///
    /// # Errors
    ///
    /// An empty service name, a percentage outside 0 to 100, a tag that cannot be used, a limit
    /// that is too small: the error names the field and the reason.
    pub fn build(self) -> Result<Tracer, BuildError> {
        if !self.named {
            return Err(BuildError::ServiceName);
        }
        for (field, value, least) in [
            ("max_tag_length", self.max_tag_length, 16),
            ("max_path_tag_length", self.limits.path, 1),
        ] {
            if value < least {
                return Err(BuildError::Limit { field, least });
            }
        }
        let threshold = |field, percent: Option<f64>| {
            let threshold = percent.map(Threshold::new).transpose();
            threshold.map_err(|error| BuildError::Percentage(field, error))
        };
        let names = self.names.names();
        let component = match (self.component, &self.identity) {
            (Some(component), _) => component,
            (None, Some(_)) => Cow::Borrowed("proxy"),
            (None, None) => Cow::Borrowed("tower-b3"),
        };
        let identity = self.identity.map(|identity| identity.tags());
        let identity = identity.unwrap_or_default();
        let live = |sampler, tags: Vec<Tag>| {
            let tags = CustomTags::resolve(tags.into_iter().chain(identity.iter().cloned()))?;
            Ok::<_, TagError>(ArcSwap::from_pointee(Live::new(sampler, tags, names)))
        };
        let core = Core {
            homes: Homes::new(Shared {
                endpoint: self.endpoint,
                max_tag_length: self.max_tag_length,
                clock: Clock::new(),
                reporter: self.reporter,
                panicked: AtomicBool::new(false),
            }),
            live: Directed {
                server: live(self.sampler.server, self.tags.server)?,
                client: live(self.sampler.client, self.tags.client)?,
            },
            client_sampling: threshold("client_sampling", self.client_sampling)?,
            overall: threshold("overall_sampling", self.overall)?,
            forced_limit: self.forced_limit.map(RateLimit::new),
            debug_limit: self.debug_limit.map(RateLimit::new),
            debug_limited: AtomicU64::new(0),
            malformed: Default::default(),
            propagation: self.propagation,
            mode: self.mode,
            ids: self.ids,
            names,
            component,
            identity,
            limits: self.limits,
            tag_malformed: self.tag_malformed,
        };
        Ok(Tracer {
            core: Arc::new(core),
        })
    }
}

impl fmt::Debug for TracerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracerBuilder")
            .field("endpoint", &self.endpoint)
            .field("sampler", &self.sampler)
            .field("mode", &self.mode)
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}

/// What cannot be built, by field and reason.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum BuildError {
    /// The service's name is empty.
    ServiceName,
    /// A percentage is not one: which, and why.
    Percentage(&'static str, PercentageError),
    /// A custom tag cannot be used.
    Tag(TagError),
    /// A limit is too small to be meant.
    Limit {
        /// The builder's method.
        field: &'static str,
        /// The least it can be.
        least: usize,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::ServiceName => f.write_str("service name: empty"),
            BuildError::Percentage(field, error) => write!(f, "{field}: {error}"),
            BuildError::Tag(error) => error.fmt(f),
            BuildError::Limit { field, least } => write!(f, "{field}: less than {least}"),
        }
    }
}

impl std::error::Error for BuildError {}

impl From<TagError> for BuildError {
    fn from(error: TagError) -> Self {
        BuildError::Tag(error)
    }
}
