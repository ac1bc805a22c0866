//! The access logs that follow from a configuration: which providers are used, by Istio's rules, and
//! what each of them writes.

#[cfg(feature = "metrics-config")]
use super::access_log_filter::filter_of;
use super::{
    access_logging::{AccessLogging, Entry, FileLog, LogProvider},
    model::TracingConfig,
};
use crate::{
    access_log::{AccessLogFormat, LogSettings, Output},
    config_error::ConfigError,
    direction::Direction,
    printable::name as shown,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// The provider that Istio has without being told. It writes in the format of the MeshConfig.
const BUILT_IN: &str = "envoy";
const STDOUT: &str = "/dev/stdout";

/// The logs of a configuration.
#[derive(Debug, Default)]
pub(super) struct AccessLogs {
    pub(super) logs: Vec<LogSettings>,
    /// Why others are not written, each reason once.
    pub(super) left_out: Vec<String>,
}

/// A provider's name, and the expression of its filter.
type UsedProviders<'a> = BTreeMap<&'a str, Option<&'a str>>;

impl TracingConfig {
    /// The logs that are written.
    ///
    /// # Errors
    ///
    /// The configuration is `strict`, and a provider that is used is misconfigured or unsupported.
    pub(super) fn access_logs(&self) -> Result<AccessLogs, ConfigError> {
        let logging = &self.access_logging;
        let mut all = AccessLogs::default();
        for direction in Direction::BOTH {
            for (name, filter) in logging.used(direction) {
                match logging.log(name, filter, direction) {
                    Ok(log) => all.logs.push(log),
                    Err(error) if self.strict => return Err(error),
                    Err(error) => {
                        let reason = error.to_string();
                        if !all.left_out.contains(&reason) {
                            all.left_out.push(reason);
                        }
                    }
                }
            }
        }
        Ok(all)
    }
}

impl AccessLogging {
    /// The providers of `defaultProviders`, or else the built-in one if `accessLogFile` is set.
    fn default_providers(&self) -> Vec<&str> {
        match (&self.mesh.default_providers, &self.mesh.file) {
            (Some(names), _) => names.iter().map(String::as_str).collect(),
            (None, Some(_)) => vec![BUILT_IN],
            (None, None) => Vec::new(),
        }
    }

    /// The providers that write lines for this direction, as Istio merges the lists: the last list that
    /// names any decides which ones exist, an entry without names is about those of the entry before
    /// it, and later entries override earlier ones.
    fn used(&self, direction: Direction) -> UsedProviders<'_> {
        let defaults = self.default_providers();
        if self.levels.is_empty() {
            return defaults.into_iter().map(|name| (name, None)).collect();
        }
        let mut existing: BTreeSet<&str> = defaults.iter().copied().collect();
        let mut filters = UsedProviders::new();
        for level in &self.levels {
            let named = level.iter().flat_map(Entry::named);
            filters.extend(named.clone());
            if named.clone().next().is_some() {
                existing = named.map(|(name, _)| name).collect();
            }
        }
        let mut used = UsedProviders::new();
        let mut names = defaults;
        for entry in self.levels.iter().flatten() {
            if !entry.providers.is_empty() {
                names = entry.providers.iter().map(String::as_str).collect();
            }
            if entry.direction.is_some_and(|only| only != direction) {
                continue;
            }
            for name in names.iter().filter(|name| existing.contains(*name)) {
                if entry.disabled {
                    used.remove(name);
                } else {
                    used.insert(name, filters.get(name).copied().flatten());
                }
            }
        }
        used
    }

    /// The log of a provider, or why it is not written.
    fn log(
        &self,
        name: &str,
        filter: Option<&str>,
        direction: Direction,
    ) -> Result<LogSettings, ConfigError> {
        let built_in = FileLog::default();
        let file = match self.mesh.providers.get(name) {
            Some(LogProvider::File(file)) => file,
            Some(LogProvider::Invalid(error)) => return Err(error.clone()),
            Some(LogProvider::Other(kind)) => {
                let (name, kind) = (shown(name), shown(kind));
                let reason = format!("the provider {name} ({kind}) is not supported");
                return Err(ConfigError::general(reason));
            }
            None if name == BUILT_IN => &built_in,
            None => {
                let name = shown(name);
                let reason = format!("the provider {name} is not defined in `extensionProviders`");
                return Err(ConfigError::general(reason));
            }
        };
        let filter = filter.map(filter_of).transpose();
        let filter = filter.map_err(ConfigError::general)?;
        let is_implied = self.mesh.default_providers.is_none() && self.levels.is_empty();
        let path = match (&file.path, &self.mesh.file) {
            (Some(path), _) if !is_implied => path,
            (_, Some(path)) if name == BUILT_IN => path,
            (Some(path), _) => path,
            (None, _) => STDOUT,
        };
        let format = match &file.format {
            Some(format) => format.clone(),
            None if name == BUILT_IN => self.mesh.format()?,
            None => AccessLogFormat::istio(),
        };
        Ok(LogSettings {
            output: Output::of_path(Path::new(path)),
            format: format.omit_empty_values(file.omit_empty),
            direction: Some(direction),
            filter,
        })
    }
}

impl Entry {
    fn named(&self) -> impl Iterator<Item = (&str, Option<&str>)> + Clone {
        let filter = self.filter.as_deref();
        self.providers
            .iter()
            .map(move |name| (name.as_str(), filter))
    }
}

/// The filter of `filter.expression`, in CEL.
#[cfg(not(feature = "metrics-config"))]
fn filter_of(expression: &str) -> Result<crate::access_log::Filter, String> {
    Err(format!(
        "the filter {} is not evaluated without the feature `metrics-config`",
        crate::printable::quoted(expression)
    ))
}
