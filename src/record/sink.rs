//! `SpanSink`: where the finished spans of a tracer go, and where their buffers come back.
//!
//! The tracer owns the sinks, and an open span holds one. Queues of reporters are not here.

use super::{Endpoint, Reporter, SpanRecord, buffer::SpanBuffer, standard_tag::StandardTagNames};
use crate::{
    clock::{Clock, Moment},
    shard,
    user_code::guarded,
};
use crossbeam_queue::ArrayQueue;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// The number of empty buffers that a sink keeps for later spans.
const MAX_SPARE_BUFFERS: usize = 512;

/// What the spans of one tracer have in common.
pub(crate) struct SpanSettings {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) names: &'static StandardTagNames,
    pub(crate) max_tag_length: usize,
    pub(crate) clock: Clock,
    pub(crate) reporter: Box<dyn Reporter>,
    /// Whether the reporter has panicked.
    pub(crate) reporter_panicked: AtomicBool,
}

/// Reports the spans of some threads. Each shard of threads has its own, so that cloning the `Arc` and
/// taking spare buffers do not contend with other threads.
pub(crate) struct SpanSink {
    settings: Arc<SpanSettings>,
    spare_buffers: ArrayQueue<Box<SpanBuffer>>,
}

impl SpanSink {
    pub(crate) fn settings(&self) -> &SpanSettings {
        &self.settings
    }

    #[inline]
    pub(crate) fn now(&self) -> Moment {
        self.settings.clock.now()
    }

    /// Passes a finished span to the reporter. Leaves a record to be reset and reused in its place, and
    /// returns the sink.
    ///
    /// If the reporter copies the span, the sink comes back by the same reference, so that a span
    /// costs no atomic operation on its count. `None` cannot happen while the record has a sink.
    pub(crate) fn report(self: Arc<SpanSink>, span: &mut SpanRecord) -> Option<Arc<SpanSink>> {
        span.record_mut().sink = Some(self);
        let sink = span.sink()?;
        let taken = guarded(|| sink.settings.reporter.report_ref(span));
        if taken.is_none() {
            sink.note_panic();
        }
        if taken != Some(false) {
            return span.record_mut().sink.take();
        }
        let sink = Arc::clone(sink);
        let owned = std::mem::replace(span, SpanRecord::new(sink.empty_buffer()));
        if guarded(|| sink.settings.reporter.report(owned)).is_none() {
            sink.note_panic();
        }
        Some(sink)
    }

    /// Logs once that the reporter panicked. Its span is lost, and the request goes on.
    fn note_panic(&self) {
        if !self.settings.reporter_panicked.swap(true, Relaxed) {
            guarded(|| {
                tracing::error!("the reporter panicked and lost a span; this is logged once")
            });
        }
    }

    fn empty_buffer(&self) -> Box<SpanBuffer> {
        let spare = self.spare_buffers.pop();
        spare.unwrap_or_else(|| Box::new(SpanBuffer::with_room()))
    }

    /// Takes back the buffer of a dropped record.
    pub(super) fn recycle(&self, mut buffer: Box<SpanBuffer>) {
        buffer.reset();
        // If the queue is full, there are enough spare buffers.
        let _ = self.spare_buffers.push(buffer);
    }
}

/// The sinks of one tracer, one for each shard of threads.
pub(crate) struct SpanSinks {
    settings: Arc<SpanSettings>,
    sinks: Vec<Arc<SpanSink>>,
}

impl SpanSinks {
    pub(crate) fn new(settings: SpanSettings) -> SpanSinks {
        let settings = Arc::new(settings);
        let sink = |_| {
            Arc::new(SpanSink {
                settings: Arc::clone(&settings),
                spare_buffers: ArrayQueue::new(MAX_SPARE_BUFFERS),
            })
        };
        SpanSinks {
            sinks: (0..shard::count()).map(sink).collect(),
            settings,
        }
    }

    /// The sink of the calling thread.
    pub(crate) fn for_current_thread(&self) -> &Arc<SpanSink> {
        &self.sinks[shard::current()]
    }

    pub(crate) fn settings(&self) -> &SpanSettings {
        &self.settings
    }
}
