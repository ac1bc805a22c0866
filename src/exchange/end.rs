use crate::{record::SpanBuffer, span::Side, tag};

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End<'a> {
    /// Nothing of the response is outstanding.
    Complete,
    /// The head of an upgrade: what follows is not part of the exchange.
    Upgraded,
    /// The service, its future or the response's body failed: the error's text.
    Error(&'a str),
    /// The service, its future or the response's body panicked.
    Panicked,
    /// The future was dropped before the response's head.
    Cancelled,
    /// The response's body was dropped before its end.
    BodyDropped,
}

impl End<'_> {
    /// The tags that say how the exchange ended.
    pub(super) fn tag(self, record: &mut SpanBuffer, side: Side) {
        match (self, side) {
            (End::Complete | End::Upgraded, _) => {}
            (End::Error(reason), _) => tag::failed(record, reason),
            (End::Panicked, _) => tag::failed(record, "panic"),
            (End::Cancelled, Side::Server) => {
                record.mark_failed();
                tag::disconnected(record);
            }
            (End::Cancelled, Side::Client) => tag::canceled(record),
            (End::BodyDropped, Side::Server) => tag::disconnected(record),
            // There was a response; its rest was not wanted.
            (End::BodyDropped, Side::Client) => {}
        }
    }
}
