use super::{Reporter, TraceTree};
use crate::{id::TraceId, record::SpanRecord};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    io::{self, IsTerminal, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

/// Prints each trace, when this process's part of it has finished, as an indented [`TraceTree`].
///
/// For development: it writes on the request's thread. Spans that finish after their trace was
/// printed, of spawned work say, are printed when they are five seconds old, or on
/// [`flush`](Reporter::flush). At most 10,000 spans wait so; when there are more, the oldest
/// trace is printed as far as it has come.
///
/// One thread prints at a time. What others finish meanwhile it prints too, so that nobody waits
/// for the writer, and a writer may wait for other threads. Spans are left out that the writer makes
/// itself while it is called, since to print them would make more, and those that finish while
/// 10,000 are ready to be printed: a line before the next trace says how many.
///
/// Clones print to the same writer. The default is [`stderr`](Self::stderr).
#[derive(Clone)]
pub struct ConsoleReporter(Arc<Console>);

struct Console {
    colored: bool,
    state: Mutex<State>,
    /// Notified when a turn to print has ended.
    printed: Condvar,
}

struct State {
    /// Taken out by the thread that prints.
    to: Option<Box<dyn Write + Send>>,
    /// Whose turn it is to print.
    printing: Option<ThreadId>,
    waiting: HashMap<TraceId, Waiting>,
    /// The traces that wait, by when they began to.
    order: BTreeMap<u64, TraceId>,
    next: u64,
    /// How many spans wait.
    spans: usize,
    /// Traces that are to be printed now, and how many spans they have.
    ready: VecDeque<Vec<SpanRecord>>,
    ready_spans: usize,
    left_out: u64,
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
        ConsoleReporter(Arc::new(Console {
            colored,
            state: Mutex::new(State {
                to: Some(Box::new(to)),
                printing: None,
                waiting: HashMap::new(),
                order: BTreeMap::new(),
                next: 0,
                spans: 0,
                ready: VecDeque::new(),
                ready_spans: 0,
                left_out: 0,
            }),
            printed: Condvar::new(),
        }))
    }
}

impl Console {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints what is ready, unless another thread does, or this one already.
    fn print(&self) {
        let Some(mut turn) = Turn::take(self) else {
            return;
        };
        while let Some((spans, left_out)) = turn.next() {
            let tree = TraceTree::new(&spans).colored(self.colored);
            let text = match left_out {
                0 => tree.to_string(),
                left_out => format!("spans left out: {left_out}\n{tree}"),
            };
            // In one piece, so that log lines come before it or behind it. There is nowhere to say
            // that a console is gone.
            let written = turn.to.write_all(text.as_bytes());
            let _ = written.and_then(|()| turn.to.flush());
        }
    }

    fn flush(&self, deadline: Duration) -> bool {
        let mut state = self.state();
        while let Some(oldest) = state.oldest() {
            state.finish(oldest);
        }
        drop(state);
        self.print();
        let state = self.state();
        if state.is_own_turn() {
            return false;
        }
        let others = |state: &mut State| state.printing.is_some();
        let waited = self.printed.wait_timeout_while(state, deadline, others);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.printing.is_none()
    }
}

/// A thread's turn to print. Ends with the last trace that is ready, or in a panic of the writer.
struct Turn<'a> {
    console: &'a Console,
    to: Box<dyn Write + Send>,
    ended: bool,
}

impl<'a> Turn<'a> {
    fn take(console: &'a Console) -> Option<Turn<'a>> {
        let mut state = console.state();
        let to = state.to.take()?;
        state.printing = Some(thread::current().id());
        drop(state);
        Some(Turn {
            console,
            to,
            ended: false,
        })
    }

    /// The next trace, and how many spans were left out before it.
    fn next(&mut self) -> Option<(Vec<SpanRecord>, u64)> {
        let mut state = self.console.state();
        let Some(spans) = state.ready.pop_front() else {
            self.end(&mut state);
            return None;
        };
        state.ready_spans -= spans.len();
        Some((spans, std::mem::take(&mut state.left_out)))
    }

    fn end(&mut self, state: &mut State) {
        self.ended = true;
        state.printing = None;
        state.to = Some(std::mem::replace(&mut self.to, Box::new(io::sink())));
        self.console.printed.notify_all();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let console = self.console;
            self.end(&mut console.state());
        }
    }
}

impl State {
    fn oldest(&self) -> Option<TraceId> {
        self.order.values().next().copied()
    }

    /// Whether the calling thread prints: then it is its writer that calls.
    fn is_own_turn(&self) -> bool {
        self.printing == Some(thread::current().id())
    }

    /// Adds a span; gives it back if it is left out.
    fn add(&mut self, span: SpanRecord) -> Result<(), SpanRecord> {
        if self.is_own_turn() || self.ready_spans >= MOST_SPANS {
            self.left_out += 1;
            return Err(span);
        }
        let (trace, done) = (span.trace_id(), span.is_local_root());
        let waiting = self.waiting.entry(trace).or_insert_with(|| {
            self.next += 1;
            self.order.insert(self.next, trace);
            Waiting {
                place: self.next,
                since: Instant::now(),
                spans: Vec::new(),
            }
        });
        waiting.spans.push(span);
        self.spans += 1;
        if done {
            self.finish(trace);
        }
        while let Some(oldest) = self.oldest() {
            let age = self.waiting[&oldest].since.elapsed();
            if self.spans <= MOST_SPANS && age <= MOST_AGE {
                break;
            }
            self.finish(oldest);
        }
        Ok(())
    }

    /// The trace is to be printed now.
    fn finish(&mut self, trace: TraceId) {
        if let Some(waiting) = self.waiting.remove(&trace) {
            self.order.remove(&waiting.place);
            self.spans -= waiting.spans.len();
            self.ready_spans += waiting.spans.len();
            self.ready.push_back(waiting.spans);
        }
    }
}

impl Default for ConsoleReporter {
    fn default() -> ConsoleReporter {
        ConsoleReporter::stderr()
    }
}

impl Reporter for ConsoleReporter {
    fn report(&self, span: SpanRecord) {
        let mut state = self.0.state();
        let left_out = state.add(span);
        let ready = !state.ready.is_empty();
        // A span may be the last to hold its tracer: it must not be dropped under the lock.
        drop(state);
        drop(left_out);
        if ready {
            self.0.print();
        }
    }

    /// Prints what waits. Returns `false` if another thread still prints at the deadline, or at once
    /// if the writer calls it.
    fn flush(&self, deadline: Duration) -> bool {
        self.0.flush(deadline)
    }
}

impl Drop for Console {
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
    use crate::{
        Tracer,
        context::{Sampling, TraceContext},
    };
    use std::sync::{OnceLock, mpsc};

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
        let state = console.0.state();
        assert_eq!(state.spans, MOST_SPANS);
        assert_eq!(state.waiting.len(), MOST_SPANS);
    }

    /// Calls this whenever it is written to.
    struct Calls<F>(F);

    impl<F: FnMut(&str) + Send> Write for Calls<F> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            (self.0)(&String::from_utf8_lossy(bytes));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            (self.0)("flush");
            Ok(())
        }
    }

    /// A console and its tracer, which the writer has too.
    fn traced_writer(
        mut write: impl FnMut(&Tracer, &str) + Send + 'static,
    ) -> (ConsoleReporter, Tracer) {
        let own = Arc::new(OnceLock::<Tracer>::new());
        let writers = Arc::clone(&own);
        let console = ConsoleReporter::new(
            Calls(move |text: &str| write(writers.get().unwrap(), text)),
            false,
        );
        let tracer = Tracer::builder("shop").reporter(console.clone());
        let tracer = tracer.build().unwrap();
        assert!(own.set(tracer.clone()).is_ok());
        (console, tracer)
    }

    #[test]
    fn spans_of_the_writer_are_left_out_and_counted() {
        let (sender, printed) = mpsc::channel();
        let (console, tracer) = traced_writer(move |tracer, text| {
            let _ = sender.send(text.to_owned());
            drop(tracer.span("written"));
            assert!(!tracer.flush(Duration::MAX));
        });
        drop(tracer.span("first"));
        drop(tracer.span("second"));
        assert!(console.flush(Duration::ZERO));
        let texts: Vec<String> = printed.try_iter().filter(|text| text != "flush").collect();
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[0].starts_with("trace ") && texts[0].contains("first"));
        // One when the first was written, one when it was flushed.
        assert!(
            texts[1].starts_with("spans left out: 2\ntrace "),
            "{texts:?}"
        );
        assert!(texts[1].contains("second"));
    }

    #[test]
    fn a_writer_may_wait_for_another_thread_that_makes_spans() {
        let (sender, printed) = mpsc::channel();
        let (_console, tracer) = traced_writer(move |tracer, text| {
            let _ = sender.send(text.to_owned());
            if text.contains("first") {
                thread::scope(|scope| {
                    scope.spawn(|| drop(tracer.span("second")));
                });
            }
        });
        drop(tracer.span("first"));
        let text: String = printed.try_iter().collect();
        assert!(text.contains("first") && text.contains("second"), "{text}");
    }

    #[test]
    fn what_finishes_while_the_writer_is_slow_is_bounded_and_counted() {
        let (sender, printed) = mpsc::channel();
        let (console, tracer) = traced_writer(move |tracer, text| {
            let _ = sender.send(text.to_owned());
            if text.contains("first") {
                let more = || (0..MOST_SPANS + 7).for_each(|_| drop(tracer.span("more")));
                thread::scope(|scope| drop(scope.spawn(more)));
            }
        });
        drop(tracer.span("first"));
        assert!(console.flush(Duration::ZERO));
        let text: String = printed.try_iter().collect();
        assert_eq!(text.matches("trace ").count(), 1 + MOST_SPANS);
        assert_eq!(text.matches("spans left out: 7\n").count(), 1);
    }

    #[test]
    fn a_writer_that_panics_is_used_again() {
        let mut panics = 1;
        let (sender, printed) = mpsc::channel();
        let writer = Calls(move |text: &str| {
            if panics > 0 {
                panics -= 1;
                panic!("as it happens");
            }
            let _ = sender.send(text.to_owned());
        });
        let console = ConsoleReporter::new(writer, false);
        let tracer = Tracer::builder("shop").reporter(console.clone());
        let tracer = tracer.build().unwrap();
        drop(tracer.span("first"));
        drop(tracer.span("second"));
        assert!(console.flush(Duration::ZERO));
        let text: String = printed.try_iter().collect();
        assert!(text.contains("second"), "{text}");
    }

    #[test]
    fn clones_print_to_one_writer() {
        let (sender, printed) = mpsc::channel();
        let console = ConsoleReporter::new(Lines(sender), false);
        let root = TraceContext::root(Sampling::Accept);
        console.clone().report(span(root.child(), false));
        assert_eq!(printed.try_iter().count(), 0);
        console.report(span(root, true));
        assert_eq!(printed.try_iter().collect::<String>().lines().count(), 3);
        let _: ConsoleReporter = ConsoleReporter::default();
    }
}
