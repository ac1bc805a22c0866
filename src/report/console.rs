use super::{Reporter, TraceTree};
use crate::{id::TraceId, record::SpanRecord};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    io::{self, IsTerminal, Write},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Prints each trace, when this process's part of it has finished, as an indented [`TraceTree`].
///
/// For development: it writes on the request's thread. Spans that finish after their trace was
/// printed, of spawned work say, are printed when they are five seconds old, or on
/// [`flush`](Reporter::flush). It holds at most 10,000 spans; when there are more, the oldest
/// trace is printed as far as it has come.
pub struct ConsoleReporter {
    state: Mutex<State>,
}

struct State {
    to: Box<dyn Write + Send>,
    colored: bool,
    waiting: HashMap<TraceId, Waiting>,
    /// The traces that wait, by when they began to.
    order: BTreeMap<u64, TraceId>,
    next: u64,
    spans: usize,
}

struct Waiting {
    place: u64,
    since: Instant,
    spans: Vec<SpanRecord>,
}

const MOST_SPANS: usize = 10_000;
const MOST_AGE: Duration = Duration::from_secs(5);

impl ConsoleReporter {
    /// Prints to standard error, coloured if that is a terminal.
    pub fn stderr() -> ConsoleReporter {
        ConsoleReporter::new(io::stderr(), io::stderr().is_terminal())
    }

    /// Prints to standard output, coloured if that is a terminal.
    pub fn stdout() -> ConsoleReporter {
        ConsoleReporter::new(io::stdout(), io::stdout().is_terminal())
    }

    /// Prints to a writer of your own.
    pub fn new(to: impl Write + Send + 'static, colored: bool) -> ConsoleReporter {
        ConsoleReporter {
            state: Mutex::new(State {
                to: Box::new(to),
                colored,
                waiting: HashMap::new(),
                order: BTreeMap::new(),
                next: 0,
                spans: 0,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn oldest(&self) -> Option<TraceId> {
        self.order.values().next().copied()
    }

    fn print(&mut self, trace: TraceId) {
        if let Some(waiting) = self.waiting.remove(&trace) {
            self.order.remove(&waiting.place);
            self.spans -= waiting.spans.len();
            let tree = TraceTree::new(&waiting.spans).colored(self.colored);
            // In one piece, so that log lines come before it or behind it. There is nowhere to say
            // that a console is gone.
            let written = self.to.write_all(tree.to_string().as_bytes());
            let _ = written.and_then(|()| self.to.flush());
        }
    }
}

impl Reporter for ConsoleReporter {
    fn report(&self, span: SpanRecord) {
        let mut guard = self.state();
        let state = &mut *guard;
        let (trace, done) = (span.trace_id(), span.is_local_root());
        let waiting = state.waiting.entry(trace).or_insert_with(|| {
            state.next += 1;
            state.order.insert(state.next, trace);
            Waiting {
                place: state.next,
                since: Instant::now(),
                spans: Vec::new(),
            }
        });
        waiting.spans.push(span);
        state.spans += 1;
        if done {
            state.print(trace);
        }
        while let Some(oldest) = state.oldest() {
            let age = state.waiting[&oldest].since.elapsed();
            if state.spans <= MOST_SPANS && age <= MOST_AGE {
                break;
            }
            state.print(oldest);
        }
    }

    fn flush(&self, _deadline: Duration) -> bool {
        let mut state = self.state();
        while let Some(oldest) = state.oldest() {
            state.print(oldest);
        }
        true
    }
}

impl Drop for ConsoleReporter {
    fn drop(&mut self) {
        self.flush(Duration::ZERO);
    }
}

impl fmt::Debug for ConsoleReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleReporter").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Sampling, TraceContext};
    use std::sync::{Arc, mpsc};

    struct Lines(mpsc::Sender<String>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn span(context: TraceContext, local_root: bool) -> SpanRecord {
        SpanRecord::builder(context).local_root(local_root).build()
    }

    #[test]
    fn prints_when_the_root_is_done_and_what_is_late_on_flush() {
        let (sender, printed) = mpsc::channel();
        let text = || printed.try_iter().collect::<String>();
        let console = Arc::new(ConsoleReporter::new(Lines(sender), false));
        let root = TraceContext::root(Sampling::Accept);
        console.report(span(root.child(), false));
        assert_eq!(text(), "");
        console.report(span(root, true));
        assert_eq!(text().lines().count(), 3);
        console.report(span(root.child(), false));
        assert_eq!(text(), "");
        console.flush(Duration::ZERO);
        assert_eq!(text().lines().count(), 2);
    }

    #[test]
    fn what_waits_is_bounded() {
        let console = ConsoleReporter::new(io::sink(), false);
        for _ in 0..2 * MOST_SPANS {
            console.report(span(TraceContext::root(Sampling::Accept), false));
        }
        let state = console.state();
        assert_eq!(state.spans, MOST_SPANS);
        assert_eq!(state.waiting.len(), MOST_SPANS);
    }
}
