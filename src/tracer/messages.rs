//! Spans of messages: a queue's two sides, and other exchanges whose context is in a [`Carrier`].

use super::Tracer;
use crate::{
    context::{Sampling, TraceContext},
    direction::{Direction, Mode},
    id::RequestId,
    propagation::{Carrier, CarrierMut, Forwarded, Incoming, add_missing},
    record::{Kind, StandardTag},
    span::{OutgoingRequests, RequestContext, Span, slot},
};
use http::HeaderMap;

impl Tracer {
    /// Starts a PRODUCER span around the sending of a message, and writes its context to the message's
    /// headers.
    ///
    /// The span is a child of the current one. Where none is current, it continues the trace that the
    /// headers carry, for a message that is passed on; otherwise it begins a new trace, as
    /// [`span`](Self::span) does. What is written is said at
    /// [`Propagation::inject_into`](crate::propagation::Propagation::inject_into).
    ///
    /// Name the broker with [`Span::remote_service`]: without it, Zipkin's dependency graph does not
    /// show the message.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use tower_b3::{Tracer, report::InMemoryReporter};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tower_b3::BuildError> {
    /// # async fn produce(_: BTreeMap<String, Vec<u8>>, _: &str) {}
    /// # let spans = InMemoryReporter::default();
    /// let tracer = Tracer::builder("shop").reporter(spans.clone()).build()?;
    ///
    /// let mut headers: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    /// let mut span = tracer.producer_span(&mut headers, "send").remote_service("kafka");
    /// span.tag("kafka.topic", "orders");
    /// assert!(headers.contains_key("b3"));
    /// span.instrument(produce(headers, "an order")).await;
    /// # assert_eq!(spans.take().len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn producer_span<C>(&self, carrier: &mut C, name: impl AsRef<str>) -> Span
    where
        C: CarrierMut + ?Sized,
    {
        let name = name.as_ref();
        if self.inner.mode.client == Mode::ForwardOnly {
            self.inject(carrier);
            return Span::none();
        }
        let span = Span::below_current(name, Some(self.inner.sink()));
        let mut begins_trace = false;
        let span = match span.filter(|span| span.context().is_some()) {
            Some(span) => span,
            None => {
                let captured = self.captured_headers();
                begins_trace = captured.is_none();
                let headers = captured.unwrap_or_else(|| {
                    let headers = self.inner.propagation.headers_of(carrier);
                    begins_trace &= headers.is_empty();
                    headers
                });
                self.start_below(Direction::Client, &headers, name)
            }
        };
        match self.inner.mode.client {
            // There is nothing to pass on. Without the span's own context, the message would carry none.
            Mode::RecordOnly if begins_trace => self.inject_span(&span, carrier),
            Mode::RecordOnly => self.inject(carrier),
            _ => self.inject_span(&span, carrier),
        }
        span.kind(Kind::Producer)
    }

    /// Starts a CONSUMER span below the context in a message's headers.
    ///
    /// As [`span_from`](Self::span_from), with the kind set. Make the span current around the processing
    /// of the message. Name the broker with [`Span::remote_service`].
    ///
    /// ```
    /// use tower_b3::{Tracer, report::InMemoryReporter};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tower_b3::BuildError> {
    /// # let spans = InMemoryReporter::default();
    /// # let tracer = Tracer::builder("billing").reporter(spans.clone()).build()?;
    /// # async fn process(_: &str) {}
    /// let headers = vec![("b3", b"463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1")];
    /// let mut span = tracer.consumer_span(&headers, "poll").remote_service("kafka");
    /// span.tag("kafka.topic", "orders");
    /// span.instrument(process("an order")).await; // calls in here are its children
    ///
    /// let span = spans.take().remove(0);
    /// assert_eq!(span.parent_id().unwrap().to_string(), "a2fb4a1d1a96d312");
    /// # Ok(()) }
    /// ```
    pub fn consumer_span<C>(&self, carrier: &C, name: impl AsRef<str>) -> Span
    where
        C: Carrier + ?Sized,
    {
        self.span_from(carrier, name).kind(Kind::Consumer)
    }

    /// Starts a local span below the context in a carrier: for example, in the metadata of a call in a
    /// protocol other than HTTP, with `.kind(Kind::Server)`.
    ///
    /// The carrier is trusted. What it says is treated as in a request that a server layer receives: its
    /// decision on sampling stands; without one, the sampler of [`Direction::Server`] decides. Calls made
    /// inside the span carry the carrier's request id and opaque headers. If the carrier has no context,
    /// the span is a child of the current one or, where none is current, begins a new trace.
    ///
    /// Where [`Direction::Server`] is [`Mode::ForwardOnly`], there is no span; inside, calls carry the
    /// carrier's headers. With [`Mode::RecordOnly`] there are both.
    pub fn span_from<C>(&self, carrier: &C, name: impl AsRef<str>) -> Span
    where
        C: Carrier + ?Sized,
    {
        let headers = self.inner.propagation.headers_of(carrier);
        self.start_below(Direction::Server, &headers, name.as_ref())
    }

    /// Starts a local span for messages that are processed together, of which each has its own trace.
    ///
    /// A span has one parent. Here it is the first of these contexts that is sampled, or the first of
    /// all. The others are referred to by events: see [`Span::follows_from`]. Without any, this is
    /// [`span`](Self::span).
    ///
    /// ```
    /// use tower_b3::{Tracer, report::InMemoryReporter};
    ///
    /// # let spans = InMemoryReporter::default();
    /// # let tracer = Tracer::builder("billing").reporter(spans.clone()).build()?;
    /// # fn insert(_: &[Message]) {}
    /// # struct Message { headers: Vec<(String, Vec<u8>)> }
    /// # let batch: Vec<Message> = (1..=3).map(|at| {
    /// #     let b3 = format!("{at:032x}-{at:016x}-1");
    /// #     Message { headers: vec![("b3".to_owned(), b3.into_bytes())] }
    /// # }).collect();
    /// // A CONSUMER span in the trace of each message, which ends at once.
    /// let received = batch.iter().filter_map(|message| {
    ///     let span = tracer.consumer_span(&message.headers, "poll").remote_service("kafka");
    ///     span.context()
    /// });
    /// let received: Vec<_> = received.collect();
    /// tracer.batch_span(received, "insert orders").in_scope(|| insert(&batch));
    ///
    /// let span = spans.take().pop().unwrap();
    /// assert_eq!(span.annotations().count(), 2);
    /// # Ok::<(), tower_b3::BuildError>(())
    /// ```
    pub fn batch_span(
        &self,
        messages: impl IntoIterator<Item = TraceContext>,
        name: impl AsRef<str>,
    ) -> Span {
        let mut others: Vec<TraceContext> = messages.into_iter().collect();
        let sampled = others
            .iter()
            .position(|context| context.sampling().is_sampled());
        if others.is_empty() {
            return self.span(name);
        }
        let parent = others.remove(sampled.unwrap_or(0));
        let mut span = self.span_below(parent, name);
        for context in others {
            span.follows_from(context);
        }
        span
    }

    /// Writes the current context to a carrier, as
    /// [`Propagation::inject_into`](crate::propagation::Propagation::inject_into) does. Where nothing is
    /// current, the carrier stays as it is.
    ///
    /// Where a sidecar makes the spans, the tracing headers of the request being served are added as they
    /// came.
    pub fn inject<C: CarrierMut + ?Sized>(&self, carrier: &mut C) {
        let propagation = &self.inner.propagation;
        // The carrier is user code, which must not run while the current span is borrowed.
        if let Some(captured) = self.captured_headers() {
            return add_missing(&captured, carrier);
        }
        let current = RequestContext::current().unwrap_or_default();
        if let Some(context) = current.trace_context() {
            propagation.inject_into(&context, current.forwarded(), carrier);
        }
    }

    fn inject_span<C: CarrierMut + ?Sized>(&self, span: &Span, carrier: &mut C) {
        if let (Some(context), Some(inherited)) = (span.context(), span.inherited()) {
            let propagation = &self.inner.propagation;
            propagation.inject_into(&context, &inherited.forwarded, carrier);
        }
    }

    /// The headers of the request being served, where they are forwarded as they came.
    fn captured_headers(&self) -> Option<HeaderMap> {
        let propagation = &self.inner.propagation;
        let captured = slot::with_current(|open| {
            let inherited = &open.inherited;
            let forwards = inherited.outgoing_requests == OutgoingRequests::ForwardReceivedHeaders;
            forwards.then(|| {
                let mut headers = HeaderMap::new();
                // Without those that the user added, as in all messages.
                propagation.forward_captured(&inherited.forwarded, &mut headers, false);
                headers
            })
        });
        captured.flatten()
    }

    /// Starts a local span below the context in these headers.
    fn start_below(&self, direction: Direction, headers: &HeaderMap, name: &str) -> Span {
        let inner = &*self.inner;
        let mode = *inner.mode.of(direction);
        if mode == Mode::ForwardOnly {
            return self.forwarding_span(headers);
        }
        let (incoming, mut forwarded) = inner.propagation.extract(headers);
        if !incoming.is_well_formed() {
            inner.note_malformed(&incoming);
        }
        if says_nothing(&incoming) {
            let below = Span::below_current(name, Some(inner.sink()));
            if let Some(span) = below.filter(|span| span.context().is_some()) {
                return span;
            }
        }
        if forwarded.request_id().is_none() {
            forwarded.set_request_id(RequestId::random());
        }
        let dynamic = inner.dynamic_settings(direction);
        let context = match incoming.context() {
            None => inner.root(&dynamic, &incoming, &mut forwarded, None),
            Some(parent) => {
                let trace_id = parent.trace_id();
                let sampling = inner.decide(&dynamic, trace_id, &incoming, &mut forwarded, None);
                parent.with_sampling(sampling).child()
            }
        };
        let mut span = self.started(name, context, forwarded);
        if inner.tag_malformed_headers {
            tag_malformed(&incoming, &mut span);
        }
        if mode == Mode::RecordOnly && direction == Direction::Server {
            self.capture(headers, &mut span);
        }
        span
    }

    /// No span, but calls made inside carry these headers.
    fn forwarding_span(&self, headers: &HeaderMap) -> Span {
        if headers.is_empty() {
            return Span::none();
        }
        let mut span = Span::of(slot::blank());
        self.capture(headers, &mut span);
        span
    }

    fn capture(&self, headers: &HeaderMap, span: &mut Span) {
        if let Some(inherited) = span.inherited_mut() {
            inherited.outgoing_requests = OutgoingRequests::ForwardReceivedHeaders;
            let mut captured = Forwarded::default();
            self.inner.propagation.capture_into(headers, &mut captured);
            inherited.forwarded = captured;
        }
    }
}

/// Whether a carrier says neither which trace it belongs to nor whether it is sampled.
fn says_nothing(incoming: &Incoming) -> bool {
    incoming.context().is_none()
        && incoming.sampling() == Sampling::Defer
        && !incoming.is_forced()
        && !incoming.is_client_forced()
}

fn tag_malformed(incoming: &Incoming, span: &mut Span) {
    let all: Vec<String> = incoming.malformed().map(|one| one.to_string()).collect();
    if let Some(record) = span.record() {
        record.add_standard(StandardTag::MalformedHeaders, &all.join(", "));
    }
}
