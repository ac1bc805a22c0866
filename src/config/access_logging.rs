//! What documents say about access logs: `accessLogging` of a Telemetry, and the fields of a MeshConfig.
//! Which logs follow is computed in [`access_log`](super::access_log).

use super::{
    node::Node,
    telemetry::only_direction,
    tree::{Budget, Tree},
    yaml,
};
use crate::{
    access_log::{AccessLogFormat, AccessLogFormatError, JsonFormat},
    config_error::ConfigError,
    direction::Direction,
};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct AccessLogging {
    /// The lists `accessLogging`, the one with the lowest rank first.
    pub(super) levels: Vec<Vec<Entry>>,
    pub(super) mesh: MeshLogging,
}

/// An entry of `accessLogging`. Names of providers are in lower case: Istio ignores case.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) providers: Vec<String>,
    /// `None` is both.
    pub(super) direction: Option<Direction>,
    pub(super) disabled: bool,
    /// The expression of the filter.
    pub(super) filter: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct MeshLogging {
    /// `accessLogFile`; an empty one is unset.
    pub(super) file: Option<String>,
    /// `accessLogFormat`; an empty one is unset.
    format: Option<String>,
    /// Whether `accessLogEncoding` is `JSON`.
    json: Option<bool>,
    /// `defaultProviders.accessLogging`
    pub(super) default_providers: Option<Vec<String>>,
    /// `extensionProviders` by their names.
    pub(super) providers: BTreeMap<String, LogProvider>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum LogProvider {
    File(FileLog),
    /// The field of a provider that is not supported.
    Other(String),
    /// A provider that is misconfigured. It is an error only if it is used.
    Invalid(ConfigError),
}

/// `envoyFileAccessLog`
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct FileLog {
    pub(super) path: Option<String>,
    pub(super) format: Option<AccessLogFormat>,
    pub(super) omit_empty: bool,
}

impl AccessLogging {
    /// Reads `accessLogging` of a Telemetry.
    pub(super) fn of_telemetry(node: &Node<'_>) -> Result<AccessLogging, ConfigError> {
        let entries = node.items()?.map(|entry| Entry::read(&entry));
        Ok(AccessLogging {
            levels: vec![entries.collect::<Result<_, _>>()?],
            mesh: MeshLogging::default(),
        })
    }

    /// Reads a MeshConfig.
    pub(super) fn of_mesh(node: &Node<'_>) -> Result<AccessLogging, ConfigError> {
        Ok(AccessLogging {
            levels: Vec::new(),
            mesh: MeshLogging::read(node)?,
        })
    }

    /// Both, with the other one below. The fields of a MeshConfig are merged one by one.
    pub(super) fn over(self, other: AccessLogging) -> AccessLogging {
        // A list that is in both counts where it ranks higher.
        let mut levels = other.levels;
        levels.retain(|level| !self.levels.contains(level));
        levels.extend(self.levels);
        let (mesh, below) = (self.mesh, other.mesh);
        let mut providers = below.providers;
        providers.extend(mesh.providers);
        AccessLogging {
            levels,
            mesh: MeshLogging {
                file: mesh.file.or(below.file),
                format: mesh.format.or(below.format),
                json: mesh.json.or(below.json),
                default_providers: mesh.default_providers.or(below.default_providers),
                providers,
            },
        }
    }

    /// Adds the document to the errors of invalid providers.
    pub(super) fn in_document(&mut self, document: &str) {
        for provider in self.mesh.providers.values_mut() {
            if let LogProvider::Invalid(error) = provider {
                *error = error.clone().in_document(document);
            }
        }
    }
}

impl Entry {
    fn read(node: &Node<'_>) -> Result<Entry, ConfigError> {
        node.reject_unknown_fields(&["match", "providers", "disabled", "filter"])?;
        let mut providers = Vec::new();
        if let Some(list) = node.get("providers") {
            for provider in list.items()? {
                provider.reject_unknown_fields(&["name"])?;
                let name = provider.required("name")?.non_empty_text()?;
                providers.push(name.to_lowercase());
            }
        }
        let disabled = node.get("disabled").map(|flag| flag.flag()).transpose()?;
        let filter = match node.get("filter") {
            Some(filter) => {
                filter.reject_unknown_fields(&["expression"])?;
                filter.text_of("expression")?
            }
            None => None,
        };
        Ok(Entry {
            providers,
            direction: only_direction(node)?,
            disabled: disabled.unwrap_or(false),
            filter: filter.filter(|expression| !expression.is_empty()),
        })
    }
}

impl MeshLogging {
    fn read(node: &Node<'_>) -> Result<MeshLogging, ConfigError> {
        let text = |name| -> Result<Option<String>, ConfigError> {
            let text = node.text_of(name)?;
            Ok(text.filter(|text| !text.is_empty()))
        };
        let encoding = node.get("accessLogEncoding");
        let encoding = encoding.map(|word| word.word(&[("TEXT", 0, false), ("JSON", 1, true)]));
        let mut providers = BTreeMap::new();
        if let Some(list) = node.get("extensionProviders") {
            for provider in list.items()? {
                let name = provider.required("name")?.non_empty_text()?.to_lowercase();
                // Of two with the same name Istio takes the first.
                providers
                    .entry(name)
                    .or_insert_with(|| LogProvider::read(&provider));
            }
        }
        let default_providers = match node.at(&["defaultProviders", "accessLogging"]) {
            Some(names) => {
                let names = names.items()?;
                let names = names.map(|name| Ok(name.non_empty_text()?.to_lowercase()));
                Some(names.collect::<Result<_, ConfigError>>()?)
            }
            None => None,
        };
        Ok(MeshLogging {
            file: text("accessLogFile")?,
            format: text("accessLogFormat")?,
            json: encoding.transpose()?,
            default_providers,
            providers,
        })
    }

    /// The format of `accessLogFormat` and `accessLogEncoding`.
    pub(super) fn format(&self) -> Result<AccessLogFormat, ConfigError> {
        let error = |reason: String| ConfigError::new("accessLogFormat", reason);
        match (&self.format, self.json.unwrap_or(false)) {
            (None, false) => Ok(AccessLogFormat::istio()),
            (None, true) => Ok(AccessLogFormat::istio_json()),
            (Some(text), false) => {
                AccessLogFormat::text(text).map_err(|reason| error(reason.to_string()))
            }
            (Some(text), true) => {
                let trees = yaml::parse(text, &mut Budget::new());
                match trees.as_deref() {
                    Ok([tree @ Tree::Map(_)]) => {
                        json(tree).map_err(|reason| error(reason.to_string()))
                    }
                    Ok(_) => Err(error(
                        "must be a JSON object, because `accessLogEncoding` is `JSON`".to_owned(),
                    )),
                    Err(reason) => Err(error(format!("not JSON: {reason}"))),
                }
            }
        }
    }
}

impl LogProvider {
    fn read(node: &Node<'_>) -> LogProvider {
        match node.get("envoyFileAccessLog") {
            Some(file) => FileLog::read(&file).map_or_else(LogProvider::Invalid, LogProvider::File),
            None => {
                let entries = node.entries().unwrap_or_default();
                let kind = entries.iter().find(|(name, _)| *name != "name");
                LogProvider::Other(kind.map_or("no kind", |(kind, _)| kind).to_owned())
            }
        }
    }
}

impl FileLog {
    fn read(node: &Node<'_>) -> Result<FileLog, ConfigError> {
        if matches!(node.tree(), Tree::Null) {
            return Ok(FileLog::default());
        }
        node.reject_unknown_fields(&["path", "logFormat", "omitEmptyValues"])?;
        let format = match node.get("logFormat") {
            Some(format) => log_format(&format)?,
            None => None,
        };
        let omit_empty = node.get("omitEmptyValues");
        Ok(FileLog {
            path: node.text_of("path")?.filter(|path| !path.is_empty()),
            format,
            omit_empty: omit_empty
                .map(|flag| flag.flag())
                .transpose()?
                .unwrap_or(false),
        })
    }
}

/// `text` or `labels`; empty ones are Istio's defaults.
fn log_format(node: &Node<'_>) -> Result<Option<AccessLogFormat>, ConfigError> {
    node.reject_unknown_fields(&["text", "labels"])?;
    match (node.get("text"), node.get("labels")) {
        (Some(text), Some(_)) => {
            Err(text.error("cannot be combined with `labels`; set only one of them"))
        }
        (Some(text), None) => match text.text()? {
            "" => Ok(Some(AccessLogFormat::istio())),
            format => AccessLogFormat::text(format)
                .map(Some)
                .map_err(|reason| text.error(reason.to_string())),
        },
        (None, Some(labels)) if labels.entries()?.is_empty() => {
            Ok(Some(AccessLogFormat::istio_json()))
        }
        (None, Some(labels)) => json(labels.tree())
            .map(Some)
            .map_err(|reason| labels.error(reason.to_string())),
        (None, None) => Ok(None),
    }
}

fn json(tree: &Tree) -> Result<AccessLogFormat, AccessLogFormatError> {
    AccessLogFormat::json(json_format(tree))
}

fn json_format(tree: &Tree) -> JsonFormat {
    match tree {
        Tree::Null => JsonFormat::Null,
        Tree::Bool(flag) => JsonFormat::Bool(*flag),
        Tree::Number(number) => JsonFormat::Number(*number),
        Tree::Text(text) => JsonFormat::Text(text.clone()),
        Tree::List(values) => JsonFormat::List(values.iter().map(json_format).collect()),
        Tree::Map(entries) => {
            let entry = |(name, value): &(String, Tree)| (name.clone(), json_format(value));
            JsonFormat::Object(entries.iter().map(entry).collect())
        }
    }
}
