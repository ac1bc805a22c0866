//! `MessageSinks`: who is told of gRPC messages while their streams go on.

use std::fmt;
#[cfg(feature = "metrics")]
use std::{sync::Arc, time::Instant};

/// Is told of the gRPC messages of an exchange when they have passed.
#[cfg(feature = "metrics")]
pub(crate) trait MessageSink: Send + Sync {
    fn passed(&self, messages: Messages, at: Instant);
}

/// How many messages there were, of the request and of the response.
#[cfg(feature = "metrics")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Messages {
    pub(crate) request: u64,
    pub(crate) response: u64,
}

/// The sinks of one exchange. Both of its bodies have them, which may be read in different tasks.
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
