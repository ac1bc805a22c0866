//! [`KafkaSender`]: one record for each message, with the client library `rskafka`.
//!
//! It makes one attempt and maps the library's errors to outcomes; the reporter retries.

use crate::{
    printable::quoted,
    report::{Message, Outcome, ReporterError, Sender},
    url::check_address,
};
use rskafka::{
    BackoffConfig, BackoffError, ConnectionError,
    chrono::DateTime,
    client::{
        Client, ClientBuilder,
        error::{Error, ProtocolError},
        partition::{Compression, PartitionClient, UnknownTopicHandling},
    },
    record::Record,
};
use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tracing::{Dispatch, instrument::WithSubscriber};

/// The topic that Zipkin's collector subscribes to by default.
pub(super) const TOPIC: &str = "zipkin";
pub(super) const CLIENT_ID: &str = "tower-b3";

/// The protocol has a signed 16-bit number for its length.
const MAX_CLIENT_ID: usize = i16::MAX as usize;

/// Writes messages to a Kafka topic, from which Zipkin's collectors read them.
///
/// Each message is one record without a key. Records are distributed round-robin over the topic's
/// partitions. Connections are plain TCP, without TLS or SASL. They are made anew after every
/// failure, so a broker that returns, or that takes over for another one, is found.
///
/// A record is accepted when all in-sync replicas of its partition have it (`acks=all`): the client
/// library, `rskafka`, has neither `acks=1` nor `acks=0`. A record whose acknowledgement is lost is
/// written again; Zipkin merges spans with the same id.
///
/// | the broker | outcome |
/// |---|---|
/// | acknowledges the record | [`Accepted`](Outcome::Accepted) |
/// | reports that it is too large (`max.message.bytes`) | [`TooLarge`](Outcome::TooLarge) |
/// | does not authorise writing to the topic, or reports an invalid topic | [`Refused`](Outcome::Refused) |
/// | is not available, does not know the topic yet, or fails otherwise | [`Retry`](Outcome::Retry) |
///
/// A [compressed](Message::content_encoding) message is refused: the collector cannot read it.
///
/// ```
/// use tower_b3::{report::{BatchReporter, Sender}, zipkin::{KafkaSender, Proto3Encoder}};
///
/// let sender = KafkaSender::new("kafka-1:9092,kafka-2:9092")?.topic("spans")?;
/// assert_eq!(sender.destination(), "topic spans of Kafka at kafka-1:9092,kafka-2:9092");
/// let reporter = BatchReporter::builder(Proto3Encoder, sender).build()?;
///
/// let error = KafkaSender::new("http://kafka").unwrap_err();
/// assert_eq!(error.field(), "brokers");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KafkaSender {
    brokers: Vec<String>,
    topic: String,
    client_id: String,
    connection: Option<Connection>,
    /// The number of attempts, by which the partition is chosen.
    attempts: usize,
}

struct Connection {
    client: Client,
    partitions: Vec<i32>,
    partition_clients: HashMap<i32, PartitionClient>,
}

impl KafkaSender {
    /// A sender to the cluster of these brokers: `host:port`, separated by commas. One broker that
    /// answers is enough.
    ///
    /// # Errors
    ///
    /// `brokers`: there is none, or one that is not a host and a port.
    pub fn new(brokers: &str) -> Result<KafkaSender, ReporterError> {
        let brokers = parse(brokers).map_err(|reason| ReporterError::new("brokers", reason))?;
        Ok(KafkaSender {
            brokers,
            topic: TOPIC.to_owned(),
            client_id: CLIENT_ID.to_owned(),
            connection: None,
            attempts: 0,
        })
    }

    /// The topic; `zipkin` by default.
    ///
    /// # Errors
    ///
    /// `topic`: a name that Kafka does not allow.
    pub fn topic(mut self, name: impl Into<String>) -> Result<KafkaSender, ReporterError> {
        let name = name.into();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let allowed = (1..=249).contains(&name.len()) && name.bytes().all(plain);
        if !allowed || name == "." || name == ".." {
            let reason = format!("{} is not a topic name", quoted(&name));
            return Err(ReporterError::new("topic", reason));
        }
        self.topic = name;
        Ok(self)
    }

    /// The client id in the brokers' logs and quotas; `tower-b3` by default.
    ///
    /// # Errors
    ///
    /// `client_id`: more than 32,767 bytes, the maximum of Kafka's protocol.
    pub fn client_id(mut self, id: impl Into<String>) -> Result<KafkaSender, ReporterError> {
        let id = id.into();
        if id.len() > MAX_CLIENT_ID {
            let reason = format!("must be at most {MAX_CLIENT_ID} bytes");
            return Err(ReporterError::new("client_id", reason));
        }
        self.client_id = id;
        Ok(self)
    }

    async fn connect(&self) -> Result<Connection, Outcome> {
        let client = ClientBuilder::new(self.brokers.clone())
            .client_id(self.client_id.clone())
            // One attempt: the reporter retries.
            .backoff_config(BackoffConfig {
                deadline: Some(Duration::ZERO),
                ..BackoffConfig::default()
            })
            .build()
            .await
            .map_err(outcome)?;
        let topics = client.list_topics().await.map_err(outcome)?;
        let topic = topics.into_iter().find(|topic| topic.name == self.topic);
        // Requesting a partition of a missing topic makes a broker create the topic, if the broker
        // is configured to.
        let partitions =
            topic.map_or_else(|| vec![0], |topic| topic.partitions.into_iter().collect());
        Ok(Connection {
            client,
            partitions,
            partition_clients: HashMap::new(),
        })
    }

    async fn produce(&self, to: &mut Connection, record: Record) -> Result<(), Outcome> {
        let index = self.attempts.checked_rem(to.partitions.len());
        let partition = index.map_or(0, |index| to.partitions[index]);
        let client = match to.partition_clients.entry(partition) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let unknown = UnknownTopicHandling::Error;
                let client = to.client.partition_client(&self.topic, partition, unknown);
                entry.insert(client.await.map_err(outcome)?)
            }
        };
        let produced = client.produce(vec![record], Compression::NoCompression);
        produced.await.map(drop).map_err(outcome)
    }

    async fn attempt(&mut self, record: Record) -> Outcome {
        self.attempts = self.attempts.wrapping_add(1);
        // Taken, so that an attempt that is cancelled or fails closes the connection.
        let connection = match self.connection.take() {
            Some(connection) => Ok(connection),
            None => self.connect().await,
        };
        let mut connection = match connection {
            Ok(connection) => connection,
            Err(outcome) => return outcome,
        };
        let outcome = match self.produce(&mut connection, record).await {
            Ok(()) => Outcome::Accepted,
            Err(outcome) => outcome,
        };
        if matches!(outcome, Outcome::Accepted | Outcome::TooLarge { .. }) {
            self.connection = Some(connection);
        }
        outcome
    }
}

impl Sender for KafkaSender {
    async fn send(&mut self, message: Message) -> Outcome {
        if let Some(encoding) = message.content_encoding {
            return Outcome::refused(format!(
                "Zipkin cannot read messages with the encoding {encoding} from Kafka"
            ));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_millis() as i64);
        let record = Record {
            key: None,
            value: Some(message.body.into()),
            headers: BTreeMap::new(),
            timestamp: DateTime::from_timestamp_millis(now).unwrap_or_default(),
        };
        // The library logs every attempt. The reporter logs each outage once.
        self.attempt(record).with_subscriber(Dispatch::none()).await
    }

    fn destination(&self) -> String {
        format!(
            "topic {} of Kafka at {}",
            self.topic,
            self.brokers.join(",")
        )
    }
}

impl fmt::Debug for KafkaSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSender")
            .field("brokers", &self.brokers)
            .field("topic", &self.topic)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

fn parse(brokers: &str) -> Result<Vec<String>, String> {
    let named = brokers.split(',').map(str::trim);
    let brokers: Vec<String> = named
        .filter(|broker| !broker.is_empty())
        .map(|broker| check(broker).map(|()| broker.to_owned()))
        .collect::<Result<_, _>>()?;
    if brokers.is_empty() {
        Err("empty: set at least one broker, as host:port".to_owned())
    } else {
        Ok(brokers)
    }
}

fn check(broker: &str) -> Result<(), String> {
    // This may be a URL with a password, so the error does not show it.
    if broker.contains(['/', '@']) || broker.contains(char::is_whitespace) {
        return Err("a broker must be host:port, such as kafka:9092".to_owned());
    }
    check_address(broker).map_err(|error| format!("{}: {error}", quoted(broker)))
}

fn outcome(error: Error) -> Outcome {
    let protocol = match &error {
        Error::ServerError { protocol_error, .. } => Some(protocol_error),
        _ => None,
    };
    let reason = reason(&error);
    match protocol {
        Some(ProtocolError::MessageTooLarge | ProtocolError::RecordListTooLarge) => {
            Outcome::TooLarge { reason }
        }
        Some(
            ProtocolError::TopicAuthorizationFailed
            | ProtocolError::ClusterAuthorizationFailed
            | ProtocolError::InvalidTopicException,
        ) => Outcome::refused(reason),
        _ => Outcome::retry(reason),
    }
}

/// The error without the library's text about retries, which it did not make.
fn reason(error: &Error) -> String {
    match error {
        Error::ServerError {
            protocol_error,
            error_message: Some(message),
            ..
        } => format!("{protocol_error}: {message}"),
        Error::ServerError { protocol_error, .. } => protocol_error.to_string(),
        Error::Connection(ConnectionError::RetryFailed(gave_up)) | Error::RetryFailed(gave_up) => {
            let BackoffError::DeadlineExceded { source, .. } = gave_up;
            match source.downcast_ref::<Error>() {
                Some(error) => reason(error),
                None => source.to_string(),
            }
        }
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(content_encoding: Option<&'static str>) -> Message {
        let mut message = Message::new("[]", "application/json", 1);
        message.content_encoding = content_encoding;
        message
    }

    #[test]
    fn brokers_must_have_a_host_and_a_port() {
        let sender = KafkaSender::new(" a:1 ,[::1]:9092,").unwrap();
        assert_eq!(
            sender.destination(),
            "topic zipkin of Kafka at a:1,[::1]:9092"
        );
        for wrong in [
            "",
            " , ",
            "kafka",
            ":9092",
            "a:0",
            "a:b",
            "a:70000",
            "::1:9092",
            "a b:1",
            "a:",
            "a:+9092",
            "a?b:9092",
            "ä:9092",
            "127.1:9092",
            "[fe80::1%eth0]:9092",
        ] {
            let error = KafkaSender::new(wrong).unwrap_err();
            assert_eq!(error.field(), "brokers", "{wrong}");
        }
        let error = KafkaSender::new("http://user:secret@kafka:9092").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn a_topic_must_have_a_name_that_kafka_allows() {
        let sender = || KafkaSender::new("kafka:9092").unwrap();
        assert!(sender().topic("spans.of_all-1").is_ok());
        for wrong in ["", ".", "..", "a b", "ä", &"a".repeat(250)] {
            assert_eq!(sender().topic(wrong).unwrap_err().field(), "topic");
        }
    }

    #[test]
    fn a_client_id_must_fit_in_a_request() {
        let client_id = |bytes: usize| {
            let sender = KafkaSender::new("kafka:9092").unwrap();
            sender.client_id("a".repeat(bytes))
        };
        assert!(client_id(MAX_CLIENT_ID).is_ok());
        let error = client_id(MAX_CLIENT_ID + 1).unwrap_err();
        assert_eq!(error.to_string(), "client_id: must be at most 32767 bytes");
    }

    #[tokio::test]
    async fn an_unavailable_broker_is_a_reason_to_retry() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let mut sender = KafkaSender::new(&address.to_string()).unwrap();
        let outcome = sender.send(message(None)).await;
        let Outcome::Retry { reason, after } = outcome else {
            panic!("{outcome:?}");
        };
        assert!(reason.contains("refused"), "{reason}");
        assert!(!reason.contains("deadline"), "{reason}");
        assert_eq!(after, None);
    }

    #[tokio::test]
    async fn a_compressed_message_is_refused() {
        let mut sender = KafkaSender::new("127.0.0.1:1").unwrap();
        let outcome = sender.send(message(Some("gzip"))).await;
        assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    }
}
