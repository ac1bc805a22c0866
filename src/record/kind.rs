//! `Kind`: the side of an exchange.

/// Which side of an exchange a span is for. A local span has no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A request that the service received.
    Server,
    /// A request that the service sent.
    Client,
    /// A message that was sent to a broker.
    Producer,
    /// A message that was received from a broker.
    Consumer,
}

impl Kind {
    /// Zipkin's name of the kind: `SERVER`, `CLIENT`, `PRODUCER`, `CONSUMER`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Server => "SERVER",
            Kind::Client => "CLIENT",
            Kind::Producer => "PRODUCER",
            Kind::Consumer => "CONSUMER",
        }
    }
}
