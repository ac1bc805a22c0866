use bytes::Bytes;
use std::time::Duration;

/// A message that is ready to go. Clones share the bytes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Message {
    /// The encoded spans, compressed if the encoding compresses.
    pub body: Bytes,
    /// The media type, as in `content-type`.
    pub content_type: &'static str,
    /// The compression, as in `content-encoding`.
    pub content_encoding: Option<&'static str>,
    /// How many spans are in it; at least one.
    pub spans: usize,
}

/// Takes messages to where they go.
///
/// It is called on the reporter's own thread, inside a current-thread tokio runtime that belongs
/// to the reporter: it may use tokio's network and timers, and must not block. One message is
/// under way at a time. The reporter cancels a send that takes longer than its request timeout,
/// by dropping the future, and tries again.
///
/// Spans that it makes itself, of a traced client say, are sent with the next message, which makes
/// one more: a sender is better not traced.
///
/// A sender that panics has refused the message; the next one is sent all the same.
///
/// A sender makes one attempt and says what came of it; when to try again and what to cut in
/// halves is the reporter's business.
///
/// ```
/// use tower_b3::{Tracer, report::{BatchReporter, Message, Outcome, Sender}, zipkin::JsonEncoder};
/// use std::{sync::mpsc, time::Duration};
///
/// /// Hands messages to another thread of the program.
/// struct ToChannel(mpsc::SyncSender<Message>);
///
/// impl Sender for ToChannel {
///     async fn send(&mut self, message: Message) -> Outcome {
///         match self.0.try_send(message) {
///             Ok(()) => Outcome::Accepted,
///             Err(mpsc::TrySendError::Full(_)) => Outcome::retry("the channel is full"),
///             Err(mpsc::TrySendError::Disconnected(_)) => Outcome::refused("nobody listens"),
///         }
///     }
/// }
///
/// let (sender, messages) = mpsc::sync_channel(8);
/// let reporter = BatchReporter::builder(JsonEncoder, ToChannel(sender)).build()?;
/// let tracer = Tracer::builder("orders").reporter(reporter.clone()).build()?;
/// drop(tracer.span("reconcile"));
/// assert!(reporter.flush(Duration::from_secs(5)));
/// assert_eq!(messages.recv()?.spans, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Sender: Send + 'static {
    /// Makes one attempt to deliver a message.
    fn send(&mut self, message: Message) -> impl Future<Output = Outcome>;

    /// Where messages go, for the log: a URL, say, without credentials. It is asked again after
    /// every attempt, so it may change.
    fn destination(&self) -> String {
        "the collector".to_owned()
    }
}

/// What came of an attempt to deliver a message.
///
/// A reason tells in a few words what happened: it is what the log shows, behind the
/// [destination](Sender::destination), and [`Stats::last_error`](super::Stats::last_error).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The other side has taken it.
    Accepted,
    /// The other side has taken it but for some of its spans, which it will never take.
    PartlyAccepted {
        /// How many spans it has left out.
        refused: usize,
        /// Why.
        reason: String,
    },
    /// The message is larger than the other side takes: it is cut in halves.
    TooLarge {
        /// What the other side said.
        reason: String,
    },
    /// Something in the message is wrong: it is cut in halves until the span that is refused
    /// stands alone.
    BadRequest {
        /// What is wrong.
        reason: String,
    },
    /// The other side will never take it: it is dropped at once.
    Refused {
        /// Why not.
        reason: String,
    },
    /// It did not get through, and may do so later.
    Retry {
        /// Why not.
        reason: String,
        /// How long the other side asks to wait; more than 60 seconds count as 60.
        after: Option<Duration>,
    },
}

impl Outcome {
    /// [`Outcome::Refused`] for this reason.
    pub fn refused(reason: impl Into<String>) -> Outcome {
        Outcome::Refused {
            reason: reason.into(),
        }
    }

    /// [`Outcome::Retry`] for this reason, when the reporter thinks fit.
    pub fn retry(reason: impl Into<String>) -> Outcome {
        Outcome::Retry {
            reason: reason.into(),
            after: None,
        }
    }
}
