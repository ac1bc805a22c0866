//! `ForwardedName`: the name of a header that is forwarded.

use super::{names::OPAQUE, tracing_header::TracingHeader};
use http::HeaderName;
use std::{ops::Deref, sync::LazyLock};

/// The name of a forwarded header. It is a reference to a constant for the headers of tracing systems:
/// cloning and dropping it costs nothing, while a [`HeaderName`] calls a function for each.
#[derive(Debug, Clone)]
pub(crate) enum ForwardedName {
    BuiltIn(&'static HeaderName),
    /// Added by the user.
    Added(HeaderName),
}

impl ForwardedName {
    pub(super) fn of(header: TracingHeader) -> ForwardedName {
        ForwardedName::BuiltIn(header.name())
    }

    pub(super) fn new(name: HeaderName) -> ForwardedName {
        static OPAQUE_NAMES: LazyLock<[HeaderName; OPAQUE.len()]> =
            LazyLock::new(|| OPAQUE.map(HeaderName::from_static));
        let tracing = TracingHeader::all().iter().map(|(name, _)| name);
        let mut built_in = tracing.chain(&*OPAQUE_NAMES);
        match built_in.find(|other| **other == name) {
            Some(built_in) => ForwardedName::BuiltIn(built_in),
            None => ForwardedName::Added(name),
        }
    }

    pub(super) fn is_built_in(&self) -> bool {
        matches!(self, ForwardedName::BuiltIn(_))
    }
}

impl Deref for ForwardedName {
    type Target = HeaderName;

    fn deref(&self) -> &HeaderName {
        match self {
            ForwardedName::BuiltIn(name) => name,
            ForwardedName::Added(name) => name,
        }
    }
}
