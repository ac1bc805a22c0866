//! [`KafkaReporter`]: an encoder of `zipkin` and the Kafka sender, behind the handle of a batching
//! reporter.

use super::sender::{CLIENT_ID, KafkaSender, TOPIC};
use crate::{
    report::{BatchOptions, BatchReporter, ReporterError, batch_handle},
    zipkin::{encoding::Encoding, json::JsonEncoder, proto3::Proto3Encoder},
};

/// Sends spans to Zipkin through Kafka, for traffic that one collector cannot take.
///
/// It is a handle on a [`BatchReporter`], which has the methods and says how it works. Clones are
/// handles on the same reporter. [`KafkaSender`] says what a broker's responses mean. Zipkin's
/// Kafka collector recognises both encodings.
///
/// Brokers accept messages of 1 MiB unless configured otherwise; the default
/// [message limit](BatchOptions::message_limit) is below that.
///
/// ```no_run
/// use tower_b3::{Tracer, zipkin::{Encoding, KafkaReporter}};
///
/// let kafka = KafkaReporter::builder("kafka-1:9092,kafka-2:9092")
///     .encoding(Encoding::Proto3)
///     .build()?;
/// let _guard = kafka.guard();
/// let tracer = Tracer::builder("orders").reporter(kafka.clone()).build()?;
/// drop(tracer.span("reconcile"));
/// println!("{}", kafka.stats());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct KafkaReporter(BatchReporter);

impl KafkaReporter {
    /// A reporter to the cluster of these brokers: `host:port`, separated by commas.
    pub fn builder(brokers: impl Into<String>) -> KafkaReporterBuilder {
        KafkaReporterBuilder {
            brokers: brokers.into(),
            topic: TOPIC.to_owned(),
            client_id: CLIENT_ID.to_owned(),
            encoding: Encoding::default(),
            options: BatchOptions::default(),
        }
    }
}

batch_handle!(KafkaReporter);

/// Builds a [`KafkaReporter`].
#[must_use = "a builder does nothing until it is built"]
#[derive(Debug, Clone)]
pub struct KafkaReporterBuilder {
    brokers: String,
    topic: String,
    client_id: String,
    encoding: Encoding,
    options: BatchOptions,
}

impl KafkaReporterBuilder {
    /// The topic; `zipkin` by default.
    pub fn topic(mut self, name: impl Into<String>) -> Self {
        self.topic = name.into();
        self
    }

    /// The client id in the brokers' logs and quotas; `tower-b3` by default.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = id.into();
        self
    }

    /// The encoding of the spans; JSON by default.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Limits and times, instead of the default [`BatchOptions`].
    pub fn options(mut self, options: BatchOptions) -> Self {
        self.options = options;
        self
    }

    /// Starts the reporter and its thread. Nothing is sent before there are spans, and a broker
    /// that is not available is no error.
    ///
    /// # Errors
    ///
    /// Brokers, a topic or a client id that [`KafkaSender`] does not allow, a value that
    /// [`BatchOptions`] does not allow, or a thread that cannot be started. The error names the
    /// option.
    pub fn build(self) -> Result<KafkaReporter, ReporterError> {
        let sender = KafkaSender::new(&self.brokers)?
            .topic(self.topic)?
            .client_id(self.client_id)?;
        let options = self.options.or_thread_name("tower-b3-kafka");
        let reporter = match self.encoding {
            Encoding::Json => BatchReporter::start(JsonEncoder, sender, options),
            Encoding::Proto3 => BatchReporter::start(Proto3Encoder, sender, options),
        };
        reporter.map(KafkaReporter)
    }
}
