//! What a [`SpanBuffer`](super::SpanBuffer) consists of: its fields of a fixed size, and the tags
//! that refer to its text.

use crate::{
    context::TraceContext,
    record::{
        Kind,
        standard_tag::{COMMON, StandardTag, StandardTagNames},
    },
};
use std::{net::IpAddr, ops::Range};

/// Who set a tag. Among tags with the same name, the highest rank wins. Within a rank, the first
/// custom tag wins, and the last standard tag or handler's tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TagRank {
    Standard,
    Custom,
    Handler,
}

/// A range of the buffer's text, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::record) struct TextRange {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl TextRange {
    /// Stores a number in the bits of a range. A tag has either a text or a number, and a field for
    /// each would make all tags larger.
    pub(super) fn from_number(number: u64) -> TextRange {
        TextRange {
            start: (number >> 32) as u32,
            end: number as u32,
        }
    }

    pub(super) fn to_number(self) -> u64 {
        u64::from(self.start) << 32 | u64::from(self.end)
    }

    /// The range extended by `length` bytes at its start.
    pub(super) fn with_prefix(self, length: u32) -> TextRange {
        TextRange {
            start: self.start.saturating_sub(length),
            ..self
        }
    }

    /// The range moved by `offset` bytes.
    pub(super) fn moved(self, offset: u32) -> TextRange {
        TextRange {
            start: self.start.saturating_add(offset),
            end: self.end.saturating_add(offset),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum TagName {
    Standard(StandardTag),
    /// The name is in the text, directly before the value, and has this many bytes.
    InText(u32),
}

/// Where the value of a tag is.
#[derive(Debug, Clone, Copy)]
pub(super) enum ValueSource {
    Text,
    /// The tag's range is a [number](TextRange::to_number).
    Number,
    /// The IP address of the remote endpoint.
    RemoteAddress,
}

#[derive(Debug, Clone, Copy)]
pub(in crate::record) struct BufferedTag {
    pub(super) name: TagName,
    pub(super) source: ValueSource,
    pub(super) rank: TagRank,
    pub(super) range: TextRange,
}

/// What the name of the remote service was taken from, from the worst source to the best.
#[cfg(feature = "tracing-layer")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum RemoteNameSource {
    #[default]
    None,
    /// An IP address.
    Address,
    /// The kind of database or broker.
    System,
    /// The host's name.
    Host,
    /// Code that names the service.
    Name,
}

/// The parts of a span that have a fixed size.
#[derive(Clone, Copy)]
pub(crate) struct SpanFields {
    pub(crate) context: Option<TraceContext>,
    pub(crate) kind: Option<Kind>,
    pub(crate) shared: bool,
    pub(crate) local_root: bool,
    /// Whether a header forced the trace.
    pub(crate) forced: bool,
    /// Whether the caller had sampled the trace.
    pub(crate) sampled_by_caller: bool,
    /// Whether two tags may have the same name. If not, reading the tags skips the comparison of
    /// names.
    pub(crate) may_repeat_names: bool,
    pub(super) has_error_tag: bool,
    /// How many tags and annotations were left out because there were too many.
    pub(super) left_out: u64,
    pub(in crate::record) timestamp: u64,
    pub(in crate::record) duration: u64,
    pub(in crate::record) name: TextRange,
    pub(super) remote_service: TextRange,
    #[cfg(feature = "tracing-layer")]
    pub(crate) remote_name_source: RemoteNameSource,
    pub(crate) remote_ip: Option<IpAddr>,
    pub(crate) remote_port: Option<u16>,
    pub(super) standard_names: &'static StandardTagNames,
}

impl Default for SpanFields {
    fn default() -> Self {
        SpanFields {
            context: None,
            kind: None,
            shared: false,
            local_root: false,
            forced: false,
            sampled_by_caller: false,
            may_repeat_names: false,
            has_error_tag: false,
            left_out: 0,
            timestamp: 0,
            duration: 0,
            name: TextRange::default(),
            remote_service: TextRange::default(),
            #[cfg(feature = "tracing-layer")]
            remote_name_source: RemoteNameSource::default(),
            remote_ip: None,
            remote_port: None,
            standard_names: &COMMON,
        }
    }
}

/// The parts of the buffers that belong to one span of several.
#[derive(Debug, Clone)]
pub(in crate::record) struct Window {
    pub(in crate::record) text: Range<usize>,
    pub(in crate::record) tags: Range<usize>,
    pub(in crate::record) annotations: Range<usize>,
}
