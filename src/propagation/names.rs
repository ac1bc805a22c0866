//! The names of tracing headers, and one pass over a request's headers that finds them.

use http::{HeaderMap, HeaderName, HeaderValue};

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

/// Read where spans are made, and forwarded as they came where none are.
#[cfg(feature = "config")]
pub(crate) static FORWARDED: [HeaderName; 10] = [
    REQUEST_ID,
    B3,
    TRACE_ID,
    SPAN_ID,
    PARENT_SPAN_ID,
    SAMPLED,
    FLAGS,
    TRACEPARENT,
    TRACESTATE,
    FORCE_TRACE,
];

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

/// What a header of a known name is for.
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
    Opaque,
}

impl Role {
    /// Whether the header is written here, and so is never forwarded as it came.
    fn is_written(self) -> bool {
        !matches!(
            self,
            Role::Tracestate | Role::ForceTrace | Role::ClientTraceId | Role::Opaque
        )
    }
}

/// The roles that were seen, a bit each.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Roles(u16);

impl Roles {
    pub(crate) fn add(&mut self, role: Role) {
        self.0 |= 1 << role as u8;
    }

    pub(crate) fn has(self, role: Role) -> bool {
        self.0 & 1 << role as u8 != 0
    }
}

#[derive(Debug, Clone)]
struct Entry {
    name: HeaderName,
    role: Role,
    forward: bool,
    built_in: bool,
}

/// Names by their length and last letter, so that a header that is none of them costs one look.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    entries: Vec<Entry>,
    /// Where the entries of a place start and end.
    places: [(u16, u16); 256],
}

/// A header that the table knows.
pub(crate) struct Found<'a> {
    pub(crate) role: Role,
    /// The table's own copy of the name, which shares no memory with the request.
    pub(crate) name: &'a HeaderName,
    pub(crate) value: &'a HeaderValue,
    /// Whether it is forwarded untouched.
    pub(crate) forward: bool,
    /// Whether it is a tracing header, not a name that the user added.
    pub(crate) built_in: bool,
}

impl Names {
    /// The fixed names and these opaque ones, each with whether it is forwarded.
    pub(crate) fn new<'a>(opaque: impl IntoIterator<Item = &'a (HeaderName, bool)>) -> Names {
        let fixed = [
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
        let mut entries: Vec<Entry> = fixed
            .into_iter()
            .map(|(name, role)| Entry {
                forward: role == Role::Tracestate,
                built_in: true,
                name,
                role,
            })
            .collect();
        for (name, forward) in opaque {
            match entries.iter_mut().find(|entry| entry.name == *name) {
                Some(entry) if entry.role.is_written() => {}
                Some(entry) => entry.forward = *forward,
                None => entries.push(Entry {
                    built_in: OPAQUE.contains(&name.as_str()),
                    name: name.clone(),
                    role: Role::Opaque,
                    forward: *forward,
                }),
            }
        }
        entries.sort_by_key(|entry| Names::place(&entry.name));
        let mut places = [(0, 0); 256];
        for (at, entry) in entries.iter().enumerate() {
            let (start, end) = &mut places[Names::place(&entry.name)];
            if *end == 0 {
                *start = at as u16;
            }
            *end = at as u16 + 1;
        }
        Names { entries, places }
    }

    #[inline]
    fn place(name: &HeaderName) -> usize {
        let name = name.as_str().as_bytes();
        let last = name.last().copied().unwrap_or_default();
        (name.len() * 37 + usize::from(last)) & 255
    }

    #[inline]
    fn entry(&self, name: &HeaderName) -> Option<&Entry> {
        let (start, end) = self.places[Names::place(name)];
        if start == end {
            return None;
        }
        self.entries[usize::from(start)..usize::from(end)]
            .iter()
            .find(|entry| entry.name == *name)
    }

    /// Every tracing header, all values in their order.
    pub(crate) fn scan<'a>(
        &'a self,
        headers: &'a HeaderMap,
    ) -> impl Iterator<Item = Found<'a>> + 'a {
        headers.iter().filter_map(|(name, value)| {
            self.entry(name).map(|entry| Found {
                role: entry.role,
                name: &entry.name,
                value,
                forward: entry.forward,
                built_in: entry.built_in,
            })
        })
    }

    /// Whether a name is one that the user added.
    pub(crate) fn is_added(&self, name: &HeaderName) -> bool {
        self.entry(name).is_some_and(|entry| !entry.built_in)
    }

    /// Which of the fixed names are there.
    pub(crate) fn roles(&self, headers: &HeaderMap) -> Roles {
        let mut roles = Roles::default();
        for name in headers.keys() {
            if let Some(entry) = self.entry(name) {
                roles.add(entry.role);
            }
        }
        roles
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_no_other() {
        let long = HeaderName::from_static("x-a-name-of-more-than-thirty-one-characters");
        let opaque: Vec<HeaderName> = OPAQUE
            .into_iter()
            .map(HeaderName::from_static)
            .chain([long.clone(), HeaderName::from_static("b3")])
            .collect();
        let opaque: Vec<_> = opaque.into_iter().map(|name| (name, true)).collect();
        let names = Names::new(&opaque);
        for entry in &names.entries {
            assert_eq!(names.entry(&entry.name).unwrap().role, entry.role);
        }
        assert_eq!(names.entry(&long).unwrap().role, Role::Opaque);
        assert_eq!(names.entry(&B3).unwrap().role, Role::B3);
        assert!(names.entry(&CLIENT_TRACE_ID).unwrap().forward);
        assert!(names.entry(&http::header::HOST).is_none());
        assert!(
            names
                .entry(&HeaderName::from_static("x-b3-traceie"))
                .is_none()
        );
        assert_eq!(names.entries.len(), 11 + 8 + 1);
    }
}
