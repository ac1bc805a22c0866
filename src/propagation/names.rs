//! The names of the tracing headers.

use http::HeaderName;
use std::{ops::Deref, sync::LazyLock};

macro_rules! names {
    ($($constant:ident = $name:literal;)*) => {
        $(pub(crate) const $constant: HeaderName = HeaderName::from_static($name);)*
    };
}

names! {
    B3 = "b3";
    TRACE_ID = "x-b3-traceid";
    SPAN_ID = "x-b3-spanid";
    PARENT_SPAN_ID = "x-b3-parentspanid";
    SAMPLED = "x-b3-sampled";
    FLAGS = "x-b3-flags";
    TRACEPARENT = "traceparent";
    TRACESTATE = "tracestate";
    REQUEST_ID = "x-request-id";
    FORCE_TRACE = "x-envoy-force-trace";
    CLIENT_TRACE_ID = "x-client-trace-id";
}

/// Forwarded as they are, never interpreted, unless the list is changed.
pub(crate) const OPAQUE: [&str; 9] = [
    "x-ot-span-context",
    "x-cloud-trace-context",
    "grpc-trace-bin",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "sw8",
    "x-amzn-trace-id",
    "x-client-trace-id",
];

/// What a tracing header is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Role {
    B3,
    TraceId,
    SpanId,
    ParentSpanId,
    Sampled,
    Flags,
    Traceparent,
    Tracestate,
    RequestId,
    ForceTrace,
    ClientTraceId,
}

impl Role {
    pub(crate) const COUNT: usize = Role::ClientTraceId as usize + 1;

    pub(crate) const ALL: [(HeaderName, Role); Role::COUNT] = [
        (B3, Role::B3),
        (TRACE_ID, Role::TraceId),
        (SPAN_ID, Role::SpanId),
        (PARENT_SPAN_ID, Role::ParentSpanId),
        (SAMPLED, Role::Sampled),
        (FLAGS, Role::Flags),
        (TRACEPARENT, Role::Traceparent),
        (TRACESTATE, Role::Tracestate),
        (REQUEST_ID, Role::RequestId),
        (FORCE_TRACE, Role::ForceTrace),
        (CLIENT_TRACE_ID, Role::ClientTraceId),
    ];

    fn named() -> &'static [(HeaderName, Role); Role::COUNT] {
        static ALL: [(HeaderName, Role); Role::COUNT] = Role::ALL;
        &ALL
    }

    pub(crate) fn name(self) -> &'static HeaderName {
        &Role::named()[self as usize].0
    }

    /// Whether the header is written here, and so is never forwarded as it came.
    pub(crate) fn is_written(self) -> bool {
        !matches!(
            self,
            Role::Tracestate | Role::ForceTrace | Role::ClientTraceId
        )
    }
}

/// Whether a context is written to the header of this name.
pub(crate) fn carries_context(name: &HeaderName) -> bool {
    let mut all = Role::ALL.into_iter();
    all.any(|(other, role)| other == *name && role.is_written() && role != Role::RequestId)
}

/// The name of a header that is forwarded. Of a tracing header it is a reference, which is copied
/// and dropped for nothing, where a [`HeaderName`] calls a function for either.
#[derive(Debug, Clone)]
pub(crate) enum Name {
    BuiltIn(&'static HeaderName),
    Added(HeaderName),
}

impl Name {
    pub(crate) fn of(role: Role) -> Name {
        Name::BuiltIn(role.name())
    }

    pub(crate) fn new(name: HeaderName) -> Name {
        static OPAQUE_NAMES: LazyLock<[HeaderName; OPAQUE.len()]> =
            LazyLock::new(|| OPAQUE.map(HeaderName::from_static));
        let with_role = Role::named().iter().map(|(name, _)| name);
        let mut tracing = with_role.chain(&*OPAQUE_NAMES);
        match tracing.find(|other| **other == name) {
            Some(built_in) => Name::BuiltIn(built_in),
            None => Name::Added(name),
        }
    }

    pub(crate) fn is_built_in(&self) -> bool {
        matches!(self, Name::BuiltIn(_))
    }
}

impl Deref for Name {
    type Target = HeaderName;

    fn deref(&self) -> &HeaderName {
        match self {
            Name::BuiltIn(name) => name,
            Name::Added(name) => name,
        }
    }
}
