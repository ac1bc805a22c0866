use super::BuildError;
use crate::report::ReporterError;
use std::{error::Error, fmt, io};

/// Why no tracer is started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The tracer cannot be built, or its configuration cannot be used.
    Build(BuildError),
    /// The reporter cannot be started.
    Reporter(ReporterError),
    /// The thread that watches the configuration file cannot be started.
    Watch(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Build(error) => error.fmt(f),
            StartError::Reporter(error) => error.fmt(f),
            StartError::Watch(error) => {
                write!(f, "the configuration file cannot be watched: {error}")
            }
        }
    }
}

impl Error for StartError {
    // The message contains that of the inner error, so the source is the inner error's source.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StartError::Build(error) => error.source(),
            StartError::Reporter(error) => error.source(),
            StartError::Watch(error) => error.source(),
        }
    }
}

impl From<BuildError> for StartError {
    fn from(error: BuildError) -> StartError {
        StartError::Build(error)
    }
}

impl From<ReporterError> for StartError {
    fn from(error: ReporterError) -> StartError {
        StartError::Reporter(error)
    }
}
