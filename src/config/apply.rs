//! What a configuration does to a tracer: it supplies the settings that code leaves unset, when the
//! tracer is built and when the configuration changes. The tracer itself knows no configuration.

#[cfg(feature = "access-log")]
use super::access_log::AccessLogs;
use super::{endpoint::Target, model::TracingConfig};
#[cfg(feature = "access-log")]
use crate::access_log::{AccessLog, AccessLogError, Replacement};
use crate::{
    config_error::ConfigError,
    direction::{Direction, Mode, PerDirection},
    printable::place,
    propagation::Propagation,
    tracer::{BuildError, Fallback, Settings, Tracer, TracerBuilder},
};

impl TracerBuilder {
    /// Uses this configuration for everything that code does not set on this builder, before or after
    /// this call. Custom tags of the configuration are added after those set in code. Of several calls
    /// the last counts.
    ///
    /// If Istio's documents set no percentage, Istio's default applies: 1 %, by request id. A
    /// configuration that comes only from the environment samples what the environment says, or
    /// everything.
    ///
    /// The service's name and the reporter are not set: see [`TracingConfig::identify`] and
    /// `TracingConfig::reporter`. If the configuration has a collector but no reporter is set,
    /// [`build`](Self::build) logs a warning.
    #[cfg_attr(docsrs, doc(cfg(feature = "config")))]
    pub fn config(self, config: &TracingConfig) -> Self {
        self.fallback(config.clone())
    }
}

impl Tracer {
    /// Replaces the samplers, custom tags and access logs of the previous configuration by those of this
    /// one, from now on. What code has set in the builder still [overrides](TracerBuilder::config) them.
    ///
    /// What [`set_sampler`](Self::set_sampler) and [`set_tags_for`](Self::set_tags_for) have set since
    /// is replaced too, except for a sampler if the builder has set one. All other settings stay as
    /// they were built.
    ///
    /// # Errors
    ///
    /// A tracing provider that is used and misconfigured, or a tag that cannot be used; while the
    /// configuration is [`strict`](TracingConfig::strict), also a tracing provider that is not supported, or
    /// an access log that cannot be written. Then nothing changes.
    #[cfg_attr(docsrs, doc(cfg(feature = "config")))]
    pub fn reconfigure(&self, config: &TracingConfig) -> Result<(), BuildError> {
        config.check()?;
        #[cfg(feature = "access-log")]
        let (log, left_out) = config.prepared_access_logs(&self.inner.configured_log)?;
        self.replace_fallback(
            |direction| config.sampler(direction),
            |direction| config.tags(direction),
        )?;
        #[cfg(feature = "access-log")]
        {
            log.apply();
            log_left_out(&left_out);
        }
        Ok(())
    }
}

impl From<ConfigError> for BuildError {
    fn from(error: ConfigError) -> Self {
        BuildError::Config(error)
    }
}

impl Fallback for TracingConfig {
    fn settings(&self, code: &Settings, has_reporter: bool) -> Result<Settings, BuildError> {
        self.check()?;
        let settings = Settings {
            sampler: for_each_direction(|direction| Some(self.sampler(direction))),
            mode: for_each_direction(|direction| Some(self.mode(direction))),
            tags: for_each_direction(|direction| self.tags(direction)),
            istio_tags: for_each_direction(|direction| Some(self.istio_tags(direction))),
            propagation: self.propagation(),
            trace_ids: self.trace_ids(),
            max_path_tag_length: self.max_path_tag_length(),
            shared_spans: Some(self.shares_spans()),
        };
        self.log_unsupported(code, settings.propagation.as_ref());
        if !has_reporter {
            self.log_missing_reporter(code);
        }
        Ok(settings)
    }

    #[cfg(feature = "access-log")]
    fn start_access_log(&self, log: &AccessLog) -> Result<(), BuildError> {
        self.check()?;
        let (log, left_out) = self.prepared_access_logs(log)?;
        log.apply();
        log_left_out(&left_out);
        Ok(())
    }
}

#[cfg(feature = "access-log")]
impl From<AccessLogError> for BuildError {
    fn from(error: AccessLogError) -> Self {
        BuildError::Config(ConfigError::general(error.to_string()))
    }
}

#[cfg(feature = "access-log")]
impl TracingConfig {
    /// The access logs, with open outputs, and why others are left out. If the configuration is strict,
    /// none may be.
    fn prepared_access_logs<'a>(
        &self,
        log: &'a AccessLog,
    ) -> Result<(Replacement<'a>, Vec<String>), BuildError> {
        let AccessLogs { logs, left_out } = self.access_logs()?;
        let log = log.replace(&logs)?;
        let failed: Vec<String> = log.failed().collect();
        match failed.first() {
            Some(reason) if self.strict => Err(ConfigError::general(reason).into()),
            _ => Ok((log, [left_out, failed].concat())),
        }
    }
}

/// Logs which access logs are not written, and why.
#[cfg(feature = "access-log")]
fn log_left_out(reasons: &[String]) {
    for reason in reasons {
        tracing::error!("access log: {reason}; its lines are not written");
    }
}

impl TracingConfig {
    /// Logs which providers are not supported, each once, unless code sets the mode.
    fn log_unsupported(&self, code: &Settings, propagation: Option<&Propagation>) {
        let default = Propagation::default();
        let propagation = code.propagation.as_ref().or(propagation);
        let forwarded: Vec<&str> = propagation.unwrap_or(&default).forwarded_names().collect();
        let mut logged = None;
        for direction in Direction::BOTH {
            let Some(reason) = self.unsupported(direction) else {
                continue;
            };
            if code.mode.of(direction).is_some() || logged.as_ref() == Some(&reason) {
                continue;
            }
            tracing::error!(
                "tracing: {reason}; no spans are made, and these headers are forwarded unchanged: {}",
                forwarded.join(", ")
            );
            logged = Some(reason);
        }
    }

    /// Logs that spans are dropped although the configuration says where they go.
    fn log_missing_reporter(&self, code: &Settings) {
        let makes_spans = |direction| {
            let mode = code.mode.of(direction);
            mode.unwrap_or_else(|| self.mode(direction)) != Mode::ForwardOnly
        };
        if !Direction::BOTH.into_iter().any(makes_spans) {
            return;
        }
        if let Ok(Target::Endpoint(endpoint)) = self.target() {
            let url = place(&endpoint.url);
            tracing::warn!("tracing: the tracer has no reporter, so spans for {url} are dropped");
        }
    }
}

fn for_each_direction<T>(value: impl Fn(Direction) -> T) -> PerDirection<T> {
    PerDirection {
        server: value(Direction::Server),
        client: value(Direction::Client),
    }
}
