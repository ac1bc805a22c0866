//! [`Sender`], the trait of a transport, with its [`Message`] and [`Outcome`].
//!
//! Implementations live elsewhere: `HttpSender` and `TowerSender` in `report::http`, `KafkaSender`
//! in `zipkin::kafka`. The caller is the delivery, on the reporter's thread.

use bytes::Bytes;
use std::time::Duration;

/// A message to send. Clones share the bytes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Message {
    /// The encoded spans, compressed if the encoding compresses.
    pub body: Bytes,
    /// The media type, for `content-type`.
    pub content_type: &'static str,
    /// The compression, for `content-encoding`.
    pub content_encoding: Option<&'static str>,
    /// The number of spans; at least one.
    pub spans: usize,
}

impl Message {
    /// An uncompressed message, to call a [`Sender`] in a test.
    ///
    /// ```
    /// use tower_b3::report::{Message, Outcome, Sender};
    ///
    /// struct Discard;
    ///
    /// impl Sender for Discard {
    ///     async fn send(&mut self, message: Message) -> Outcome {
    ///         match message.content_type {
    ///             "application/json" => Outcome::Accepted,
    ///             other => Outcome::refused(format!("{other} is not supported")),
    ///         }
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let message = Message::new("[]", "application/json", 1);
    /// assert_eq!(Discard.send(message).await, Outcome::Accepted);
    /// # });
    /// ```
    pub fn new(body: impl Into<Bytes>, content_type: &'static str, spans: usize) -> Message {
        Message {
            body: body.into(),
            content_type,
            content_encoding: None,
            spans,
        }
    }
}

/// Delivers messages.
///
/// A sender makes one attempt and returns its [`Outcome`]. The reporter decides when to retry and
/// when to split a message.
///
/// It is called on the reporter's own thread, inside a current-thread tokio runtime that belongs
/// to the reporter. It may use tokio's network and timers, and must not block. The reporter sends
/// one message at a time. It cancels a send that exceeds the
/// [request timeout](super::BatchOptions::request_timeout) by dropping the future, and retries.
///
/// If a sender panics, the message counts as refused, and the next message is sent as usual.
///
/// A sender should not be traced: its spans would go into the next message, whose delivery makes
/// more of them.
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
///             Err(mpsc::TrySendError::Disconnected(_)) => Outcome::refused("the receiver is gone"),
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

    /// Where messages go, for the log: for example a URL, without credentials. It may change; the
    /// reporter asks again after every attempt.
    fn destination(&self) -> String {
        "the collector".to_owned()
    }
}

/// The result of an attempt to deliver a message.
///
/// A reason says in a few words what happened. It appears in the log after the
/// [destination](Sender::destination), and in [`Stats::last_error`](super::Stats::last_error).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The receiver accepted the message.
    Accepted,
    /// The receiver accepted the message except for some of its spans, which it will never accept.
    PartlyAccepted {
        /// The number of spans that it refused.
        refused: usize,
        /// Why it refused them.
        reason: String,
    },
    /// The message is too large for the receiver. The reporter splits it in halves.
    TooLarge {
        /// The receiver's error.
        reason: String,
    },
    /// The message contains something invalid. The reporter splits it in halves until only the
    /// invalid spans are dropped.
    BadRequest {
        /// The receiver's error.
        reason: String,
    },
    /// The receiver will never accept the message. The reporter drops it.
    Refused {
        /// Why it was refused.
        reason: String,
    },
    /// The message was not delivered this time. The reporter retries.
    Retry {
        /// Why it was not delivered.
        reason: String,
        /// How long the receiver asks to wait; 60 seconds at most are respected.
        after: Option<Duration>,
    },
}

impl Outcome {
    /// [`Outcome::Refused`] with this reason.
    pub fn refused(reason: impl Into<String>) -> Outcome {
        Outcome::Refused {
            reason: reason.into(),
        }
    }

    /// [`Outcome::Retry`] with this reason, after the reporter's own [backoff](super::BatchOptions::backoff).
    pub fn retry(reason: impl Into<String>) -> Outcome {
        Outcome::Retry {
            reason: reason.into(),
            after: None,
        }
    }
}
