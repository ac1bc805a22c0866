mod reporter;
mod sender;

pub use reporter::{KafkaReporter, KafkaReporterBuilder};
pub use sender::KafkaSender;
