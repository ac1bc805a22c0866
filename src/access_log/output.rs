//! Where lines go.

use super::error::AccessLogError;
use std::{
    fmt,
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Where a configuration or a builder sends lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Output {
    #[default]
    Stdout,
    Stderr,
    /// Appended to; created if it does not exist.
    File(PathBuf),
}

impl Output {
    /// `/dev/stdout` and `/dev/stderr` are the streams of the process, also where these paths cannot be
    /// opened.
    pub(crate) fn of_path(path: &Path) -> Output {
        match path.to_str() {
            Some("/dev/stdout") => Output::Stdout,
            Some("/dev/stderr") => Output::Stderr,
            _ => Output::File(path.to_owned()),
        }
    }

    pub(super) fn open(&self) -> Result<Box<dyn Write + Send>, AccessLogError> {
        Ok(match self {
            Output::Stdout => Box::new(io::stdout()),
            Output::Stderr => Box::new(io::stderr()),
            Output::File(path) => {
                let file = OpenOptions::new().create(true).append(true).open(path);
                Box::new(file.map_err(|error| AccessLogError::Open {
                    path: path.clone(),
                    error,
                })?)
            }
        })
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::Stdout => f.write_str("standard output"),
            Output::Stderr => f.write_str("standard error"),
            Output::File(path) => {
                let path = path.display().to_string();
                crate::printable::place(&path).fmt(f)
            }
        }
    }
}
