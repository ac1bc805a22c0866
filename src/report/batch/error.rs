use crate::printable::message;
use std::{borrow::Cow, fmt};

/// Why a reporter cannot be built: which setting, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReporterError {
    field: &'static str,
    reason: Cow<'static, str>,
}

impl ReporterError {
    /// The error of a setting: for a [`Sender`](super::Sender) or an
    /// [`Encoder`](super::Encoder) of your own.
    pub fn new(field: &'static str, reason: impl Into<Cow<'static, str>>) -> ReporterError {
        ReporterError {
            field,
            reason: reason.into(),
        }
    }

    /// The name of the setting, as the builder's method has it.
    pub fn field(&self) -> &'static str {
        self.field
    }
}

impl fmt::Display for ReporterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, message(&self.reason))
    }
}

impl std::error::Error for ReporterError {}
