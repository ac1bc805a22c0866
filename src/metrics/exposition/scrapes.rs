//! `Scrapes`: limits the responses to Prometheus that are sent at once.

use std::sync::{
    Arc,
    atomic::{
        AtomicUsize,
        Ordering::{AcqRel, Relaxed},
    },
};

/// Each holds a snapshot of the counts: some megabytes at the maximum of series.
const MAX_OPEN: usize = 4;

/// The responses that are not completely written.
#[derive(Default)]
pub(in crate::metrics) struct Scrapes {
    open: Arc<AtomicUsize>,
}

/// A permit for one response, until it is dropped.
pub(super) struct OpenScrape {
    open: Arc<AtomicUsize>,
}

impl Scrapes {
    /// `None` if the limit is reached.
    pub(super) fn open(&self) -> Option<OpenScrape> {
        let more = |open: usize| (open < MAX_OPEN).then_some(open + 1);
        self.open.fetch_update(AcqRel, Relaxed, more).ok()?;
        Some(OpenScrape {
            open: Arc::clone(&self.open),
        })
    }
}

impl Drop for OpenScrape {
    fn drop(&mut self) {
        self.open.fetch_sub(1, AcqRel);
    }
}
