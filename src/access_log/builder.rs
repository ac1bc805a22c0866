//! [`AccessLogBuilder`]: one method for each setting.

#[cfg(feature = "config")]
use super::stats::Totals;
use super::{
    error::AccessLogError,
    filter::Filter,
    format::AccessLogFormat,
    log::{AccessLog, NamedWriter},
    output::Output,
    plan::{LogSettings, Plan},
    writer::Writer,
};
use crate::{direction::Direction, observe::EndedExchange};
use std::{fmt, io::Write, path::Path, sync::Arc};

const DEFAULT_MAX_QUEUED_BYTES: usize = 8 * 1024 * 1024;
const MIN_QUEUED_BYTES: usize = 4096;

/// Builds an [`AccessLog`].
///
/// ```
/// use tower_b3::{Direction, access_log::{AccessLog, AccessLogFormat}};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let access_log = AccessLog::builder()
///     .format(AccessLogFormat::istio_json())
///     .direction(Direction::Server)
///     .filter(|exchange| exchange.response_code() >= 400 || exchange.response_code() == 0)
///     .stderr()
///     .start()?;
/// # Ok(()) }
/// ```
#[must_use = "a builder does nothing until `start` is called"]
pub struct AccessLogBuilder {
    format: AccessLogFormat,
    output: Output,
    /// Instead of `output`.
    writer: Option<Box<dyn Write + Send>>,
    direction: Option<Direction>,
    filter: Option<Filter>,
    max_queued_bytes: usize,
}

impl AccessLogBuilder {
    pub(super) fn new() -> AccessLogBuilder {
        AccessLogBuilder {
            format: AccessLogFormat::default(),
            output: Output::default(),
            writer: None,
            direction: None,
            filter: None,
            max_queued_bytes: DEFAULT_MAX_QUEUED_BYTES,
        }
    }

    /// The format of lines; Envoy's by default.
    pub fn format(mut self, format: AccessLogFormat) -> Self {
        self.format = format;
        self
    }

    /// Writes to standard output. This is the default.
    pub fn stdout(self) -> Self {
        self.output(Output::Stdout)
    }

    /// Writes to standard error.
    pub fn stderr(self) -> Self {
        self.output(Output::Stderr)
    }

    /// Appends to this file, which is created if it does not exist. `/dev/stdout` and `/dev/stderr` are
    /// the streams of the process.
    ///
    /// The file stays open: to rotate it, copy and truncate it.
    pub fn file(self, path: impl AsRef<Path>) -> Self {
        self.output(Output::of_path(path.as_ref()))
    }

    /// Writes with this writer, on the log's thread. It gets whole lines, as many at once as there are,
    /// and is then flushed. If it blocks, lines are queued and then dropped, and requests go on.
    pub fn writer(mut self, writer: impl Write + Send + 'static) -> Self {
        self.writer = Some(Box::new(writer));
        self
    }

    fn output(mut self, output: Output) -> Self {
        self.output = output;
        self.writer = None;
        self
    }

    /// Writes lines for this direction only. By default, both requests that are served and requests
    /// that are sent have lines.
    pub fn direction(mut self, direction: Direction) -> Self {
        self.direction = Some(direction);
        self
    }

    /// Writes lines only for exchanges for which this returns true. If it panics, there is no line.
    pub fn filter(
        mut self,
        filter: impl Fn(&EndedExchange<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.filter = Some(Filter::Function(Arc::new(filter)));
        self
    }

    /// How many bytes of lines may wait to be written, with those that are being written; 8 MiB by default,
    /// 4 KiB at least.
    pub fn max_queued_bytes(mut self, bytes: usize) -> Self {
        self.max_queued_bytes = bytes;
        self
    }

    /// Starts the thread that writes.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, the limit is too small, or the thread cannot be started.
    pub fn start(self) -> Result<AccessLog, AccessLogError> {
        if self.max_queued_bytes < MIN_QUEUED_BYTES {
            return Err(AccessLogError::Limit {
                field: "max_queued_bytes",
                min: MIN_QUEUED_BYTES,
            });
        }
        let (name, writer) = match self.writer {
            Some(writer) => ("a writer".to_owned(), writer),
            None => (self.output.to_string(), self.output.open()?),
        };
        let totals = Arc::default();
        let writer = Writer::start(name, writer, self.max_queued_bytes, &totals)?;
        let settings = LogSettings {
            output: self.output,
            format: self.format,
            direction: self.direction,
            filter: self.filter,
        };
        let plan = Plan::new([(&settings, writer.queue())])?;
        let named = NamedWriter {
            #[cfg(feature = "config")]
            output: None,
            #[cfg(feature = "config")]
            retired: false,
            writer,
        };
        Ok(AccessLog::of(plan, vec![named], totals))
    }
}

#[cfg(feature = "config")]
impl NamedWriter {
    /// A writer to this output, with the default limit.
    pub(super) fn start(
        output: &Output,
        totals: &Arc<Totals>,
    ) -> Result<NamedWriter, AccessLogError> {
        let (name, opened) = (output.to_string(), output.open()?);
        Ok(NamedWriter {
            writer: Writer::start(name, opened, DEFAULT_MAX_QUEUED_BYTES, totals)?,
            output: Some(output.clone()),
            retired: false,
        })
    }
}

impl fmt::Debug for AccessLogBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLogBuilder")
            .field("format", &self.format)
            .field("output", &self.output)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}
