use super::{HttpOptions, HttpSender};
use crate::report::{BatchReporter, Message, Outcome, ReporterError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Sends elsewhere what a reporter sends, while it runs.
#[derive(Debug, Clone)]
pub(crate) struct Redirect {
    next: Arc<Mutex<Option<HttpSender>>>,
    compresses: bool,
}

/// Why a setting is refused that is not about where spans go.
pub(crate) const FIXED: &str = "it cannot be changed while the reporter runs";

/// A sender that another one can take the place of.
pub(crate) struct Redirected {
    current: HttpSender,
    redirect: Redirect,
}

impl Redirect {
    /// The sender for the reporter, and what redirects it.
    pub(super) fn of(sender: HttpSender, compresses: bool) -> (Redirected, Redirect) {
        let redirect = Redirect {
            next: Arc::default(),
            compresses,
        };
        let redirected = Redirected {
            current: sender,
            redirect: redirect.clone(),
        };
        (redirected, redirect)
    }

    fn next(&self) -> MutexGuard<'_, Option<HttpSender>> {
        // Nothing is left half done under this lock.
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From the next attempt on, which is due at once if the reporter waits for one.
    pub(crate) fn to(
        &self,
        options: &HttpOptions,
        sender: HttpSender,
        reporter: &BatchReporter,
    ) -> Result<(), ReporterError> {
        if options.compresses() != self.compresses {
            return Err(ReporterError::new("gzip", FIXED));
        }
        let replaced = self.next().replace(sender);
        drop(replaced);
        reporter.redirected();
        Ok(())
    }
}

impl Sender for Redirected {
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
