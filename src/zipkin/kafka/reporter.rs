use super::{
    KafkaSender,
    sender::{CLIENT_ID, TOPIC},
};
use crate::{
    report::{BatchReporter, ReporterError, Settings, handle_methods, settings_methods},
    zipkin::{Encoding, JsonEncoder, Proto3Encoder},
};

/// Sends spans to Zipkin by way of Kafka: for when one collector is not enough.
///
/// A [`BatchReporter`], whose page tells how it works, of [`JsonEncoder`] or [`Proto3Encoder`] and
/// [`KafkaSender`], whose page tells what a broker's answers mean. Zipkin's Kafka collector reads
/// both encodings, and tells them apart by itself. Clones are handles on the same reporter.
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
    /// A reporter to the cluster that these brokers belong to: `host:port`, several with commas.
    ///
    /// | setting | default |
    /// |---|---|
    /// | [`topic`](KafkaReporterBuilder::topic) | `zipkin` |
    /// | [`client_id`](KafkaReporterBuilder::client_id) | `tower-b3` |
    /// | [`encoding`](KafkaReporterBuilder::encoding) | JSON |
    ///
    /// The other settings and defaults are those of
    /// [`ZipkinReporter`](crate::zipkin::ZipkinReporter::builder). Brokers take 1 MiB in a message
    /// unless they are told otherwise.
    pub fn builder(brokers: impl Into<String>) -> KafkaReporterBuilder {
        KafkaReporterBuilder {
            brokers: brokers.into(),
            topic: TOPIC.to_owned(),
            client_id: CLIENT_ID.to_owned(),
            encoding: Encoding::default(),
            settings: Settings {
                name: "tower-b3-kafka".to_owned(),
                ..Settings::default()
            },
        }
    }
}

handle_methods!(KafkaReporter);

/// Builds a [`KafkaReporter`].
#[must_use = "a builder does nothing until it is built"]
#[derive(Debug, Clone)]
pub struct KafkaReporterBuilder {
    brokers: String,
    topic: String,
    client_id: String,
    encoding: Encoding,
    settings: Settings,
}

impl KafkaReporterBuilder {
    settings_methods!(settings);

    /// The topic; `zipkin` by default.
    pub fn topic(mut self, name: impl Into<String>) -> Self {
        self.topic = name.into();
        self
    }

    /// What the brokers' logs and quotas know this client as; `tower-b3` by default.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = id.into();
        self
    }

    /// How spans are written; as JSON by default.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Starts the reporter and its thread. Nothing is sent before there are spans; a broker that
    /// is not there is no error, but an outage.
    ///
    /// # Errors
    ///
    /// Brokers, a topic or a client id that [`KafkaSender`] does not take, a limit or a time of zero,
    /// a thread that cannot be started: the error names the setting and the reason.
    pub fn build(self) -> Result<KafkaReporter, ReporterError> {
        let sender = KafkaSender::new(&self.brokers)?
            .topic(self.topic)?
            .client_id(self.client_id)?;
        let reporter = match self.encoding {
            Encoding::Json => BatchReporter::start(JsonEncoder, sender, self.settings),
            Encoding::Proto3 => BatchReporter::start(Proto3Encoder, sender, self.settings),
        };
        reporter.map(KafkaReporter)
    }
}
