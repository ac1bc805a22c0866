use super::{documents::Documents, model::TracingConfig};
use crate::config_error::ConfigError;
use std::path::Path;

impl TracingConfig {
    /// Reads documents of YAML or JSON, and merges all of them in their order of precedence. To choose
    /// those that apply to one workload, see [`Documents`].
    ///
    /// # Errors
    ///
    /// Those of [`Documents::parse`], and a provider that is used and misconfigured.
    pub fn from_yaml(text: &str) -> Result<TracingConfig, ConfigError> {
        Documents::parse(text)?.all()
    }

    /// Reads a file as [`from_yaml`](Self::from_yaml) reads a text.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, is not a regular file or is not UTF-8, and the errors of
    /// `from_yaml`. The error names the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<TracingConfig, ConfigError> {
        Documents::from_file(path.as_ref())?.all()
    }
}
