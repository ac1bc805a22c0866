//! Reading the headers of a request, and the precedence of the formats.

use super::{
    b3::{self, MultiHeaders, ParsedSingle},
    format::Format,
    forwarded::Forwarded,
    incoming::{Field, Incoming, Reason},
    settings::Propagation,
    table::HeaderValues,
    tracing_header::TracingHeader,
    w3c,
};
use crate::{
    context::{Sampling, TraceContext},
    id::RequestId,
};
use http::{HeaderMap, HeaderValue};

impl Propagation {
    /// Reads the headers of a request. This never fails: [`Incoming::malformed`] has the headers that
    /// could not be read.
    pub fn extract(&self, headers: &HeaderMap) -> (Incoming, Forwarded) {
        let mut forwarded = Forwarded::default();
        let mut values = HeaderValues::default();
        self.table
            .read_into::<false>(headers, Some(&mut forwarded.headers), &mut values);
        let incoming = self.interpret(&values, headers, &mut forwarded);
        (incoming, forwarded)
    }

    /// Reads the trace context from these values. The first value of a repeated header is used.
    pub(crate) fn interpret(
        &self,
        values: &HeaderValues<'_>,
        headers: &HeaderMap,
        forwarded: &mut Forwarded,
    ) -> Incoming {
        let mut incoming = Incoming {
            forced: values.tracing(TracingHeader::ForceTrace).is_some(),
            client_forced: values.tracing(TracingHeader::ClientTraceId).is_some(),
            ..Incoming::default()
        };
        let multi = MultiHeaders {
            trace_id: values.tracing(TracingHeader::TraceId),
            span_id: values.tracing(TracingHeader::SpanId),
            parent_id: values.tracing(TracingHeader::ParentSpanId),
            sampled: values.tracing(TracingHeader::Sampled),
            flags: values.tracing(TracingHeader::Flags),
        };
        read_b3(values.tracing(TracingHeader::B3), &multi, &mut incoming);
        if let Some(traceparent) = values.tracing(TracingHeader::Traceparent) {
            self.read_traceparent(traceparent, headers, &mut incoming, forwarded);
        }
        if let Some(value) = values.tracing(TracingHeader::RequestId) {
            forwarded.request_id = RequestId::from_header(value);
            // An empty request id is treated like an absent one.
            if forwarded.request_id.is_none() && !value.is_empty() {
                incoming.malformed.add(Field::RequestId, Reason::NotVisible);
            }
        }
        incoming
    }

    /// The trace context in captured headers, in any format that is read by default.
    #[cfg(feature = "log-format")]
    pub(crate) fn captured_context(captured: &Forwarded) -> Option<TraceContext> {
        let value = |header| captured.first_value(header);
        let multi = MultiHeaders {
            trace_id: value(TracingHeader::TraceId),
            span_id: value(TracingHeader::SpanId),
            parent_id: value(TracingHeader::ParentSpanId),
            sampled: value(TracingHeader::Sampled),
            flags: value(TracingHeader::Flags),
        };
        let mut incoming = Incoming::default();
        read_b3(value(TracingHeader::B3), &multi, &mut incoming);
        incoming.context.or_else(|| {
            let parent = w3c::read(value(TracingHeader::Traceparent)?).ok()?;
            Some(match incoming.sampling {
                Sampling::Defer => parent,
                decision => parent.with_sampling(decision),
            })
        })
    }

    /// Joins the trace of `traceparent` if B3 has no ids. If it belongs to another trace than B3, it is
    /// forwarded like an opaque header.
    fn read_traceparent(
        &self,
        value: &HeaderValue,
        headers: &HeaderMap,
        incoming: &mut Incoming,
        forwarded: &mut Forwarded,
    ) {
        let read = if self.read_w3c {
            w3c::read(value).map(Some)
        } else {
            Ok(None)
        };
        match (read, incoming.context) {
            (Ok(Some(parent)), None) => {
                if incoming.sampling == Sampling::Defer {
                    incoming.sampling = parent.sampling();
                }
                incoming.context = Some(parent.with_sampling(incoming.sampling));
                incoming.origin = Some(Format::W3c);
                forwarded.traceparent = true;
            }
            (Ok(Some(parent)), Some(b3)) if parent.trace_id() == b3.trace_id() => {
                forwarded.traceparent = true;
            }
            (Ok(_), _) => {
                forwarded.add_traceparent(headers);
            }
            (Err(reason), _) => incoming.malformed.add(Field::Traceparent, reason),
        }
    }
}

/// Reads the two formats of B3. `b3` takes precedence, unless `x-b3-*` are of a child of its span: then a
/// sidecar has updated them and passed on `b3` unchanged.
fn read_b3(single: Option<&HeaderValue>, multi: &MultiHeaders<'_>, incoming: &mut Incoming) {
    let malformed = &mut incoming.malformed;
    let single = single.map(b3::read_single);
    let (ids, sampling) = match single {
        Some(ParsedSingle::Ids(context)) => match multi.ids_of_child(&context) {
            None => {
                incoming.context = Some(context);
                incoming.sampling = context.sampling();
                incoming.origin = Some(Format::B3Single);
                return;
            }
            Some(ids) => {
                let sampling = match context.sampling() {
                    Sampling::Defer => multi.sampling(malformed),
                    decision => decision,
                };
                (Some(ids), sampling)
            }
        },
        Some(ParsedSingle::State(sampling)) => (multi.ids(malformed), sampling),
        Some(ParsedSingle::Malformed(reason, readable)) => {
            malformed.add(Field::B3, reason);
            let sampling = match multi.sampling(malformed) {
                Sampling::Defer => readable,
                decision => decision,
            };
            (multi.ids(malformed), sampling)
        }
        None => (multi.ids(malformed), multi.sampling(malformed)),
    };
    incoming.sampling = sampling;
    if let Some((trace_id, span_id, parent_id)) = ids {
        incoming.context = Some(TraceContext::new(trace_id, span_id, parent_id, sampling));
        incoming.origin = Some(Format::B3Multi);
    }
}
