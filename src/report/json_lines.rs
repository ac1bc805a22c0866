use super::{
    BatchReporter, EncodeError, Encoded, Encoder, Message, Outcome, ReporterError, Sender,
    Settings, handle_methods, settings_methods,
};
use crate::{record::SpanRecord, zipkin::JsonEncoder};
use bytes::Bytes;
use std::{
    fmt,
    io::{self, Write},
};

/// Writes spans to a file, to standard error or to any other [`Write`]: Zipkin's JSON, version 2,
/// a span a line.
///
/// A [`BatchReporter`], whose page tells how it works; clones are handles on the same reporter.
/// It writes whole batches, so no buffer is needed, and flushes after each.
///
/// Writing may block: it is done on the reporter's own thread, where nobody waits for it. While it
/// blocks, spans gather in the queue, and a shutdown ends at its deadline.
///
/// A writer may make spans of the tracer that it reports for: they are written with the next batch,
/// which makes one more, so a writer is better not traced.
///
/// A write that fails is tried again where it stopped, as long as
/// [`retry_for`](JsonLinesReporterBuilder::retry_for) says. A line that was cut off by then stays
/// so; the next one starts on a line of its own.
///
/// ```
/// use tower_b3::{Tracer, report::JsonLinesReporter};
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
    /// A reporter that writes to this.
    ///
    /// | setting | default |
    /// |---|---|
    /// | [`queue_limit`](JsonLinesReporterBuilder::queue_limit) | 10,000 spans |
    /// | [`queue_bytes`](JsonLinesReporterBuilder::queue_bytes) | 32 MiB |
    /// | [`message_limit`](JsonLinesReporterBuilder::message_limit) | 500,000 bytes at once |
    /// | [`max_age`](JsonLinesReporterBuilder::max_age) | 1 s |
    /// | [`request_timeout`](JsonLinesReporterBuilder::request_timeout) | of no effect: a write that blocks cannot be cancelled |
    /// | [`backoff`](JsonLinesReporterBuilder::backoff) | from 100 ms to 10 s |
    /// | [`retry_for`](JsonLinesReporterBuilder::retry_for) | 60 s |
    pub fn builder<W: Write + Send + 'static>(to: W) -> JsonLinesReporterBuilder<W> {
        JsonLinesReporterBuilder {
            to,
            settings: Settings {
                name: "tower-b3-lines".to_owned(),
                ..Settings::default()
            },
        }
    }
}

handle_methods!(JsonLinesReporter);

/// Builds a [`JsonLinesReporter`].
#[must_use = "a builder does nothing until it is built"]
#[derive(Clone)]
pub struct JsonLinesReporterBuilder<W> {
    to: W,
    settings: Settings,
}

impl<W: Write + Send + 'static> JsonLinesReporterBuilder<W> {
    settings_methods!(settings);

    /// Starts the reporter and its thread.
    ///
    /// # Errors
    ///
    /// A limit or a time of zero, a thread that cannot be started: the error names the setting and
    /// the reason.
    pub fn build(self) -> Result<JsonLinesReporter, ReporterError> {
        let sender = Writer {
            to: self.to,
            begun: None,
        };
        BatchReporter::start(JsonLines, sender, self.settings).map(JsonLinesReporter)
    }
}

impl<W> fmt::Debug for JsonLinesReporterBuilder<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLinesReporterBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

struct JsonLines;

impl Encoder for JsonLines {
    fn content_type(&self) -> &'static str {
        "application/jsonl"
    }

    fn encode(&self, span: &SpanRecord, to: &mut Vec<u8>) -> Result<(), EncodeError> {
        // It writes no control characters, so none that ends a line.
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

struct Writer<W> {
    to: W,
    /// What was not written to its end, and how much of it was.
    begun: Option<(Bytes, usize)>,
}

impl<W: Write> Writer<W> {
    fn write(&mut self, body: &Bytes) -> io::Result<()> {
        let mut written = self.resume(body)?;
        let result = self.write_rest(body, &mut written);
        if result.is_err() {
            self.begun = Some((body.clone(), written));
        }
        result
    }

    /// How much of this was written before. What another one left of a line is ended.
    fn resume(&mut self, body: &Bytes) -> io::Result<usize> {
        let Some((begun, written)) = &self.begun else {
            return Ok(0);
        };
        let written = *written;
        // A message that is tried again shares its bytes with the first attempt.
        if begun.as_ptr() == body.as_ptr() && begun.len() == body.len() {
            return Ok(written);
        }
        if written > 0 && begun[written - 1] != b'\n' {
            self.to.write_all(b"\n")?;
        }
        self.begun = None;
        Ok(0)
    }

    fn write_rest(&mut self, body: &[u8], written: &mut usize) -> io::Result<()> {
        while *written < body.len() {
            match self.to.write(&body[*written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(more) => *written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.to.flush()
    }
}

impl<W: Write + Send + 'static> Sender for Writer<W> {
    async fn send(&mut self, message: Message) -> Outcome {
        match self.write(&message.body) {
            Ok(()) => {
                self.begun = None;
                Outcome::Accepted
            }
            Err(error) => Outcome::retry(error.to_string()),
        }
    }

    fn destination(&self) -> String {
        "the file of spans".to_owned()
    }
}
