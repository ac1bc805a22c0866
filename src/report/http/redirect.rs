//! Changing the destination of a reporter over HTTP while it runs.
//!
//! The handle puts a new sender into a slot that it shares with the reporter's sender, which takes
//! it out before the next attempt. Which changes are allowed is decided by the reporters.

use super::http_sender::HttpSender;
use crate::report::batch::{
    BatchOptions, BatchReporter, Encoder, Message, Outcome, ReporterError, Sender,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why an option is refused that is not about the destination.
pub(crate) const CANNOT_CHANGE: &str = "cannot be changed while the reporter runs";

/// The handle's side.
#[derive(Debug, Clone)]
pub(crate) struct Redirect {
    next: Arc<Mutex<Option<HttpSender>>>,
    gzip: bool,
}

/// The reporter's side: a sender that can be replaced by another one.
struct RedirectableSender {
    current: HttpSender,
    redirect: Redirect,
}

/// Starts a reporter whose sender can be replaced, and which compresses its messages if `gzip`.
pub(crate) fn start_redirectable(
    encoder: impl Encoder,
    sender: HttpSender,
    gzip: bool,
    options: BatchOptions,
) -> Result<(BatchReporter, Redirect), ReporterError> {
    let redirect = Redirect {
        next: Arc::default(),
        gzip,
    };
    let sender = RedirectableSender {
        current: sender,
        redirect: redirect.clone(),
    };
    #[cfg(feature = "gzip")]
    if gzip {
        let encoder = crate::report::gzip::Gzip::new(encoder);
        return Ok((BatchReporter::start(encoder, sender, options)?, redirect));
    }
    Ok((BatchReporter::start(encoder, sender, options)?, redirect))
}

impl Redirect {
    fn next(&self) -> MutexGuard<'_, Option<HttpSender>> {
        // No code under this lock can panic halfway through a change.
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the sender from the next attempt on, which is made at once if the reporter waits
    /// for it.
    pub(crate) fn to(
        &self,
        sender: HttpSender,
        gzip: bool,
        reporter: &BatchReporter,
    ) -> Result<(), ReporterError> {
        if gzip != self.gzip {
            return Err(ReporterError::new("gzip", CANNOT_CHANGE));
        }
        let replaced = self.next().replace(sender);
        drop(replaced);
        reporter.redirected();
        Ok(())
    }
}

impl Sender for RedirectableSender {
    async fn send(&mut self, message: Message) -> Outcome {
        let next = self.redirect.next().take();
        if let Some(next) = next {
            self.current = next;
        }
        self.current.send(message).await
    }

    fn destination(&self) -> String {
        self.current.destination()
    }
}
