//! The type [`SpanBuffer`]. What can be done with it is in the other files of this module.

use super::parts::{BufferedTag, SpanFields, TextRange, Window};
use crate::record::{Endpoint, SpanSink};
use std::{fmt, sync::Arc};

/// The longest name of a span, a tag or a remote service, in bytes. Names can come from a stranger's
/// request.
pub(crate) const MAX_NAME_BYTES: usize = 256;

/// The recorded data of one span, or of several spans of which one is visible.
pub(crate) struct SpanBuffer {
    pub(crate) fields: SpanFields,
    pub(super) tags: Vec<BufferedTag>,
    pub(super) annotations: Vec<(u64, TextRange)>,
    pub(super) text: String,
    /// The visible span; `None` if the buffers hold one span only.
    pub(in crate::record) window: Option<Window>,
    /// The longest value of a tag, in bytes.
    pub(super) max_tag_length: usize,
    /// Whether names and numbers of tags are limited. They are for a recorded span, and are not for
    /// one built by hand.
    pub(super) limited: bool,
    /// The length of the text at which replaced parts are removed.
    pub(super) compact_at: usize,
    pub(in crate::record) local_endpoint: Option<Arc<Endpoint>>,
    /// Where the span is reported and the buffer returned; `None` if no tracer made it.
    pub(in crate::record) sink: Option<Arc<SpanSink>>,
}

impl Default for SpanBuffer {
    fn default() -> Self {
        SpanBuffer {
            fields: SpanFields::default(),
            tags: Vec::new(),
            annotations: Vec::new(),
            text: String::new(),
            window: None,
            max_tag_length: usize::MAX,
            limited: false,
            compact_at: 0,
            local_endpoint: None,
            sink: None,
        }
    }
}

impl Clone for SpanBuffer {
    /// Copies the visible span.
    fn clone(&self) -> Self {
        SpanBuffer {
            fields: self.fields,
            tags: self.tags().to_vec(),
            annotations: self.annotations().to_vec(),
            text: self.text().to_owned(),
            window: None,
            max_tag_length: self.max_tag_length,
            limited: self.limited,
            compact_at: self.compact_at,
            local_endpoint: self.local_endpoint.clone(),
            sink: self.sink.clone(),
        }
    }
}

impl fmt::Debug for SpanBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanBuffer")
            .field("context", &self.fields.context)
            .finish_non_exhaustive()
    }
}
