use crate::printable::{message, place};
use std::{fmt, path::Path};

/// A document says something that cannot be meant, or that cannot be done.
///
/// Its `Display` names the file, the document in it, the path of the field and the reason, as far
/// as there are such. What it repeats of a document is escaped where it would not stay on its line,
/// and cut where it is long:
///
/// ```
/// use tower_b3::config::TracingConfig;
///
/// let error = TracingConfig::from_yaml(
///     "
/// apiVersion: telemetry.istio.io/v1
/// kind: Telemetry
/// metadata: { name: mesh-default, namespace: istio-system }
/// spec:
///   tracing:
///   - customTags:
///       tenant: { literal: { value: a }, header: { name: x-tenant } }
/// ",
/// )
/// .unwrap_err();
/// assert_eq!(error.path(), "spec.tracing[0].customTags.tenant");
/// assert_eq!(
///     error.to_string(),
///     "Telemetry istio-system/mesh-default: \
///      spec.tracing[0].customTags.tenant: two of literal, environment, header",
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    file: Option<String>,
    document: Option<String>,
    path: String,
    reason: String,
}

impl ConfigError {
    pub(super) fn new(path: impl Into<String>, reason: impl AsRef<str>) -> ConfigError {
        ConfigError {
            file: None,
            document: None,
            path: path.into(),
            reason: message(reason.as_ref()).to_string(),
        }
    }

    /// The same inside this document, or this part of one.
    pub(super) fn within(mut self, document: &str) -> ConfigError {
        self.document = match self.document {
            _ if document.is_empty() => self.document,
            Some(inner) => Some(format!("{document}, {inner}")),
            None => Some(document.to_owned()),
        };
        self
    }

    /// The same in this file.
    pub(super) fn of_file(mut self, file: &Path) -> ConfigError {
        self.file = Some(place(&file.display().to_string()).to_string());
        self
    }

    /// The path of the field in its document: `tracing[0].customTags.tenant`. Empty where the
    /// document as a whole is meant.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong with it.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = Some(&self.path).filter(|path| !path.is_empty());
        let places = [self.file.as_ref(), self.document.as_ref(), path];
        for place in places.into_iter().flatten() {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for ConfigError {}
