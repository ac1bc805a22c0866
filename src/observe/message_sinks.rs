//! `MessageSinks`: receivers of counts of gRPC messages while their streams are open.

#[cfg(feature = "metrics")]
use crate::id::RequestId;
#[cfg(feature = "metrics")]
use http::{Method, Version};
use std::fmt;
#[cfg(feature = "metrics")]
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Instant, SystemTime},
};

/// Receives the counts of the gRPC messages of an exchange when they have passed.
#[cfg(feature = "metrics")]
pub(crate) trait MessageSink: Send + Sync {
    fn passed(&self, messages: Messages, at: Instant);
}

/// An exchange between the head of its request and that of its response.
#[cfg(feature = "metrics")]
#[cfg_attr(
    not(feature = "metrics-config"),
    expect(dead_code, reason = "only expressions read it")
)]
pub(crate) struct OpenExchange<'a> {
    pub(crate) method: &'a Method,
    pub(crate) version: Version,
    /// The route's template; empty if unknown.
    pub(crate) route: &'a str,
    pub(crate) started: SystemTime,
    pub(crate) request_id: Option<&'a RequestId>,
    /// The peer of a server.
    pub(crate) peer_address: Option<SocketAddr>,
}

/// Counts of messages of the request and of the response.
#[cfg(feature = "metrics")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Messages {
    pub(crate) request: u64,
    pub(crate) response: u64,
}

/// The sinks of one exchange. Both bodies share them, and may be read in different tasks.
#[derive(Clone, Default)]
pub(crate) struct MessageSinks {
    #[cfg(feature = "metrics")]
    list: Vec<Arc<dyn MessageSink>>,
}

#[cfg(feature = "metrics")]
impl MessageSinks {
    pub(super) fn add(&mut self, sink: Arc<dyn MessageSink>) {
        self.list.push(sink);
    }

    pub(super) fn clear(&mut self) {
        self.list.clear();
    }

    pub(super) fn request(&self, messages: u64) {
        self.passed(Messages {
            request: messages,
            response: 0,
        });
    }

    pub(super) fn response(&self, messages: u64) {
        self.passed(Messages {
            request: 0,
            response: messages,
        });
    }

    fn passed(&self, messages: Messages) {
        if messages == Messages::default() || self.list.is_empty() {
            return;
        }
        let now = Instant::now();
        for sink in &self.list {
            sink.passed(messages, now);
        }
    }
}

#[cfg(not(feature = "metrics"))]
impl MessageSinks {
    pub(super) fn clear(&mut self) {}

    pub(super) fn request(&self, _: u64) {}

    pub(super) fn response(&self, _: u64) {}
}

impl fmt::Debug for MessageSinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageSinks").finish_non_exhaustive()
    }
}
