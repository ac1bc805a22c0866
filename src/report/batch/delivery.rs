//! Delivers a message: attempts, waits between them, splitting of messages that are refused, and
//! the count of every span's end.
//!
//! The worker calls it. The sender decides what a response means, `backoff` how long to wait, and
//! `outage_log` what is logged.

use super::{
    backoff::Backoff,
    counters::DropCause,
    encoder::Encoder,
    message_buffer::{AddOutcome, MessageBuffer},
    options::{BatchOptions, after},
    outage_log::OutageLog,
    panics::catch_future,
    sender::{Message, Outcome, Sender},
    state::ReporterState,
};
use crate::{record::SpanRecord, user_code::guarded};
use std::{
    future::poll_fn,
    ops::{ControlFlow, Range},
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::Poll,
    time::{Duration, Instant},
};

/// After this many spans of a message were refused one by one, and none was accepted, the rest of
/// the message is dropped without further attempts.
const MAX_REFUSED_ALONE: usize = 8;

pub(super) struct Delivery<E, S> {
    state: Arc<ReporterState>,
    encoder: E,
    sender: S,
    buffer: MessageBuffer,
    backoff: Backoff,
    log: OutageLog,
    request_timeout: Duration,
    retry_for: Duration,
    /// Whether the receiver has refused everything lately, so that the spans are not at fault.
    refuses_all: bool,
    /// The number of requests when a wait was last cut short for one.
    hurried_at: u64,
    /// The number of redirects when the last attempt was made.
    redirects: u64,
}

/// A message on its way, cut into the parts that are still to be sent.
struct Split {
    /// The next part last. Each is a range of the buffer.
    parts: Vec<Range<usize>>,
    accepted: bool,
    refused_alone: usize,
    failing_since: Option<Instant>,
}

impl Split {
    fn new(spans: usize) -> Split {
        let whole = 0..spans;
        Split {
            parts: Vec::from([whole]),
            accepted: false,
            refused_alone: 0,
            failing_since: None,
        }
    }

    /// Puts the halves of a part next. `false` if it is a single span.
    fn halve(&mut self, part: &Range<usize>) -> bool {
        let middle = part.start + part.len() / 2;
        if part.len() > 1 {
            self.parts.extend([middle..part.end, part.start..middle]);
        }
        part.len() > 1
    }
}

/// The result of a part of a message, after as many attempts as it took.
enum PartOutcome {
    Accepted {
        refused: usize,
    },
    TooLarge(String),
    BadRequest(String),
    /// This part and those after it are to be dropped.
    GivenUp(DropCause),
}

impl<E: Encoder, S: Sender> Delivery<E, S> {
    pub(super) fn new(
        state: Arc<ReporterState>,
        encoder: E,
        sender: S,
        options: &BatchOptions,
    ) -> Delivery<E, S> {
        Delivery {
            state,
            log: OutageLog::new(&destination(&sender)),
            encoder,
            sender,
            buffer: MessageBuffer::default(),
            backoff: Backoff::new(options),
            request_timeout: options.request_timeout,
            retry_for: options.retry_for,
            refuses_all: false,
            hurried_at: 0,
            redirects: 0,
        }
    }

    pub(super) fn log(&mut self) -> &mut OutageLog {
        &mut self.log
    }

    /// Adds a span to the message. Counts it if it must be dropped.
    pub(super) fn add(&mut self, span: &SpanRecord, limit: usize) -> AddOutcome {
        let added = self.buffer.add(span, &self.encoder, limit);
        if let AddOutcome::Dropped(cause, reason) = &added {
            self.state.counters.count_dropped(*cause, 1);
            let (trace, id) = (span.trace_id(), span.id());
            self.log.dropped(
                &self.state,
                format_args!("span {id} of trace {trace} is dropped: {reason}"),
            );
        }
        added
    }

    /// Sends the message, unless it is empty, and starts the next one. Breaks when the worker must
    /// end.
    pub(super) async fn send(&mut self) -> ControlFlow<()> {
        if self.buffer.is_empty() {
            return ControlFlow::Continue(());
        }
        let flow = self.send_parts().await;
        self.buffer.clear();
        flow
    }

    async fn send_parts(&mut self) -> ControlFlow<()> {
        let mut split = Split::new(self.buffer.len());
        while let Some(part) = split.parts.pop() {
            match self.send_part(part.clone(), &mut split.failing_since).await {
                PartOutcome::Accepted { refused } => {
                    self.state.counters.count_sent(part.len() - refused);
                    self.state
                        .counters
                        .count_dropped(DropCause::Refused, refused);
                    split.accepted |= refused < part.len();
                    split.failing_since = None;
                }
                PartOutcome::TooLarge(reason) => {
                    if !split.halve(&part) {
                        self.drop_single(DropCause::TooLarge, &part, &reason);
                    }
                }
                PartOutcome::BadRequest(reason) if self.refuses_all => {
                    self.drop_part(DropCause::Refused, &part);
                    self.log.failed(&self.state, &reason);
                    if self.wait(None).await.is_break() {
                        self.drop_parts(DropCause::Closed, &split.parts);
                        return ControlFlow::Break(());
                    }
                }
                PartOutcome::BadRequest(reason) => {
                    if !split.halve(&part) {
                        self.drop_single(DropCause::Refused, &part, &reason);
                        split.refused_alone += 1;
                        if split.refused_alone == MAX_REFUSED_ALONE && !split.accepted {
                            self.refuses_all = true;
                            self.drop_parts(DropCause::Refused, &split.parts);
                            self.log.failed(&self.state, &reason);
                            return self.wait(None).await;
                        }
                    }
                }
                PartOutcome::GivenUp(cause) => {
                    self.drop_part(cause, &part);
                    self.drop_parts(cause, &split.parts);
                    return match cause {
                        DropCause::Closed => ControlFlow::Break(()),
                        _ => ControlFlow::Continue(()),
                    };
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Sends a part, and retries until it is accepted, refused or given up.
    async fn send_part(
        &mut self,
        part: Range<usize>,
        failing_since: &mut Option<Instant>,
    ) -> PartOutcome {
        let message = self.buffer.message(part, &self.encoder);
        loop {
            self.check_redirect(failing_since);
            let Some(outcome) = self.attempt(message.clone()).await else {
                return PartOutcome::GivenUp(DropCause::Closed);
            };
            self.log.attempted(&destination(&self.sender), &self.state);
            let (reason, requested) = match outcome {
                Outcome::Accepted => {
                    self.succeeded(&message);
                    return PartOutcome::Accepted { refused: 0 };
                }
                Outcome::PartlyAccepted { refused, reason } => {
                    let refused = refused.min(message.spans);
                    self.succeeded(&message);
                    self.log.dropped(
                        &self.state,
                        format_args!("{refused} of {} spans are refused: {reason}", message.spans),
                    );
                    return PartOutcome::Accepted { refused };
                }
                Outcome::TooLarge { reason } => return PartOutcome::TooLarge(reason),
                Outcome::BadRequest { reason } => return PartOutcome::BadRequest(reason),
                Outcome::Refused { reason } => {
                    self.log.failed(&self.state, &reason);
                    return PartOutcome::GivenUp(DropCause::Refused);
                }
                Outcome::Retry { reason, after } => (reason, after),
            };
            self.log.failed(&self.state, &reason);
            let since = failing_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= self.retry_for {
                return PartOutcome::GivenUp(DropCause::RetriesExhausted);
            }
            if self.wait(requested).await.is_break() {
                return PartOutcome::GivenUp(DropCause::Closed);
            }
            self.state.counters.retries.fetch_add(1, Relaxed);
        }
    }

    /// One attempt, bounded by the request timeout. `None` if the worker must end first.
    async fn attempt(&mut self, message: Message) -> Option<Outcome> {
        let sending = catch_future(async { self.sender.send(message).await });
        let sending = tokio::time::timeout(self.request_timeout, sending);
        Some(match unless_ended(&self.state, sending).await? {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Outcome::refused(format!("the sender panicked: {panic}")),
            Err(_) => Outcome::retry(format!("no answer within {:?}", self.request_timeout)),
        })
    }

    /// Forgets what was learnt about the previous destination if there is a new one.
    fn check_redirect(&mut self, failing_since: &mut Option<Instant>) {
        let redirects = self.state.redirects();
        if redirects != self.redirects {
            self.redirects = redirects;
            // A waiting flush gets one attempt at once. The attempt after a redirect counts as that one.
            self.hurried_at = self.state.request_count();
            self.refuses_all = false;
            self.backoff.reset();
            *failing_since = None;
        }
    }

    /// A message, or most of it, was accepted.
    fn succeeded(&mut self, message: &Message) {
        let counters = &self.state.counters;
        counters.batches.fetch_add(1, Relaxed);
        counters.bytes.fetch_add(message.body.len() as u64, Relaxed);
        self.backoff.reset();
        self.refuses_all = false;
        self.log.succeeded(&self.state);
    }

    /// Waits before the next attempt. Breaks if the worker must end before that.
    async fn wait(&mut self, requested: Option<Duration>) -> ControlFlow<()> {
        let closing = self.state.end_by().is_some();
        let until = after(self.backoff.next(requested, closing));
        loop {
            let now = Instant::now();
            let end_by = self.state.end_by();
            let redirected = self.state.redirects() != self.redirects;
            if redirected && end_by.is_none_or(|by| by > now) {
                return ControlFlow::Continue(());
            }
            // A wait that the receiver requested is respected. If it ends after the deadline, the
            // attempt would never be made.
            let at_least = if requested.is_some() { until } else { now };
            if end_by.is_some_and(|by| by <= at_least) {
                return ControlFlow::Break(());
            }
            if now >= until {
                return ControlFlow::Continue(());
            }
            let requests = self.state.request_count();
            if requested.is_none() && requests != self.hurried_at {
                // A flush or a shutdown is entitled to one attempt at once.
                self.hurried_at = requests;
                self.backoff.reset();
                return ControlFlow::Continue(());
            }
            let next = end_by.map_or(until, |by| by.min(until));
            let _ = tokio::time::timeout_at(next.into(), self.state.requested()).await;
        }
    }

    fn drop_part(&self, cause: DropCause, part: &Range<usize>) {
        self.state.counters.count_dropped(cause, part.len());
    }

    fn drop_parts(&self, cause: DropCause, parts: &[Range<usize>]) {
        parts.iter().for_each(|part| self.drop_part(cause, part));
    }

    /// Drops a part of one span while the others are delivered.
    fn drop_single(&mut self, cause: DropCause, part: &Range<usize>, reason: &str) {
        self.drop_part(cause, part);
        let (trace, id) = self.buffer.ids(part.start);
        self.log.dropped(
            &self.state,
            format_args!("span {id} of trace {trace} is refused: {reason}"),
        );
    }
}

fn destination(sender: &impl Sender) -> String {
    guarded(|| sender.destination()).unwrap_or_else(|| "an unknown destination".to_owned())
}

/// The future's output; `None` if the worker must end first.
async fn unless_ended<F: Future>(state: &ReporterState, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    loop {
        let end_by = state.end_by();
        if end_by.is_some_and(|by| by <= Instant::now()) {
            return None;
        }
        let mut requested = pin!(async {
            match end_by {
                Some(by) => {
                    let _ = tokio::time::timeout_at(by.into(), state.requested()).await;
                }
                None => state.requested().await,
            }
        });
        let output = poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => requested.as_mut().poll(cx).map(|()| None),
        });
        if let Some(output) = output.await {
            return Some(output);
        }
    }
}
