/// A standard tag. Its name depends on [`TagNames`](crate::tag::TagNames).
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
    LeftOut,
}

/// The name of each standard tag. One whose name is empty is not written.
pub(crate) type StandardNames = [&'static str; StandardTag::COUNT];

impl StandardTag {
    pub(crate) const COUNT: usize = StandardTag::LeftOut as usize + 1;

    /// The names of these tags; the others have none.
    pub(crate) const fn names<const N: usize>(
        mut names: StandardNames,
        pairs: [(StandardTag, &'static str); N],
    ) -> StandardNames {
        let mut at = 0;
        while at < N {
            names[pairs[at].0 as usize] = pairs[at].1;
            at += 1;
        }
        names
    }
}

/// The names that are the same in every set.
pub(crate) static COMMON: StandardNames = COMMON_NAMES;

pub(crate) const COMMON_NAMES: StandardNames = StandardTag::names(
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
