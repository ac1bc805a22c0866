//! [`ConfigError`]. It is defined outside of the module `config` because `BuildError` carries it, and
//! the tracer does not depend on that module.

use crate::printable::{message, place};
use std::{fmt, path::Path};

/// A configuration cannot be used.
///
/// The `Display` names the file, the document in it, the field and the reason, as far as they are
/// known. What it quotes from a document is escaped so that it stays on its line, and truncated
/// when it is long:
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
///     "Telemetry istio-system/mesh-default: `spec.tracing[0].customTags.tenant`: \
///      set exactly one of `literal`, `environment`, `header`",
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
    pub(crate) fn new(path: impl Into<String>, reason: impl AsRef<str>) -> ConfigError {
        ConfigError {
            file: None,
            document: None,
            path: path.into(),
            reason: message(reason.as_ref()).to_string(),
        }
    }

    /// An error that is about no field in particular.
    pub(crate) fn general(reason: impl AsRef<str>) -> ConfigError {
        ConfigError::new("", reason)
    }

    /// Adds the document, or the part of a document, that the error is in.
    pub(crate) fn in_document(mut self, document: &str) -> ConfigError {
        self.document = match self.document {
            _ if document.is_empty() => self.document,
            Some(inner) => Some(format!("{document}, {inner}")),
            None => Some(document.to_owned()),
        };
        self
    }

    /// Adds the file that the error is in.
    pub(crate) fn in_file(mut self, file: &Path) -> ConfigError {
        self.file = Some(place(&file.display().to_string()).to_string());
        self
    }

    /// The path of the field in its document, such as `tracing[0].customTags.tenant`. Empty if the
    /// error is about the document as a whole.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong with the field.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in [&self.file, &self.document].into_iter().flatten() {
            write!(f, "{place}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        f.write_str(&self.reason)
    }
}

/// It has no source: the reason contains the message of an underlying error, such as one of a file.
impl std::error::Error for ConfigError {}
