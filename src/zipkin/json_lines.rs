//! [`JsonLinesReporter`]: Zipkin's JSON to a writer, one span on each line.
//!
//! Its encoder wraps `json`; its sender writes to the user's writer, and resumes after errors.

use super::json::JsonEncoder;
use crate::{
    record::SpanRecord,
    report::{
        BatchOptions, BatchReporter, EncodeError, Encoded, Encoder, Message, Outcome,
        ReporterError, Sender, batch_handle,
    },
};
use bytes::Bytes;
use std::{
    fmt,
    io::{self, Write},
};

/// Writes spans to a file, to standard error or to any other [`Write`]: one span on each line, as
/// Zipkin's JSON (version 2).
///
/// It is a handle on a [`BatchReporter`], which has the methods and says how it works. Clones are
/// handles on the same reporter.
///
/// Each batch is written at once and flushed, so the writer needs no buffer. Writing may block: it
/// happens on the reporter's own thread. While it blocks, spans gather in the queue, and a shutdown
/// returns at its timeout. The [request timeout](BatchOptions::request_timeout) has no effect,
/// since a write cannot be cancelled.
///
/// A write that fails is [retried](BatchOptions::retry_for) where it stopped. If it is given up in
/// the middle of a line, the next batch starts on a new line.
///
/// The writer should not be traced: its spans are written with the next batch, which makes more of
/// them.
///
/// ```
/// use tower_b3::{Tracer, zipkin::JsonLinesReporter};
///
/// let lines = JsonLinesReporter::builder(std::io::stderr()).build()?;
/// let _guard = lines.guard();
/// let tracer = Tracer::builder("orders").reporter(lines).build()?;
/// drop(tracer.span("reconcile"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct JsonLinesReporter(BatchReporter);

impl JsonLinesReporter {
    /// A reporter that writes to this writer.
    pub fn builder<W: Write + Send + 'static>(writer: W) -> JsonLinesReporterBuilder<W> {
        JsonLinesReporterBuilder {
            writer,
            options: BatchOptions::default(),
        }
    }
}

batch_handle!(JsonLinesReporter);

/// Builds a [`JsonLinesReporter`].
#[must_use = "a builder does nothing until it is built"]
#[derive(Clone)]
pub struct JsonLinesReporterBuilder<W> {
    writer: W,
    options: BatchOptions,
}

impl<W: Write + Send + 'static> JsonLinesReporterBuilder<W> {
    /// Limits and times, instead of the default [`BatchOptions`].
    pub fn options(mut self, options: BatchOptions) -> Self {
        self.options = options;
        self
    }

    /// Starts the reporter and its thread.
    ///
    /// # Errors
    ///
    /// A value that [`BatchOptions`] does not allow, or a thread that cannot be started. The error
    /// names the option.
    pub fn build(self) -> Result<JsonLinesReporter, ReporterError> {
        let sender = LineWriter {
            writer: self.writer,
            unfinished: None,
        };
        let options = self.options.or_thread_name("tower-b3-lines");
        BatchReporter::start(JsonLines, sender, options).map(JsonLinesReporter)
    }
}

impl<W> fmt::Debug for JsonLinesReporterBuilder<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLinesReporterBuilder")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

struct JsonLines;

impl Encoder for JsonLines {
    fn content_type(&self) -> &'static str {
        "application/jsonl"
    }

    fn encode(&self, span: &SpanRecord, to: &mut Vec<u8>) -> Result<(), EncodeError> {
        // JSON strings have no unescaped control characters, so no line breaks.
        JsonEncoder.encode(span, to)
    }

    fn message_len(&self, spans: usize, bytes: usize) -> usize {
        bytes + spans
    }

    fn message(&self, spans: Encoded<'_>, to: &mut Vec<u8>) {
        for span in spans {
            to.extend_from_slice(span);
            to.push(b'\n');
        }
    }
}

struct LineWriter<W> {
    writer: W,
    /// The message whose write has failed, and how many of its bytes were written.
    unfinished: Option<(Bytes, usize)>,
}

impl<W: Write> LineWriter<W> {
    fn write(&mut self, body: &Bytes) -> io::Result<()> {
        let mut written = self.resume(body)?;
        let result = self.write_rest(body, &mut written);
        if result.is_err() {
            self.unfinished = Some((body.clone(), written));
        }
        result
    }

    /// How many bytes of this message were written before. Ends an unfinished line of another one.
    fn resume(&mut self, body: &Bytes) -> io::Result<usize> {
        let Some((unfinished, written)) = &self.unfinished else {
            return Ok(0);
        };
        let written = *written;
        // The retry of a message shares its bytes with the first attempt.
        if unfinished.as_ptr() == body.as_ptr() && unfinished.len() == body.len() {
            return Ok(written);
        }
        if written > 0 && unfinished[written - 1] != b'\n' {
            self.writer.write_all(b"\n")?;
        }
        self.unfinished = None;
        Ok(0)
    }

    fn write_rest(&mut self, body: &[u8], written: &mut usize) -> io::Result<()> {
        while *written < body.len() {
            match self.writer.write(&body[*written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(more) => *written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.writer.flush()
    }
}

impl<W: Write + Send + 'static> Sender for LineWriter<W> {
    async fn send(&mut self, message: Message) -> Outcome {
        match self.write(&message.body) {
            Ok(()) => {
                self.unfinished = None;
                Outcome::Accepted
            }
            Err(error) => Outcome::retry(error.to_string()),
        }
    }

    fn destination(&self) -> String {
        "the writer of the JSON lines".to_owned()
    }
}
