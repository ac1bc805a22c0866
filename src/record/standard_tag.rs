//! The standard tags by number, so that a buffer stores a byte instead of a name.
//!
//! The names of Envoy and OpenTelemetry, and the values, are in [`tags`](mod@crate::tags).

/// A standard tag. Its name depends on [`TagNames`](crate::tags::TagNames).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum StandardTag {
    Component,
    Method,
    Url,
    Route,
    Protocol,
    Status,
    UserAgent,
    RequestSize,
    ResponseSize,
    RequestId,
    ClientTraceId,
    PeerAddress,
    GrpcPath,
    GrpcAuthority,
    GrpcContentType,
    GrpcTimeout,
    GrpcStatus,
    GrpcMessage,
    ResponseFlags,
    Error,
    ErrorReason,
    Canceled,
    DroppedTrace,
    MalformedHeaders,
    // Must stay last: `COUNT` depends on it.
    LeftOut,
}

/// The name of each standard tag. A tag with an empty name is not recorded.
pub(crate) type StandardTagNames = [&'static str; StandardTag::COUNT];

impl StandardTag {
    pub(crate) const COUNT: usize = StandardTag::LeftOut as usize + 1;

    /// `names`, with these names in addition.
    pub(crate) const fn names<const N: usize>(
        mut names: StandardTagNames,
        pairs: [(StandardTag, &'static str); N],
    ) -> StandardTagNames {
        let mut at = 0;
        while at < N {
            names[pairs[at].0 as usize] = pairs[at].1;
            at += 1;
        }
        names
    }
}

/// [`COMMON_NAMES`] at an address, for buffers that no tracer made.
pub(super) static COMMON: StandardTagNames = COMMON_NAMES;

/// The names that do not depend on the convention.
pub(crate) const COMMON_NAMES: StandardTagNames = StandardTag::names(
    [""; StandardTag::COUNT],
    [
        (StandardTag::ResponseFlags, "response_flags"),
        (StandardTag::Error, "error"),
        (StandardTag::ErrorReason, "error.reason"),
        (StandardTag::Canceled, "canceled"),
        (StandardTag::DroppedTrace, "link.trace_id"),
        (StandardTag::MalformedHeaders, "malformed_headers"),
        (StandardTag::LeftOut, "left_out"),
    ],
);
