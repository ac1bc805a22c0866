//! The ids of the current span, and how their values are written.

use super::fields::LogField;
use crate::{
    context::TraceContext,
    id::{RequestId, SpanId},
    propagation::Propagation,
    span::{OpenSpan, OutgoingRequests, slot},
};
use std::fmt::{self, Write};

/// A copy of what is current. Nothing is borrowed while the inner format runs, since it calls user code.
pub(super) struct Ids {
    context: Option<TraceContext>,
    request_id: [u8; RequestId::MAX_LENGTH],
    /// 0 if there is none.
    request_id_length: usize,
}

impl Ids {
    /// `None` outside of requests.
    pub(super) fn current() -> Option<Ids> {
        slot::with_current(|open| Ids::of(open))
    }

    fn of(open: &OpenSpan) -> Ids {
        let inherited = &open.inherited;
        let captured = || {
            let received = inherited.outgoing_requests == OutgoingRequests::ForwardReceivedHeaders;
            received.then(|| Propagation::captured_context(&inherited.forwarded))?
        };
        let request_id = inherited.forwarded.request_id();
        Ids::new(inherited.context.or_else(captured), request_id)
    }

    pub(super) fn new(context: Option<TraceContext>, request_id: Option<&RequestId>) -> Ids {
        let mut ids = Ids {
            context,
            request_id: [0; RequestId::MAX_LENGTH],
            request_id_length: 0,
        };
        let text = request_id.map_or("", RequestId::as_str).as_bytes();
        if let Some(place) = ids.request_id.get_mut(..text.len()) {
            place.copy_from_slice(text);
            ids.request_id_length = text.len();
        }
        ids
    }

    pub(super) fn request_id(&self) -> &str {
        let text = &self.request_id[..self.request_id_length];
        std::str::from_utf8(text).unwrap_or_default()
    }

    pub(super) fn has(&self, field: LogField) -> bool {
        let context = self.context.as_ref();
        match field {
            LogField::TraceId | LogField::SpanId => context.is_some(),
            LogField::ParentId => context.is_some_and(|context| context.parent_id().is_some()),
            LogField::RequestId => self.request_id_length > 0,
            LogField::Sampled => context.is_some_and(|one| one.sampling().decision().is_some()),
        }
    }

    /// Writes the value of a field, if there is one.
    pub(super) fn write(&self, field: LogField, decimal: bool, to: &mut dyn Write) -> fmt::Result {
        match (field, &self.context) {
            (LogField::RequestId, _) => to.write_str(self.request_id()),
            (_, None) => Ok(()),
            (LogField::TraceId, Some(context)) if decimal => {
                write!(to, "{}", context.trace_id().low())
            }
            (LogField::TraceId, Some(context)) => {
                let id = context.trace_id();
                write_digits(&id.digits()[id.omitted_digits()..], to)
            }
            (LogField::SpanId, Some(context)) => write_span_id(context.span_id(), decimal, to),
            (LogField::ParentId, Some(context)) => match context.parent_id() {
                Some(parent_id) => write_span_id(parent_id, decimal, to),
                None => Ok(()),
            },
            (LogField::Sampled, Some(context)) => {
                to.write_str(if context.sampling().is_sampled() {
                    "true"
                } else {
                    "false"
                })
            }
        }
    }
}

fn write_span_id(id: SpanId, decimal: bool, to: &mut dyn Write) -> fmt::Result {
    match decimal {
        true => write!(to, "{}", id.get()),
        false => write_digits(&id.digits(), to),
    }
}

fn write_digits(digits: &[u8], to: &mut dyn Write) -> fmt::Result {
    // ASCII by construction.
    to.write_str(std::str::from_utf8(digits).unwrap_or_default())
}
