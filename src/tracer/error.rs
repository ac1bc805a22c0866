#[cfg(feature = "config")]
use crate::config_error::ConfigError;
use crate::{sample::PercentageError, tags::TagError};
use std::{error::Error, fmt};

/// Why a tracer cannot be built: the field, and what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum BuildError {
    /// The service's name is empty.
    ServiceName,
    /// A value is not a percentage.
    Percentage {
        /// The builder's method.
        field: &'static str,
        /// What is wrong with the value.
        error: PercentageError,
    },
    /// A custom tag cannot be used.
    Tag(TagError),
    /// A limit is too small.
    Limit {
        /// The builder's method.
        field: &'static str,
        /// The smallest value that is allowed.
        min: usize,
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
            BuildError::Percentage { field, error } => write!(f, "{field}: {error}"),
            BuildError::Tag(error) => error.fmt(f),
            BuildError::Limit { field, min } => write!(f, "{field}: must be at least {min}"),
            #[cfg(feature = "config")]
            BuildError::Config(error) => error.fmt(f),
        }
    }
}

impl Error for BuildError {
    // The message contains that of the inner error, so the source is the inner error's source.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            BuildError::ServiceName | BuildError::Limit { .. } => None,
            BuildError::Percentage { error, .. } => error.source(),
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
