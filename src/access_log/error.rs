//! Why a format or an access log cannot be used.

use crate::printable::{name, place, quoted};
use std::{error::Error, fmt, io, path::PathBuf};

/// Why a text is not a format of an access log. The `Display` names the operator and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLogFormatError(pub(super) Reason);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    Empty,
    Syntax(String),
    RepeatedName(String),
    Unknown(String),
    Unsupported(String, &'static str),
    NoArgument(String),
    ArgumentMissing(String, &'static str),
    NoLength(String),
    Argument {
        operator: String,
        argument: String,
        allowed: &'static str,
    },
}

impl fmt::Display for AccessLogFormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Empty => f.write_str("the format is empty"),
            Reason::Syntax(rest) => write!(
                f,
                "{} does not start with an operator such as %PROTOCOL% or %REQ(header):20%; \
                 write %% for a single %",
                quoted(rest)
            ),
            Reason::RepeatedName(repeated) => {
                write!(f, "the name {} is in an object twice", quoted(repeated))
            }
            Reason::Unknown(operator) => {
                write!(f, "%{}% is not known here", name(operator))
            }
            Reason::Unsupported(operator, reason) => {
                write!(f, "%{}% is not supported: {reason}", name(operator))
            }
            Reason::NoArgument(operator) => {
                write!(
                    f,
                    "%{}% takes neither an argument nor a length",
                    name(operator)
                )
            }
            Reason::ArgumentMissing(operator, allowed) => {
                write!(f, "%{}% needs an argument: {allowed}", name(operator))
            }
            Reason::NoLength(operator) => {
                write!(f, "%{}% takes no maximum length", name(operator))
            }
            Reason::Argument {
                operator,
                argument,
                allowed,
            } => write!(
                f,
                "%{}%: {} is not {allowed}",
                name(operator),
                quoted(argument)
            ),
        }
    }
}

impl Error for AccessLogFormatError {}

/// Why no access log is started.
#[derive(Debug)]
#[non_exhaustive]
pub enum AccessLogError {
    /// The format cannot be used.
    Format(AccessLogFormatError),
    /// The file cannot be opened.
    Open {
        /// The path of the file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// A limit is too small.
    Limit {
        /// The builder's method.
        field: &'static str,
        /// The smallest value that is allowed.
        min: usize,
    },
    /// The thread that writes cannot be started.
    Thread(io::Error),
}

impl fmt::Display for AccessLogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccessLogError::Format(error) => write!(f, "access log format: {error}"),
            AccessLogError::Open { path, error } => {
                let path = path.display().to_string();
                write!(f, "access log file {}: {error}", place(&path))
            }
            AccessLogError::Limit { field, min } => write!(f, "{field}: must be at least {min}"),
            AccessLogError::Thread(error) => {
                write!(f, "the thread of the access log cannot be started: {error}")
            }
        }
    }
}

impl Error for AccessLogError {
    // The message contains that of the inner error, so the source is the inner error's source.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            AccessLogError::Format(error) => error.source(),
            AccessLogError::Open { error, .. } | AccessLogError::Thread(error) => error.source(),
            AccessLogError::Limit { .. } => None,
        }
    }
}

impl From<AccessLogFormatError> for AccessLogError {
    fn from(error: AccessLogFormatError) -> Self {
        AccessLogError::Format(error)
    }
}
