//! What the thread that writes logs about lines that are lost: a warning when an outage begins, and how
//! many there were when it ends.

use crate::{printable::message, user_code::guarded};
use std::time::Instant;

pub(super) struct OutageLog {
    name: String,
    outage: Option<Outage>,
    /// Lines that the queue has dropped so far.
    dropped: u64,
    /// Whether a write has failed since the last look.
    failed: bool,
}

struct Outage {
    since: Instant,
    failed: u64,
    dropped_before: u64,
}

impl OutageLog {
    pub(super) fn new(name: &str) -> OutageLog {
        OutageLog {
            name: name.to_owned(),
            outage: None,
            dropped: 0,
            failed: false,
        }
    }

    /// These lines could not be written.
    pub(super) fn failed(&mut self, lines: u64, error: &str) {
        self.failed = true;
        self.begin(error).failed += lines;
    }

    /// Called when the queue has been drained. `any` says whether it had lines. Returns whether an outage
    /// lasts.
    pub(super) fn look(&mut self, dropped: u64, any: bool, ending: bool) -> bool {
        let failed = std::mem::take(&mut self.failed);
        let dropping = dropped > self.dropped;
        if dropping {
            self.begin("the queue was full");
        }
        self.dropped = dropped;
        // Without lines, nothing shows that writing succeeds again. A queue that only was full has room now.
        let waits = |outage: &Outage| outage.failed > 0 && !any;
        let lasts = |outage: &Outage| failed || dropping || waits(outage);
        if let Some(outage) = self.outage.take_if(|outage| ending || !lasts(outage)) {
            let Outage { failed, since, .. } = outage;
            let dropped = dropped - outage.dropped_before;
            let (name, seconds) = (&self.name, since.elapsed().as_secs_f64());
            let end = match ending {
                true => "the log has ended",
                false => "lines are written again",
            };
            // A subscriber is user code too, and the thread must go on.
            guarded(|| {
                tracing::warn!(
                    "access log to {name}: {end}; {failed} lines could not be written, and {dropped} were dropped, within {seconds:.1} s"
                );
            });
        }
        self.outage
            .as_ref()
            .is_some_and(|outage| outage.failed == 0)
    }

    fn begin(&mut self, error: &str) -> &mut Outage {
        let (name, dropped_before) = (&self.name, self.dropped);
        self.outage.get_or_insert_with(|| {
            let error = message(error);
            guarded(|| {
                tracing::warn!(
                    "access log to {name}: {error}; lines are lost, and counted, until writing succeeds"
                );
            });
            Outage {
                since: Instant::now(),
                failed: 0,
                dropped_before,
            }
        })
    }
}
