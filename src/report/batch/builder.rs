use super::{
    encoder::Encoder, error::ReporterError, options::BatchOptions, reporter::BatchReporter,
    sender::Sender,
};
use std::fmt;

impl BatchReporter {
    /// A reporter with this encoding and this transport.
    pub fn builder<E: Encoder, S: Sender>(encoder: E, sender: S) -> BatchReporterBuilder<E, S> {
        BatchReporterBuilder {
            encoder,
            sender,
            options: BatchOptions::default(),
        }
    }
}

/// Builds a [`BatchReporter`].
#[must_use = "a builder does nothing until it is built"]
pub struct BatchReporterBuilder<E, S> {
    encoder: E,
    sender: S,
    options: BatchOptions,
}

impl<E: Encoder, S: Sender> BatchReporterBuilder<E, S> {
    /// Limits and times, instead of the default [`BatchOptions`].
    pub fn options(mut self, options: BatchOptions) -> Self {
        self.options = options;
        self
    }

    /// Starts the reporter and its thread.
    ///
    /// # Errors
    ///
    /// An option has a value that is not allowed, or the thread cannot be started. The error names
    /// the option.
    pub fn build(self) -> Result<BatchReporter, ReporterError> {
        BatchReporter::start(self.encoder, self.sender, self.options)
    }
}

impl<E, S> fmt::Debug for BatchReporterBuilder<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchReporterBuilder")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
