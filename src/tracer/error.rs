#[cfg(feature = "config")]
use crate::config_error::ConfigError;
use crate::{sample::PercentageError, tag::TagError};
use std::{error::Error, fmt};

/// Why a tracer cannot be built: the field, and what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum BuildError {
    /// The service's name is empty.
    ServiceName,
    /// A value is not a percentage: the builder's method, and the reason.
    Percentage(&'static str, PercentageError),
    /// A custom tag cannot be used.
    Tag(TagError),
    /// A limit is too small.
    Limit {
        /// The builder's method.
        field: &'static str,
        /// The smallest value that is allowed.
        least: usize,
    },
    /// A configuration cannot be used.
    #[cfg(feature = "config")]
    #[cfg_attr(docsrs, doc(cfg(feature = "config")))]
    Config(ConfigError),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::ServiceName => f.write_str("the service name must not be empty"),
            BuildError::Percentage(field, error) => write!(f, "{field}: {error}"),
            BuildError::Tag(error) => error.fmt(f),
            BuildError::Limit { field, least } => write!(f, "{field}: must be at least {least}"),
            #[cfg(feature = "config")]
            BuildError::Config(error) => error.fmt(f),
        }
    }
}

impl Error for BuildError {
    /// The `Display` of a [`TagError`] or a `ConfigError` is already this error's own, so the source
    /// of those is theirs.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            BuildError::ServiceName | BuildError::Limit { .. } => None,
            BuildError::Percentage(_, error) => error.source(),
            BuildError::Tag(error) => error.source(),
            #[cfg(feature = "config")]
            BuildError::Config(error) => error.source(),
        }
    }
}

impl From<TagError> for BuildError {
    fn from(error: TagError) -> Self {
        BuildError::Tag(error)
    }
}
