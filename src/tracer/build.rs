//! Turns a builder into a tracer: fills in what code has left unset, checks the values, and resolves
//! tags.

#[cfg(feature = "config")]
use super::SetInCode;
use super::{
    BuildError, DynamicSettings, Settings, Tracer, TracerBuilder, TracerInner,
    dynamic::client_tag_sources,
};
#[cfg(all(feature = "access-log", feature = "config"))]
use crate::access_log::AccessLog;
use crate::{
    clock::Clock,
    direction::PerDirection,
    istio::Identity,
    observe::ObserversOfThreads,
    record::{Endpoint, SpanSettings, SpanSinks},
    report::{NoopReporter, Reporter},
    sample::{RateLimit, Sampler, Threshold},
    tags::{CustomTags, Tag, TagConvention, TagSources, UrlLimits},
};
use arc_swap::ArcSwap;
use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
    },
};

const MIN_TAG_LENGTH: usize = 16;
const MIN_PATH_TAG_LENGTH: usize = 1;
const DEFAULT_MAX_PATH_TAG_LENGTH: usize = 256;

/// Supplies the settings that code leaves unset.
#[cfg(feature = "config")]
pub(crate) trait Fallback: Send + Sync {
    /// Called once, when the tracer is built.
    ///
    /// # Errors
    ///
    /// The settings cannot be used; then no tracer is built.
    fn settings(&self, code: &Settings, has_reporter: bool) -> Result<Settings, BuildError>;

    /// Has the log write what the configuration says.
    ///
    /// # Errors
    ///
    /// The configuration cannot be used; then no tracer is built.
    #[cfg(feature = "access-log")]
    fn start_access_log(&self, log: &AccessLog) -> Result<(), BuildError>;
}

impl TracerBuilder {
    /// Builds the tracer. Environment tags are read now.
    ///
    /// # Errors
    ///
    /// The service name is empty, a percentage is outside 0 to 100, a tag cannot be used, or a limit
    /// is too small; the error names the field and the reason. With `config`, also a provider that is
    /// used and misconfigured, or unsupported while the configuration is `strict`.
    pub fn build(self) -> Result<Tracer, BuildError> {
        #[cfg(feature = "config")]
        let set_in_code = self.set_in_code();
        let this = self.with_metrics().with_fallback()?;
        if !this.named {
            return Err(BuildError::ServiceName);
        }
        let settings = this.settings;
        let max = this.max_tag_length;
        let limits = limits(&settings, max, this.query_in_url)?;
        let convention = this.tag_names.convention();
        let identity = settings
            .istio_tags
            .map(|istio_tags| identity_tags(this.identity.as_ref(), istio_tags.unwrap_or(true)));
        let propagation = settings.propagation.unwrap_or_default();
        let mode = settings.mode.map(Option::unwrap_or_default);
        let tags = resolved_tags(settings.tags, &identity)?;
        let server_sources = client_tag_sources(mode.client, &tags.client);
        let dynamic = |sampler: Option<Sampler>, tags, sources| {
            let sampler = sampler.unwrap_or_else(Sampler::always);
            let settings =
                DynamicSettings::new(sampler, tags, sources, convention, max, &propagation);
            ArcSwap::from_pointee(settings)
        };
        let inner = Arc::new(TracerInner {
            sinks: sinks(this.endpoint, this.reporter, convention, max),
            dynamic: PerDirection {
                server: dynamic(settings.sampler.server, tags.server, server_sources),
                client: dynamic(settings.sampler.client, tags.client, TagSources::default()),
            },
            client_sampling: threshold("client_sampling", this.client_sampling)?,
            overall_sampling: threshold("overall_sampling", this.overall_sampling)?,
            forced_rate_limit: this.forced_rate_limit.map(RateLimit::new),
            debug_rate_limit: this.debug_rate_limit.map(RateLimit::new),
            debug_limited: AtomicU64::new(0),
            malformed: Default::default(),
            propagation,
            mode,
            trace_ids: settings.trace_ids.unwrap_or_default(),
            join: settings.shared_spans.unwrap_or(false),
            tag_convention: convention,
            component: this
                .component
                .unwrap_or_else(|| default_component(this.identity.as_ref())),
            identity_tags: identity,
            #[cfg(feature = "config")]
            set_in_code,
            #[cfg(all(feature = "access-log", feature = "config"))]
            configured_log: this.configured_log,
            #[cfg(feature = "access-log")]
            access_logs: this.access_logs,
            #[cfg(feature = "metrics-config")]
            metrics: this.metrics.list(),
            observers: ObserversOfThreads::new(this.observers, max, this.body_counters),
            url_limits: limits,
            tag_malformed_headers: this.tag_malformed,
        });
        Ok(Tracer { inner })
    }

    /// With the metrics before the user's observers, by the modes that code has set, whatever a
    /// configuration says about spans.
    fn with_metrics(self) -> TracerBuilder {
        #[cfg(feature = "metrics")]
        return TracerBuilder {
            observers: [
                self.metrics.observers(&self.settings.mode),
                self.observers.clone(),
            ]
            .concat(),
            ..self
        };
        #[cfg(not(feature = "metrics"))]
        self
    }

    /// A configuration may come later, by `Tracer::reconfigure`, so this is kept in any case.
    #[cfg(feature = "config")]
    fn set_in_code(&self) -> PerDirection<SetInCode> {
        let set_in_code = |direction| SetInCode {
            sampler: self.settings.sampler.of(direction).is_some(),
            tags: self.settings.tags.of(direction).clone(),
        };
        PerDirection {
            server: set_in_code(crate::direction::Direction::Server),
            client: set_in_code(crate::direction::Direction::Client),
        }
    }

    #[cfg(feature = "config")]
    fn with_fallback(mut self) -> Result<TracerBuilder, BuildError> {
        if let Some(fallback) = self.fallback.take() {
            #[cfg(feature = "access-log")]
            fallback.start_access_log(&self.configured_log)?;
            let fallback = fallback.settings(&self.settings, self.reporter.is_some())?;
            self.settings = self.settings.or(fallback);
        }
        #[cfg(feature = "access-log")]
        {
            let log = self.configured_log.clone();
            self = self.observer(log);
        }
        Ok(self)
    }

    #[cfg(not(feature = "config"))]
    fn with_fallback(self) -> Result<TracerBuilder, BuildError> {
        Ok(self)
    }
}

fn sinks(
    endpoint: Endpoint,
    reporter: Option<Box<dyn Reporter>>,
    convention: &'static TagConvention,
    max_tag_length: usize,
) -> SpanSinks {
    SpanSinks::new(SpanSettings {
        endpoint: Arc::new(endpoint),
        names: &convention.tags,
        max_tag_length,
        clock: Clock::new(),
        reporter: reporter.unwrap_or_else(|| Box::new(NoopReporter)),
        reporter_panicked: AtomicBool::new(false),
    })
}

fn limits(
    settings: &Settings,
    max_tag_length: usize,
    query_in_url: bool,
) -> Result<UrlLimits, BuildError> {
    let path = settings
        .max_path_tag_length
        .unwrap_or(DEFAULT_MAX_PATH_TAG_LENGTH);
    for (field, value, min) in [
        ("max_tag_length", max_tag_length, MIN_TAG_LENGTH),
        ("max_path_tag_length", path, MIN_PATH_TAG_LENGTH),
    ] {
        if value < min {
            return Err(BuildError::Limit { field, min });
        }
    }
    Ok(UrlLimits {
        path,
        query: query_in_url,
    })
}

fn threshold(field: &'static str, percent: Option<f64>) -> Result<Option<Threshold>, BuildError> {
    let threshold = percent.map(Threshold::new).transpose();
    threshold.map_err(|error| BuildError::Percentage { field, error })
}

/// The value of the tag `component`. The sidecar, whose spans the identity's tags are made to match,
/// writes `proxy`.
fn default_component(identity: Option<&Identity>) -> Cow<'static, str> {
    Cow::Borrowed(match identity {
        Some(_) => "proxy",
        None => "tower-b3",
    })
}

/// The tags that say which service this is.
fn identity_tags(identity: Option<&Identity>, istio_tags: bool) -> Vec<Tag> {
    match identity {
        Some(identity) if istio_tags => identity.tags(),
        Some(identity) => identity.clone().istio_tags(false).tags(),
        None => Vec::new(),
    }
}

/// The custom tags, followed by the identity's: of two with the same name the first counts.
fn resolved_tags(
    tags: PerDirection<Vec<Tag>>,
    identity: &PerDirection<Vec<Tag>>,
) -> Result<PerDirection<CustomTags>, BuildError> {
    let resolve = |tags: Vec<Tag>, identity: &[Tag]| {
        CustomTags::resolve(tags.into_iter().chain(identity.iter().cloned()))
    };
    Ok(PerDirection {
        server: resolve(tags.server, &identity.server)?,
        client: resolve(tags.client, &identity.client)?,
    })
}
