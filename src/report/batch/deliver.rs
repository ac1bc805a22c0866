use super::{
    EncodeError, Encoder, Message, Outcome, Sender, Settings,
    counters::Cause,
    outage::{Backoff, Log},
    panics::catch_future,
    pending::{Added, Pending},
    settings::after,
    shared::Shared,
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

/// So many spans of a message are refused alone, while none is accepted, before the rest is not
/// tried any more.
const MOST_REFUSED_ALONE: usize = 8;

/// What the log says of one that is lost alone.
const ONE_LOST: &str = "a span is lost";

/// Gets a message to the other side, whatever it takes; or gives up, and counts why.
pub(super) struct Delivery<E, S> {
    shared: Arc<Shared>,
    encoder: E,
    sender: S,
    pending: Pending,
    backoff: Backoff,
    log: Log,
    request_timeout: Duration,
    retry_for: Duration,
    /// Whether the other side has refused all that it was offered lately, so that it is not the
    /// spans.
    refuses_all: bool,
    /// The number of requests that a wait was last cut short for.
    hurried: u64,
    /// How often the sender had been told to send elsewhere when the last attempt was made.
    redirects: u64,
}

/// What came of a part of a message, after as many attempts as it took.
enum Part {
    /// But for so many.
    Accepted(usize),
    TooLarge(String),
    BadRequest(String),
    /// This part and those that were to follow are lost.
    AllLost(Cause),
}

impl<E: Encoder, S: Sender> Delivery<E, S> {
    pub(super) fn new(
        shared: Arc<Shared>,
        encoder: E,
        sender: S,
        settings: &Settings,
    ) -> Delivery<E, S> {
        Delivery {
            shared,
            log: Log::new(destination(&sender)),
            encoder,
            sender,
            pending: Pending::default(),
            backoff: Backoff::new(settings),
            request_timeout: settings.request_timeout,
            retry_for: settings.retry_for,
            refuses_all: false,
            hurried: 0,
            redirects: 0,
        }
    }

    pub(super) fn log(&mut self) -> &mut Log {
        &mut self.log
    }

    /// Adds a span to the message; counts it if it is lost.
    pub(super) fn add(&mut self, span: &SpanRecord, limit: usize) -> Added {
        let added = self.pending.add(span, &self.encoder, limit);
        if let Added::Lost(cause, error) = &added {
            self.shared.counters.lose(*cause, 1);
            let (trace, id) = (span.trace_id(), span.id());
            let why = match error {
                Some(error) => error.clone(),
                None => EncodeError::new("larger than the message limit"),
            };
            self.log.lose(
                &self.shared,
                ONE_LOST,
                format_args!("{id} of trace {trace} is not sent: {why}"),
            );
        }
        added
    }

    /// Sends the message, if it is not empty, and starts the next. Breaks if the time to end has
    /// come.
    pub(super) async fn send(&mut self) -> ControlFlow<()> {
        if self.pending.is_empty() {
            return ControlFlow::Continue(());
        }
        let flow = self.send_parts().await;
        self.pending.clear();
        flow
    }

    async fn send_parts(&mut self) -> ControlFlow<()> {
        // What is still to be sent: the first part last.
        let whole = 0..self.pending.len();
        let mut parts = Vec::from([whole]);
        let mut accepted = false;
        let mut refused_alone = 0;
        let mut failing_since = None;
        while let Some(part) = parts.pop() {
            match self.send_part(part.clone(), &mut failing_since).await {
                Part::Accepted(refused) => {
                    self.shared.counters.send(part.len() - refused);
                    self.shared.counters.lose(Cause::Refused, refused);
                    accepted |= refused < part.len();
                    failing_since = None;
                }
                Part::TooLarge(reason) => match halves(&part) {
                    Some([first, second]) => parts.extend([second, first]),
                    None => self.lose_alone(Cause::TooLarge, &part, &reason),
                },
                Part::BadRequest(reason) if self.refuses_all => {
                    self.lose(Cause::Refused, &part);
                    self.log.fail(&self.shared, &reason);
                    if self.wait(None).await.is_break() {
                        self.lose_all(Cause::Closed, &parts);
                        return ControlFlow::Break(());
                    }
                }
                Part::BadRequest(reason) => match halves(&part) {
                    Some([first, second]) => parts.extend([second, first]),
                    None => {
                        self.lose_alone(Cause::Refused, &part, &reason);
                        refused_alone += 1;
                        if refused_alone == MOST_REFUSED_ALONE && !accepted {
                            self.refuses_all = true;
                            self.lose_all(Cause::Refused, &parts);
                            self.log.fail(&self.shared, &reason);
                            return self.wait(None).await;
                        }
                    }
                },
                Part::AllLost(cause) => {
                    self.lose(cause, &part);
                    self.lose_all(cause, &parts);
                    if cause == Cause::Closed {
                        return ControlFlow::Break(());
                    }
                    return ControlFlow::Continue(());
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Sends a part, again and again if it does not get through.
    async fn send_part(&mut self, part: Range<usize>, failing_since: &mut Option<Instant>) -> Part {
        let message = self.pending.message(part, &self.encoder);
        loop {
            self.look_for_redirect(failing_since);
            let sending = catch_future(async { self.sender.send(message.clone()).await });
            let sending = tokio::time::timeout(self.request_timeout, sending);
            let outcome = match unless_given_up(&self.shared, sending).await {
                Some(Ok(Ok(outcome))) => outcome,
                Some(Ok(Err(panic))) => Outcome::refused(format!("the sender panicked: {panic}")),
                Some(Err(_)) => {
                    Outcome::retry(format!("no answer within {:?}", self.request_timeout))
                }
                None => return Part::AllLost(Cause::Closed),
            };
            self.log.go_to(destination(&self.sender), &self.shared);
            let (reason, after) = match outcome {
                Outcome::Accepted => {
                    self.succeed(&message);
                    return Part::Accepted(0);
                }
                Outcome::PartlyAccepted { refused, reason } => {
                    let refused = refused.min(message.spans);
                    self.succeed(&message);
                    self.log.lose(
                        &self.shared,
                        "spans are lost",
                        format_args!("{refused} of {} are refused: {reason}", message.spans),
                    );
                    return Part::Accepted(refused);
                }
                Outcome::TooLarge { reason } => return Part::TooLarge(reason),
                Outcome::BadRequest { reason } => return Part::BadRequest(reason),
                Outcome::Refused { reason } => {
                    self.log.fail(&self.shared, &reason);
                    return Part::AllLost(Cause::Refused);
                }
                Outcome::Retry { reason, after } => (reason, after),
            };
            self.log.fail(&self.shared, &reason);
            let since = failing_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= self.retry_for {
                return Part::AllLost(Cause::RetriesExhausted);
            }
            if self.wait(after).await.is_break() {
                return Part::AllLost(Cause::Closed);
            }
            self.shared.counters.retries.fetch_add(1, Relaxed);
        }
    }

    /// What was learnt of the other side counts no more if there is another one now.
    fn look_for_redirect(&mut self, failing_since: &mut Option<Instant>) {
        let redirects = self.shared.redirects();
        if redirects != self.redirects {
            self.redirects = redirects;
            // Whoever asks for an attempt gets the one that is due now.
            self.hurried = self.shared.requests();
            self.refuses_all = false;
            self.backoff.reset();
            *failing_since = None;
        }
    }

    /// A message, or most of it, was taken.
    fn succeed(&mut self, message: &Message) {
        let counters = &self.shared.counters;
        counters.batches.fetch_add(1, Relaxed);
        counters.bytes.fetch_add(message.body.len() as u64, Relaxed);
        self.backoff.reset();
        self.refuses_all = false;
        self.log.succeed(&self.shared);
    }

    /// Waits before the next attempt. Breaks if the time to end comes first.
    async fn wait(&mut self, requested: Option<Duration>) -> ControlFlow<()> {
        let closing = self.shared.give_up_at().is_some();
        let until = after(self.backoff.next(requested, closing));
        loop {
            let now = Instant::now();
            let give_up_at = self.shared.give_up_at();
            let redirected = self.shared.redirects() != self.redirects;
            if redirected && give_up_at.is_none_or(|at| at > now) {
                return ControlFlow::Continue(());
            }
            // A wait that was asked for is kept to; there is no point in one that is too long.
            let at_least = if requested.is_some() { until } else { now };
            if give_up_at.is_some_and(|at| at <= at_least) {
                return ControlFlow::Break(());
            }
            if now >= until {
                return ControlFlow::Continue(());
            }
            let requests = self.shared.requests();
            if requested.is_none() && requests != self.hurried {
                // Somebody waits: one attempt is due to them at once.
                self.hurried = requests;
                self.backoff.reset();
                return ControlFlow::Continue(());
            }
            let next = give_up_at.map_or(until, |at| at.min(until));
            let _ = tokio::time::timeout_at(next.into(), self.shared.asked()).await;
        }
    }

    fn lose(&self, cause: Cause, part: &Range<usize>) {
        self.shared.counters.lose(cause, part.len());
    }

    fn lose_all(&self, cause: Cause, parts: &[Range<usize>]) {
        parts.iter().for_each(|part| self.lose(cause, part));
    }

    fn lose_alone(&mut self, cause: Cause, part: &Range<usize>, reason: &str) {
        self.lose(cause, part);
        let (trace, id) = self.pending.ids(part.start);
        self.log.lose(
            &self.shared,
            ONE_LOST,
            format_args!("{id} of trace {trace} is refused: {reason}"),
        );
    }
}

fn destination(sender: &impl Sender) -> String {
    guarded(|| sender.destination()).unwrap_or_else(|| "an unknown destination".to_owned())
}

/// The halves of a part; `None` if it cannot be cut.
fn halves(part: &Range<usize>) -> Option<[Range<usize>; 2]> {
    let middle = part.start + part.len() / 2;
    (part.len() > 1).then_some([part.start..middle, middle..part.end])
}

/// What the future gives; `None` when the time to end comes first.
async fn unless_given_up<F: Future>(shared: &Shared, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    loop {
        let give_up_at = shared.give_up_at();
        if give_up_at.is_some_and(|at| at <= Instant::now()) {
            return None;
        }
        let mut asked = pin!(async {
            match give_up_at {
                Some(at) => {
                    let _ = tokio::time::timeout_at(at.into(), shared.asked()).await;
                }
                None => shared.asked().await,
            }
        });
        let output = poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => asked.as_mut().poll(cx).map(|()| None),
        });
        if let Some(output) = output.await {
            return Some(output);
        }
    }
}
