//! Where the finished spans of a tracer go.

use super::{Endpoint, Reporter, SpanRecord, buffer::Record, standard_tag::StandardNames};
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

/// Emptied records that a sink keeps for spans to come.
const MAX_SPARE: usize = 512;

/// What the spans of one tracer have in common.
pub(crate) struct SpanSettings {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) names: &'static StandardNames,
    pub(crate) max_tag_length: usize,
    pub(crate) clock: Clock,
    pub(crate) reporter: Box<dyn Reporter>,
    /// Whether the reporter has panicked.
    pub(crate) reporter_panicked: AtomicBool,
}

/// A thread's way to the reporter. Handles on it are counted apart from those of other threads,
/// and emptied records of a reporter that takes them come back to it.
pub(crate) struct SpanSink {
    settings: Arc<SpanSettings>,
    spare: ArrayQueue<Box<Record>>,
}

impl SpanSink {
    pub(crate) fn settings(&self) -> &SpanSettings {
        &self.settings
    }

    pub(crate) fn now(&self) -> Moment {
        self.settings.clock.now()
    }

    /// Hands a finished span to the reporter, and leaves an empty record in its place. Gives the
    /// sink back.
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
        let owned = std::mem::replace(span, SpanRecord::new(sink.blank()));
        if guarded(|| sink.settings.reporter.report(owned)).is_none() {
            sink.note_panic();
        }
        Some(sink)
    }

    /// A reporter must not panic; where one does, its span is lost and the request goes on.
    fn note_panic(&self) {
        if !self.settings.reporter_panicked.swap(true, Relaxed) {
            guarded(|| tracing::error!("the reporter panicked and lost a span; this is said once"));
        }
    }

    fn blank(&self) -> Box<Record> {
        let spare = self.spare.pop();
        spare.unwrap_or_else(|| Box::new(Record::with_room()))
    }

    /// Takes back a record.
    pub(super) fn recycle(&self, mut record: Box<Record>) {
        record.reset();
        // A full queue has enough of them.
        let _ = self.spare.push(record);
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
                spare: ArrayQueue::new(MAX_SPARE),
            })
        };
        SpanSinks {
            sinks: (0..shard::count()).map(sink).collect(),
            settings,
        }
    }

    /// The calling thread's.
    pub(crate) fn own(&self) -> &Arc<SpanSink> {
        &self.sinks[shard::thread_number() % self.sinks.len()]
    }

    pub(crate) fn settings(&self) -> &SpanSettings {
        &self.settings
    }
}
