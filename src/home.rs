//! What the spans of one tracer share, striped by thread.

use crate::{
    clock::{Clock, Moment},
    record::{Endpoint, Home, Record, SpanRecord},
    report::Reporter,
    stripe,
    user_code::guarded,
};
use crossbeam_queue::ArrayQueue;
use std::sync::{
    Arc,
    atomic::{
        AtomicBool,
        Ordering::{Relaxed, SeqCst},
    },
};

/// Emptied records that a stripe keeps for spans to come.
const MOST_SPARE: usize = 512;

/// What is the same on every stripe.
pub(crate) struct Shared {
    pub(crate) endpoint: Endpoint,
    pub(crate) max_tag_length: usize,
    pub(crate) clock: Clock,
    pub(crate) reporter: Box<dyn Reporter>,
    /// Whether the reporter has panicked.
    pub(crate) panicked: AtomicBool,
}

/// A thread's way to the reporter: handles on it are counted apart from those of other threads,
/// and emptied records come back to it.
struct Stripe {
    shared: Arc<Shared>,
    spare: ArrayQueue<Box<Record>>,
    closed: AtomicBool,
}

/// All stripes.
pub(crate) struct Homes {
    shared: Arc<Shared>,
    /// The same stripes, as what keeps them and as what spans keep of them.
    stripes: Vec<(Arc<Stripe>, Arc<dyn Home>)>,
}

impl Homes {
    pub(crate) fn new(shared: Shared) -> Homes {
        let shared = Arc::new(shared);
        let stripe = |_| {
            let stripe = Arc::new(Stripe {
                shared: Arc::clone(&shared),
                spare: ArrayQueue::new(MOST_SPARE),
                closed: AtomicBool::new(false),
            });
            (Arc::clone(&stripe), stripe as Arc<dyn Home>)
        };
        Homes {
            stripes: (0..stripe::count()).map(stripe).collect(),
            shared,
        }
    }

    /// The calling thread's.
    pub(crate) fn own(&self) -> &Arc<dyn Home> {
        &self.stripes[stripe::number() % self.stripes.len()].1
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Drop for Homes {
    /// Spare records hold on to their stripe: let go of them, or neither would ever be freed.
    fn drop(&mut self) {
        for (stripe, _) in &self.stripes {
            stripe.closed.store(true, SeqCst);
            while stripe.spare.pop().is_some() {}
        }
    }
}

impl Home for Stripe {
    fn endpoint(&self) -> &Endpoint {
        &self.shared.endpoint
    }

    fn max_tag_length(&self) -> usize {
        self.shared.max_tag_length
    }

    fn now(&self) -> Moment {
        self.shared.clock.now()
    }

    fn blank(&self) -> Box<Record> {
        match self.spare.pop() {
            Some(mut record) => {
                record.reset();
                record
            }
            None => Box::new(Record::with_room()),
        }
    }

    fn report(&self, span: SpanRecord) {
        // A reporter must not panic; if one does, the request goes on all the same.
        let reported = guarded(|| self.shared.reporter.report(span));
        if reported.is_none() && !self.shared.panicked.swap(true, Relaxed) {
            guarded(|| tracing::error!("the reporter panicked and lost a span; this is said once"));
        }
    }

    fn recycle(&self, record: Box<Record>) {
        // A full queue has enough of them.
        let _ = self.spare.push(record);
        if self.closed.load(SeqCst) {
            while self.spare.pop().is_some() {}
        }
    }
}
