//! Spans through Kafka, to Zipkin's collectors. Types of the client library stay in `sender`.

mod reporter;
mod sender;

pub use reporter::{KafkaReporter, KafkaReporterBuilder};
pub use sender::KafkaSender;
