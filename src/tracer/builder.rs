#[cfg(feature = "config")]
use super::Code;
use super::{Core, Directed, Direction, Live, Mode, Tracer, core::for_calls};
#[cfg(feature = "config")]
use crate::config::{ConfigError, TracingConfig};
use crate::{
    clock::Clock,
    id::TraceIdKind,
    istio::Identity,
    propagation::Propagation,
    record::{Endpoint, SpanSettings, SpanSinks},
    report::{NoopReporter, Reporter},
    sample::{PercentageError, RateLimit, Sampler, Threshold},
    tag::{CustomTags, Limits, Tag, TagError, TagNames, TagSources},
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
    /// | `config`, with the feature `config` | no documents |
    /// | limits | none |
    pub fn builder(service_name: impl Into<Cow<'static, str>>) -> TracerBuilder {
        let service_name = service_name.into();
        TracerBuilder {
            named: !service_name.trim().is_empty(),
            endpoint: Endpoint::service(service_name),
            sampler: Directed::default(),
            client_sampling: None,
            overall: None,
            forced_limit: None,
            debug_limit: None,
            propagation: None,
            mode: Directed::default(),
            ids: None,
            tags: Directed::default(),
            names: TagNames::default(),
            identity: None,
            istio_tags: Directed::both(true),
            component: None,
            max_tag_length: 1024,
            join: false,
            max_path_tag_length: None,
            query_in_url: false,
            tag_malformed: false,
            reporter: None,
            #[cfg(feature = "config")]
            config: None,
            #[cfg(feature = "config")]
            code: Directed::default(),
        }
    }
}

/// Builds a [`Tracer`].
#[must_use = "a builder does nothing until it is built"]
pub struct TracerBuilder {
    named: bool,
    endpoint: Endpoint,
    sampler: Directed<Option<Sampler>>,
    client_sampling: Option<f64>,
    overall: Option<f64>,
    forced_limit: Option<u32>,
    debug_limit: Option<u32>,
    propagation: Option<Propagation>,
    mode: Directed<Option<Mode>>,
    ids: Option<TraceIdKind>,
    tags: Directed<Vec<Tag>>,
    names: TagNames,
    identity: Option<Identity>,
    /// Whether the identity's tags `istio.*` go on spans, unless it says otherwise.
    istio_tags: Directed<bool>,
    component: Option<Cow<'static, str>>,
    max_tag_length: usize,
    /// Whether SERVER spans take their caller's id, unless the layer says otherwise.
    join: bool,
    max_path_tag_length: Option<usize>,
    query_in_url: bool,
    tag_malformed: bool,
    reporter: Option<Box<dyn Reporter>>,
    #[cfg(feature = "config")]
    config: Option<TracingConfig>,
    #[cfg(feature = "config")]
    code: Directed<Code>,
}

impl TracerBuilder {
    /// The address at which the service is reached, for the spans' local endpoint.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.endpoint = self.endpoint.with_address(address);
        self
    }

    /// Decides whether a trace is sampled, unless the headers of its request have decided.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = Directed::both(Some(sampler));
        self
    }

    /// Decides on traces that begin in this direction. From [`sampler`](Self::sampler) both have
    /// the same.
    pub fn sampler_for(mut self, direction: Direction, sampler: Sampler) -> Self {
        *self.sampler.of_mut(direction) = Some(sampler);
        self
    }

    /// Where finished spans go.
    pub fn reporter(mut self, reporter: impl Reporter) -> Self {
        self.reporter = Some(Box::new(reporter));
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
        self.propagation = Some(propagation);
        self
    }

    /// Who makes the spans.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = Directed::both(Some(mode));
        self
    }

    /// Who makes the spans of this direction. From [`mode`](Self::mode) both have the same.
    pub fn mode_for(mut self, direction: Direction, mode: Mode) -> Self {
        *self.mode.of_mut(direction) = Some(mode);
        self
    }

    /// How ids of new traces are made.
    pub fn trace_ids(mut self, kind: TraceIdKind) -> Self {
        self.ids = Some(kind);
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
        self.max_path_tag_length = Some(bytes);
        self
    }

    /// Whether the tag `http.url` shows the query. Off by default: queries hold secrets.
    pub fn query_in_url(mut self, show: bool) -> Self {
        self.query_in_url = show;
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

    /// Samples at most this many forced traces a second. The others are denied. A state that the
    /// caller sent stands, and takes no room.
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

    /// Does what these documents of Istio's say, where nothing else has been set here, before or
    /// after. Their custom tags come after those that are set here. Of several calls the last
    /// counts.
    ///
    /// Where they name no percentage it is Istio's: 1 %, by request id. A configuration without
    /// documents, from the environment alone, samples what that says, or else everything.
    ///
    /// Neither the service's name nor the reporter is set by it: see [`TracingConfig::identify`] and
    /// `TracingConfig::reporter`. Where it says where spans go and no reporter is set,
    /// [`build`](Self::build) logs a warning.
    #[cfg(feature = "config")]
    #[cfg_attr(docsrs, doc(cfg(feature = "config")))]
    pub fn config(mut self, config: &TracingConfig) -> Self {
        self.config = Some(config.clone());
        self
    }

    /// With what the documents say in the place of what is not set.
    #[cfg(feature = "config")]
    fn configured(mut self) -> Result<Self, BuildError> {
        // Documents may come later, by `reconfigure`.
        let code = |direction| Code {
            sampler: self.sampler.of(direction).is_some(),
            tags: self.tags.of(direction).clone(),
        };
        self.code = Directed {
            server: code(Direction::Server),
            client: code(Direction::Client),
        };
        let Some(config) = self.config.take() else {
            return Ok(self);
        };
        config.check()?;
        let propagation = self.propagation.take().or_else(|| config.propagation());
        let propagation = self.propagation.insert(propagation.unwrap_or_default());
        let of_config = |direction: &Direction| self.mode.of(*direction).is_none();
        config.tell_unsupported(Direction::BOTH.into_iter().filter(of_config), propagation);
        for direction in Direction::BOTH {
            let mode = self.mode.of_mut(direction);
            mode.get_or_insert_with(|| config.mode(direction));
            let sampler = self.sampler.of_mut(direction);
            sampler.get_or_insert_with(|| config.sampler(direction));
            self.tags.of_mut(direction).extend(config.tags(direction));
            *self.istio_tags.of_mut(direction) = config.istio_tags(direction);
        }
        self.ids = self.ids.or(config.trace_ids());
        self.max_path_tag_length = self.max_path_tag_length.or(config.max_path_tag_length());
        self.join = config.joins();
        let silent = |direction| *self.mode.of(direction) == Some(Mode::ForwardOnly);
        if self.reporter.is_none() && !Direction::BOTH.into_iter().all(silent) {
            config.tell_unsent();
        }
        Ok(self)
    }

    #[cfg(not(feature = "config"))]
    fn configured(self) -> Result<Self, BuildError> {
        Ok(self)
    }

    fn limits(&self) -> Result<Limits, BuildError> {
        let limits = Limits {
            path: self.max_path_tag_length.unwrap_or(256),
            query: self.query_in_url,
        };
        for (field, value, least) in [
            ("max_tag_length", self.max_tag_length, 16),
            ("max_path_tag_length", limits.path, 1),
        ] {
            if value < least {
                return Err(BuildError::Limit { field, least });
            }
        }
        Ok(limits)
    }

    /// Builds the tracer. Environment tags are read now.
    ///
    /// # Errors
    ///
    /// An empty service name, a percentage outside 0 to 100, a tag that cannot be used, a limit
    /// that is too small: the error names the field and the reason. With `config`, a provider that is
    /// used and is not set up right, or is not supported and `strict`.
    pub fn build(self) -> Result<Tracer, BuildError> {
        let this = self.configured()?;
        if !this.named {
            return Err(BuildError::ServiceName);
        }
        let limits = this.limits()?;
        let names = this.names.names();
        let component = match &this.identity {
            Some(_) => "proxy",
            None => "tower-b3",
        };
        let istio_tags = this.istio_tags;
        let identity =
            istio_tags.map(|istio_tags| identity_tags(this.identity.as_ref(), istio_tags));
        let propagation = this.propagation.unwrap_or_default();
        let mode = this.mode.map(Option::unwrap_or_default);
        let tags = |tags: Vec<Tag>, identity: &[Tag]| {
            CustomTags::resolve(tags.into_iter().chain(identity.iter().cloned()))
        };
        let tags = Directed {
            server: tags(this.tags.server, &identity.server)?,
            client: tags(this.tags.client, &identity.client)?,
        };
        let for_calls = for_calls(mode.client, &tags.client);
        let live = |sampler: Option<Sampler>, tags, for_calls| {
            let sampler = sampler.unwrap_or_else(Sampler::always);
            ArcSwap::from_pointee(Live::new(
                sampler,
                tags,
                for_calls,
                names,
                this.max_tag_length,
                &propagation,
            ))
        };
        let core = Core {
            sinks: SpanSinks::new(SpanSettings {
                endpoint: Arc::new(this.endpoint),
                names: &names.tags,
                max_tag_length: this.max_tag_length,
                clock: Clock::new(),
                reporter: this.reporter.unwrap_or_else(|| Box::new(NoopReporter)),
                reporter_panicked: AtomicBool::new(false),
            }),
            live: Directed {
                server: live(this.sampler.server, tags.server, for_calls),
                client: live(this.sampler.client, tags.client, TagSources::default()),
            },
            client_sampling: threshold("client_sampling", this.client_sampling)?,
            overall: threshold("overall_sampling", this.overall)?,
            forced_limit: this.forced_limit.map(RateLimit::new),
            debug_limit: this.debug_limit.map(RateLimit::new),
            debug_limited: AtomicU64::new(0),
            malformed: Default::default(),
            propagation,
            mode,
            ids: this.ids.unwrap_or_default(),
            join: this.join,
            names,
            component: this.component.unwrap_or(Cow::Borrowed(component)),
            identity,
            #[cfg(feature = "config")]
            code: this.code,
            limits,
            tag_malformed: this.tag_malformed,
        };
        Ok(Tracer {
            core: Arc::new(core),
        })
    }
}

fn threshold(field: &'static str, percent: Option<f64>) -> Result<Option<Threshold>, BuildError> {
    let threshold = percent.map(Threshold::new).transpose();
    threshold.map_err(|error| BuildError::Percentage(field, error))
}

/// The tags that say who the service is.
fn identity_tags(identity: Option<&Identity>, istio_tags: bool) -> Vec<Tag> {
    match identity {
        Some(identity) if istio_tags => identity.tags(),
        Some(identity) => identity.clone().istio_tags(false).tags(),
        None => Vec::new(),
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
    /// Documents cannot be followed.
    #[cfg(feature = "config")]
    #[cfg_attr(docsrs, doc(cfg(feature = "config")))]
    Config(ConfigError),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::ServiceName => f.write_str("service name: empty"),
            BuildError::Percentage(field, error) => write!(f, "{field}: {error}"),
            BuildError::Tag(error) => error.fmt(f),
            BuildError::Limit { field, least } => write!(f, "{field}: less than {least}"),
            #[cfg(feature = "config")]
            BuildError::Config(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BuildError {}

impl From<TagError> for BuildError {
    fn from(error: TagError) -> Self {
        BuildError::Tag(error)
    }
}

#[cfg(feature = "config")]
impl From<ConfigError> for BuildError {
    fn from(error: ConfigError) -> Self {
        BuildError::Config(error)
    }
}
