use super::{
    b3::{self, Multi, Single},
    format::Format,
    forward_error::{ForwardError, forwardable},
    forwarded::Forwarded,
    incoming::{Field, Incoming, Reason},
    names::{self, Name, Role},
    table::{HeaderTable, Roles, Seen},
    w3c,
};
use crate::{
    context::{Sampling, TraceContext},
    id::RequestId,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What is read from and written to headers.
///
/// | setting | default |
/// |---|---|
/// | formats written | [`Format::B3Multi`] |
/// | formats read | all; of W3C unless [switched off](Self::w3c) |
/// | debug written as | `x-b3-flags: 1` and `x-b3-sampled: 1` |
/// | forwarded untouched | `x-ot-span-context`, `x-cloud-trace-context`, `grpc-trace-bin`, `x-datadog-trace-id`, `x-datadog-parent-id`, `x-datadog-sampling-priority`, `sw8`, `x-amzn-trace-id`, `x-client-trace-id`, `tracestate` |
#[derive(Debug, Clone)]
pub struct Propagation {
    multi: bool,
    single: bool,
    write_w3c: bool,
    read_w3c: bool,
    flags_alone: bool,
    /// With whether each is forwarded.
    opaque: Vec<(HeaderName, bool)>,
    table: HeaderTable,
}

impl Default for Propagation {
    fn default() -> Self {
        let opaque: Vec<(HeaderName, bool)> = names::OPAQUE
            .into_iter()
            .map(|name| (HeaderName::from_static(name), true))
            .collect();
        Propagation {
            multi: true,
            single: false,
            write_w3c: false,
            read_w3c: true,
            flags_alone: false,
            table: HeaderTable::new(&opaque, &[]),
            opaque,
        }
    }
}

impl Propagation {
    /// Writes these formats. Every header of a B3 format that is not written is removed from the
    /// outgoing request.
    ///
    /// With no format at all nothing is written, and every B3 header is removed.
    #[must_use]
    pub fn formats(mut self, formats: impl IntoIterator<Item = Format>) -> Self {
        (self.multi, self.single, self.write_w3c) = (false, false, false);
        for format in formats {
            match format {
                Format::B3Multi => self.multi = true,
                Format::B3Single => self.single = true,
                Format::W3c => self.write_w3c = true,
            }
        }
        self
    }

    /// Whether `traceparent` is read, and written for traces that were joined by it. Switched
    /// off, `traceparent` and `tracestate` are opaque: forwarded untouched.
    ///
    /// Default: `true`. [`Format::W3c`] is written in either case.
    #[must_use]
    pub fn w3c(mut self, on: bool) -> Self {
        self.read_w3c = on;
        self
    }

    /// Writes debug as `x-b3-flags: 1` alone, as the B3 specification has it.
    ///
    /// By default `x-b3-sampled: 1` is written beside it, since Envoy reads only that one: the
    /// flag alone loses the trace at the first sidecar.
    #[must_use]
    pub fn debug_by_flags_alone(mut self, on: bool) -> Self {
        self.flags_alone = on;
        self
    }

    /// Forwards these headers too, untouched: `end-user` or `jwt`, say.
    ///
    /// Headers added here are not forwarded from a request that is not
    /// [trusted](crate::Trust), nor to a host outside
    /// [`propagate_only_to`](crate::ClientLayer::propagate_only_to). Unlike tracing headers they
    /// are never removed from a request: the handler sees what came, and what the handler sets is
    /// sent. The headers that are written here (`x-b3-*`, `b3`, `traceparent`, `x-request-id`) are
    /// never forwarded as they came, whatever the list says.
    ///
    /// ```
    /// use http::header::AUTHORIZATION;
    /// use tower_b3::propagation::Propagation;
    ///
    /// let propagation = Propagation::default()
    ///     .forward(["end-user", "jwt"])?
    ///     .forward([AUTHORIZATION])?;
    ///
    /// let error = Propagation::default().forward(["content-length"]).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "forwarded header \"content-length\": describes the content of one message",
    /// );
    /// # Ok::<(), tower_b3::propagation::ForwardError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A text that is not a header name, or the name of a header that belongs to one connection or
    /// one message: the hop-by-hop headers of RFC 9110 (`connection`, `te`, `transfer-encoding`,
    /// `upgrade`, …), `host`, `expect` and `content-*`.
    pub fn forward<N: AsRef<str>>(
        self,
        names: impl IntoIterator<Item = N>,
    ) -> Result<Self, ForwardError> {
        let names = names.into_iter().map(|name| forwardable(name.as_ref()));
        let names: Vec<HeaderName> = names.collect::<Result<_, _>>()?;
        Ok(self.with_forwarded(names, true))
    }

    /// No longer forwards these headers, in any [mode](crate::Mode). Tracing headers among them are
    /// removed at the edge all the same. The list has no say over the headers that are written here.
    #[must_use]
    pub fn do_not_forward(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.with_forwarded(names, false)
    }

    /// Changes the list, of which the table is made.
    pub(crate) fn with_forwarded(
        mut self,
        names: impl IntoIterator<Item = HeaderName>,
        forward: bool,
    ) -> Self {
        for name in names {
            self.opaque.retain(|(opaque, _)| *opaque != name);
            self.opaque.push((name, forward));
        }
        self.table = HeaderTable::new(&self.opaque, &[]);
        self
    }

    /// The headers that go on as they came where no spans are made.
    #[cfg(feature = "config")]
    pub(crate) fn forwarded_names(&self) -> impl Iterator<Item = &str> {
        self.table.captured_names()
    }

    /// A table for one pass over headers that finds these too.
    pub(crate) fn table_with(&self, further: &[HeaderName]) -> HeaderTable {
        HeaderTable::new(&self.opaque, further)
    }

    /// Reads a request's headers. It cannot fail: what is malformed is a fact in [`Incoming`].
    pub fn extract(&self, headers: &HeaderMap) -> (Incoming, Forwarded) {
        let mut forwarded = Forwarded::default();
        let mut seen = Seen::default();
        self.table
            .read_into(headers, Some(&mut forwarded.headers), &mut seen);
        let incoming = self.interpret(&seen, headers, &mut forwarded);
        (incoming, forwarded)
    }

    /// What the headers that a pass has found say. Of a repeated header the first value counts.
    pub(crate) fn interpret(
        &self,
        seen: &Seen<'_>,
        headers: &HeaderMap,
        forwarded: &mut Forwarded,
    ) -> Incoming {
        let mut incoming = Incoming {
            forced: seen.role(Role::ForceTrace).is_some(),
            client_forced: seen.role(Role::ClientTraceId).is_some(),
            ..Incoming::default()
        };
        let multi = Multi {
            trace_id: seen.role(Role::TraceId),
            span_id: seen.role(Role::SpanId),
            parent_id: seen.role(Role::ParentSpanId),
            sampled: seen.role(Role::Sampled),
            flags: seen.role(Role::Flags),
        };
        read_b3(seen.role(Role::B3), &multi, &mut incoming);
        if let Some(traceparent) = seen.role(Role::Traceparent) {
            self.read_traceparent(traceparent, headers, &mut incoming, forwarded);
        }
        if let Some(value) = seen.role(Role::RequestId) {
            forwarded.request_id = RequestId::from_header(value);
            // An empty one is as good as none.
            if forwarded.request_id.is_none() && !value.is_empty() {
                incoming
                    .malformed
                    .note(Field::RequestId, Reason::NotVisible);
            }
        }
        incoming
    }

    /// Joins the trace of `traceparent` where B3 gave no ids; one of another trace is opaque.
    fn read_traceparent(
        &self,
        value: &HeaderValue,
        headers: &HeaderMap,
        to: &mut Incoming,
        forwarded: &mut Forwarded,
    ) {
        let read = if self.read_w3c {
            w3c::read(value).map(Some)
        } else {
            Ok(None)
        };
        match (read, to.context) {
            (Ok(Some(parent)), None) => {
                if to.sampling == Sampling::Defer {
                    to.sampling = parent.sampling();
                }
                to.context = Some(parent.with_sampling(to.sampling));
                to.origin = Some(Format::W3c);
                forwarded.traceparent = true;
            }
            (Ok(Some(parent)), Some(b3)) if parent.trace_id() == b3.trace_id() => {
                forwarded.traceparent = true;
            }
            (Ok(_), _) => {
                let values = headers.get_all(names::TRACEPARENT).iter();
                let pairs = values.map(|value| (Name::of(Role::Traceparent), value.clone()));
                forwarded.headers.extend(pairs);
            }
            (Err(reason), _) => to.malformed.note(Field::Traceparent, reason),
        }
    }

    /// Writes a context, and what is forwarded beside it, to the headers of an outgoing request.
    ///
    /// Trace headers that are there already are replaced; those of B3 formats that are not written
    /// are removed, so that no stale one travels on. An opaque header or `x-request-id` that is
    /// there already is kept.
    pub fn inject(&self, context: &TraceContext, forwarded: &Forwarded, headers: &mut HeaderMap) {
        self.inject_over(self.roles(headers), context, forwarded, headers);
    }

    /// Which of the tracing headers are there.
    pub(crate) fn roles(&self, headers: &HeaderMap) -> Roles {
        self.table.roles(headers)
    }

    /// Injects where it is known which tracing headers are there.
    pub(crate) fn inject_over(
        &self,
        there: Roles,
        context: &TraceContext,
        forwarded: &Forwarded,
        headers: &mut HeaderMap,
    ) {
        if self.multi {
            self.write_multi(there, context, headers);
        } else {
            remove(there, Role::TraceId, headers);
            remove(there, Role::SpanId, headers);
            remove(there, Role::ParentSpanId, headers);
            remove(there, Role::Sampled, headers);
            remove(there, Role::Flags, headers);
        }
        if self.single {
            put(headers, names::B3, b3::write_single(context));
        } else {
            remove(there, Role::B3, headers);
        }
        // `traceparent` has no way to say "undecided": rather nothing than an invented "no".
        let decided = context.sampling() != Sampling::Defer;
        let came = || {
            forwarded
                .headers()
                .any(|(name, _)| *name == names::TRACEPARENT)
        };
        if decided && (self.write_w3c || forwarded.traceparent) || self.write_w3c && !came() {
            put(headers, names::TRACEPARENT, w3c::write(context));
        }
        if let Some(id) = forwarded.request_id() {
            if !there.has(Role::RequestId) {
                put(headers, names::REQUEST_ID, id.to_header());
            }
        }
        forwarded.add_to(headers);
    }

    /// Writes `x-b3-*`.
    fn write_multi(&self, there: Roles, context: &TraceContext, headers: &mut HeaderMap) {
        let debug = context.sampling() == Sampling::Debug;
        let (trace_id, span_id, parent_id) = b3::write_ids(context);
        put(headers, names::TRACE_ID, trace_id);
        put(headers, names::SPAN_ID, span_id);
        match parent_id {
            Some(parent_id) => put(headers, names::PARENT_SPAN_ID, parent_id),
            None => remove(there, Role::ParentSpanId, headers),
        }
        match context.sampling().decision() {
            Some(sampled) if !(debug && self.flags_alone) => {
                let state = HeaderValue::from_static(if sampled { "1" } else { "0" });
                put(headers, names::SAMPLED, state);
            }
            _ => remove(there, Role::Sampled, headers),
        }
        match debug {
            true => put(headers, names::FLAGS, HeaderValue::from_static("1")),
            false => remove(there, Role::Flags, headers),
        }
    }

    /// Gathers the tracing headers as they came, all values in their order, malformed ones
    /// included, but for those that are not to be forwarded: what a service hands on whose
    /// sidecar makes the spans.
    pub(crate) fn capture_into(&self, headers: &HeaderMap, forwarded: &mut Forwarded) {
        self.table.each(headers, |row, value| {
            if !row.captured {
                return;
            }
            forwarded.headers.push((row.name.clone(), value.clone()));
            if row.role == Some(Role::RequestId) && forwarded.request_id.is_none() {
                forwarded.request_id = RequestId::from_header(value);
            }
        });
    }

    /// The context that captured headers name, of all formats that are read by default.
    #[cfg(feature = "log-format")]
    pub(crate) fn captured_context(captured: &Forwarded) -> Option<TraceContext> {
        let multi = Multi {
            trace_id: captured.value(Role::TraceId),
            span_id: captured.value(Role::SpanId),
            parent_id: captured.value(Role::ParentSpanId),
            sampled: captured.value(Role::Sampled),
            flags: captured.value(Role::Flags),
        };
        let mut incoming = Incoming::default();
        read_b3(captured.value(Role::B3), &multi, &mut incoming);
        incoming.context.or_else(|| {
            let parent = w3c::read(captured.value(Role::Traceparent)?).ok()?;
            Some(match incoming.sampling {
                Sampling::Defer => parent,
                decided => parent.with_sampling(decided),
            })
        })
    }

    /// Puts captured headers on an outgoing request, but for names that are there already; those
    /// that the user added only if told so.
    pub(crate) fn forward_to(&self, captured: &Forwarded, headers: &mut HeaderMap, added: bool) {
        if added {
            return captured.add_to(headers);
        }
        let mut captured = captured.clone();
        self.forget_added(&mut captured);
        captured.add_to(headers);
    }

    /// Hands `traceparent` on as it came, below a request for which there are no spans.
    pub(crate) fn keep_traceparent(&self, headers: &HeaderMap, forwarded: &mut Forwarded) {
        if std::mem::take(&mut forwarded.traceparent) {
            let values = headers.get_all(names::TRACEPARENT).iter();
            let pairs = values.map(|value| (Name::of(Role::Traceparent), value.clone()));
            forwarded.headers.extend(pairs);
        }
    }

    /// Removes every tracing header, opaque ones and `x-envoy-force-trace` included: what an edge
    /// does with a stranger's request. `x-request-id` stays, and so do headers that
    /// [`forward`](Self::forward) added.
    pub fn strip(&self, headers: &mut HeaderMap) {
        let mut found: Vec<HeaderName> = Vec::new();
        self.table.each(headers, |row, _| {
            let tracing = row.name.is_built_in() && row.role != Some(Role::RequestId);
            if tracing && found.last() != Some(&*row.name) {
                found.push((*row.name).clone());
            }
        });
        for name in found {
            headers.remove(name);
        }
    }

    /// What is handed on beside a context, of headers that were captured as they came.
    pub(crate) fn reread(&self, captured: &Forwarded) -> Forwarded {
        let mut headers = HeaderMap::new();
        captured.add_to(&mut headers);
        self.extract(&headers).1
    }

    /// Keeps the headers that the user added from being forwarded.
    pub(crate) fn forget_added(&self, forwarded: &mut Forwarded) {
        forwarded.headers.retain(|(name, _)| name.is_built_in());
    }
}

fn read_b3(single: Option<&HeaderValue>, multi: &Multi<'_>, to: &mut Incoming) {
    let flaws = &mut to.malformed;
    let single = single.map(b3::read_single);
    let (ids, sampling, origin) = match single {
        Some(Single::Ids(context)) => match multi.advanced_from(&context) {
            None => {
                to.context = Some(context);
                to.sampling = context.sampling();
                to.origin = Some(Format::B3Single);
                return;
            }
            Some(ids) => {
                let sampling = match context.sampling() {
                    Sampling::Defer => multi.sampling(flaws),
                    decided => decided,
                };
                (Some(ids), sampling, Format::B3Multi)
            }
        },
        Some(Single::State(sampling)) => (multi.ids(flaws), sampling, Format::B3Multi),
        Some(Single::Malformed(reason, kept)) => {
            flaws.note(Field::B3, reason);
            let sampling = match multi.sampling(flaws) {
                Sampling::Defer => kept,
                decided => decided,
            };
            (multi.ids(flaws), sampling, Format::B3Multi)
        }
        None => (multi.ids(flaws), multi.sampling(flaws), Format::B3Multi),
    };
    to.sampling = sampling;
    if let Some((trace_id, span_id, parent_id)) = ids {
        to.context = Some(TraceContext::new(trace_id, span_id, parent_id, sampling));
        to.origin = Some(origin);
    }
}

/// Removes a tracing header, if it is there.
#[inline(always)]
fn remove(there: Roles, role: Role, headers: &mut HeaderMap) {
    if there.has(role) {
        headers.remove(role.name());
    }
}

/// As `insert`, which panics where a map can take no more names.
pub(crate) fn put(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    let _ = headers.try_insert(name, value);
}

#[cfg(test)]
mod tests;
