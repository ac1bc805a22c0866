use crate::{
    head::RequestHead,
    id::{RequestId, TraceId},
};

/// What a sampler can base its decision on.
#[derive(Debug, Clone, Copy)]
pub struct SamplingParameters<'a> {
    trace_id: TraceId,
    request_id: Option<&'a RequestId>,
    head: Option<RequestHead<'a>>,
}

impl<'a> SamplingParameters<'a> {
    /// Creates parameters from a trace id and the head of the request being traced, if there is
    /// one.
    pub fn new(trace_id: TraceId, head: Option<RequestHead<'a>>) -> SamplingParameters<'a> {
        SamplingParameters {
            trace_id,
            request_id: None,
            head,
        }
    }

    /// Sets the request id. Default: none.
    #[must_use]
    pub fn with_request_id(self, request_id: Option<&'a RequestId>) -> SamplingParameters<'a> {
        SamplingParameters { request_id, ..self }
    }

    /// The trace id.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The request id. It was generated if the request came without a usable one.
    pub fn request_id(&self) -> Option<&'a RequestId> {
        self.request_id
    }

    /// The head of the request; `None` for a span started by [`Tracer::span`](crate::Tracer::span).
    pub fn head(&self) -> Option<&RequestHead<'a>> {
        self.head.as_ref()
    }

    /// The number that sampling by request id compares with its threshold: from the request id, or
    /// from the trace id if the request id has no such number.
    pub(crate) fn request_number(&self) -> u64 {
        let number = self.request_id.and_then(RequestId::sampling_number);
        number.map_or(self.trace_id.low(), u64::from)
    }
}
