//! `Scrapes`: how many answers to Prometheus are being sent.

use std::sync::{
    Arc,
    atomic::{
        AtomicUsize,
        Ordering::{AcqRel, Relaxed},
    },
};

/// Each holds what was counted when it began: some megabytes if there are as many series as there may be.
const MAX_OPEN: usize = 4;

/// The answers of which something is left to write.
#[derive(Default)]
pub(in crate::metrics) struct Scrapes {
    open: Arc<AtomicUsize>,
}

/// Room for one answer, until it is dropped.
pub(super) struct OpenScrape {
    open: Arc<AtomicUsize>,
}

impl Scrapes {
    /// `None` if there is no room for another answer.
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
