//! The thread that writes the lines of a queue.

use super::{
    error::AccessLogError,
    outage_log::OutageLog,
    queue::{Lines, Queue},
    stats::Totals,
};
use crate::user_code::catch;
use std::{io::Write, sync::Arc, thread, time::Duration};

/// While lines arrive, they are written this often, and earlier if there are many.
const PERIOD: Duration = Duration::from_millis(100);
/// How long the drop of the last handle may take.
const DROP_TIMEOUT: Duration = Duration::from_secs(1);

/// A queue with the thread that writes its lines. When it is dropped, what is left is written, for a
/// second at most.
pub(super) struct Writer {
    queue: Arc<Queue>,
    name: String,
}

impl Writer {
    pub(super) fn start(
        name: String,
        output: Box<dyn Write + Send>,
        max_queued_bytes: usize,
        totals: &Arc<Totals>,
    ) -> Result<Writer, AccessLogError> {
        let queue = Arc::new(Queue::new(max_queued_bytes, Arc::clone(totals)));
        let mut writing = Writing {
            queue: Arc::clone(&queue),
            output,
            outage: OutageLog::new(&name),
        };
        let thread = thread::Builder::new()
            .name("tower-b3-access".to_owned())
            .spawn(move || writing.run())
            .map_err(AccessLogError::Thread)?;
        queue.set_writer(thread.thread().clone());
        Ok(Writer { queue, name })
    }

    pub(super) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.queue.end(DROP_TIMEOUT) {
            let (lines, name) = (self.queue.queued(), &self.name);
            tracing::warn!(
                "access log to {name}: {lines} lines are lost or late, because writing blocks"
            );
        }
    }
}

/// What the thread owns.
struct Writing {
    queue: Arc<Queue>,
    output: Box<dyn Write + Send>,
    outage: OutageLog,
}

impl Writing {
    fn run(&mut self) {
        let queue = Arc::clone(&self.queue);
        let mut lines = Lines::empty();
        loop {
            let (flush, ending) = queue.asked();
            if ending {
                queue.close();
            }
            let mut any = false;
            queue.drain(&mut lines, |lines| {
                any = true;
                self.write(lines);
            });
            let in_outage = self.outage.look(queue.dropped(), any, ending);
            queue.note_done(flush);
            if ending {
                queue.note_ended();
                return;
            }
            if any || in_outage {
                thread::park_timeout(PERIOD);
            } else if queue.become_idle() && queue.asked() == (flush, false) {
                thread::park();
            }
        }
    }

    fn write(&mut self, lines: &Lines) {
        let output = &mut self.output;
        let written = catch(|| output.write_all(&lines.bytes).and_then(|()| output.flush()));
        let error = match written {
            Ok(Ok(())) => return self.queue.count_written(lines.count),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => format!("the writer panicked: {panic}"),
        };
        self.queue.count_failed(lines.count);
        self.outage.failed(lines.count, &error);
    }
}
