//! [`ConsoleReporter`]: collects the spans of a trace and prints them as a tree.
//!
//! The text is made by `tree`. This file decides when a trace is printed and by which thread.

use super::tree::TraceTree;
use crate::{
    id::TraceId,
    record::{Reporter, SpanRecord},
};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    io::{self, IsTerminal, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

/// Prints each trace as an indented [`TraceTree`] when this process's part of it has finished.
///
/// For development: it writes on the request's thread. Spans that finish after their trace was
/// printed, for example those of spawned tasks, are printed when they are five seconds old or on
/// [`flush`](Reporter::flush). At most 10,000 spans wait; when there are more, the oldest trace is
/// printed as it is.
///
/// One thread prints at a time. It also prints what other threads finish meanwhile, so they do not
/// wait for the writer. Two kinds of spans are skipped: those that the writer itself makes while it
/// is called, and those that finish while 10,000 others are ready to be printed. A line before the
/// next trace has their number.
///
/// Clones print to the same writer. The default is [`stderr`](Self::stderr).
#[derive(Clone)]
pub struct ConsoleReporter(Arc<Console>);

struct Console {
    colored: bool,
    state: Mutex<State>,
    /// Notified when a thread has finished printing.
    printed: Condvar,
}

struct State {
    /// Taken by the thread that prints.
    writer: Option<Box<dyn Write + Send>>,
    /// The thread that prints.
    printing: Option<ThreadId>,
    unfinished: HashMap<TraceId, Unfinished>,
    /// The unfinished traces by age, the oldest first.
    order: BTreeMap<u64, TraceId>,
    next: u64,
    /// The number of spans in unfinished traces.
    spans: usize,
    /// Traces to be printed now, and the number of their spans.
    ready: VecDeque<Vec<SpanRecord>>,
    ready_spans: usize,
    skipped: u64,
}

struct Unfinished {
    /// The key in `order`.
    number: u64,
    since: Instant,
    spans: Vec<SpanRecord>,
}

/// The maximum number of spans that wait, and of those that are ready.
const MAX_SPANS: usize = 10_000;
/// A trace of this age is printed, whether it has finished or not.
const MAX_AGE: Duration = Duration::from_secs(5);

impl ConsoleReporter {
    /// Prints to standard error, with colours if it is a terminal.
    pub fn stderr() -> ConsoleReporter {
        ConsoleReporter::new(io::stderr(), io::stderr().is_terminal())
    }

    /// Prints to standard output, with colours if it is a terminal.
    pub fn stdout() -> ConsoleReporter {
        ConsoleReporter::new(io::stdout(), io::stdout().is_terminal())
    }

    /// Prints to a writer of your own.
    pub fn new(writer: impl Write + Send + 'static, colored: bool) -> ConsoleReporter {
        ConsoleReporter(Arc::new(Console {
            colored,
            state: Mutex::new(State {
                writer: Some(Box::new(writer)),
                printing: None,
                unfinished: HashMap::new(),
                order: BTreeMap::new(),
                next: 0,
                spans: 0,
                ready: VecDeque::new(),
                ready_spans: 0,
                skipped: 0,
            }),
            printed: Condvar::new(),
        }))
    }
}

impl Console {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints what is ready, unless another thread does so, or this one further up the stack.
    fn print(&self) {
        let Some(mut turn) = Turn::take(self) else {
            return;
        };
        while let Some((spans, skipped)) = turn.next() {
            let tree = TraceTree::new(&spans).colored(self.colored);
            let text = match skipped {
                0 => tree.to_string(),
                skipped => format!("spans skipped: {skipped}\n{tree}"),
            };
            // In one call, so that other output comes before or after the tree. There is nowhere to
            // report that a console is gone.
            let written = turn.writer.write_all(text.as_bytes());
            let _ = written.and_then(|()| turn.writer.flush());
        }
    }

    fn flush(&self, timeout: Duration) -> bool {
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
        let waited = self.printed.wait_timeout_while(state, timeout, others);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.printing.is_none()
    }
}

/// A thread that prints. Ends when no trace is ready, or when the writer panics.
struct Turn<'a> {
    console: &'a Console,
    writer: Box<dyn Write + Send>,
    ended: bool,
}

impl<'a> Turn<'a> {
    fn take(console: &'a Console) -> Option<Turn<'a>> {
        let mut state = console.state();
        let writer = state.writer.take()?;
        state.printing = Some(thread::current().id());
        drop(state);
        Some(Turn {
            console,
            writer,
            ended: false,
        })
    }

    /// The next trace, and the number of spans that were skipped before it.
    fn next(&mut self) -> Option<(Vec<SpanRecord>, u64)> {
        let mut state = self.console.state();
        let Some(spans) = state.ready.pop_front() else {
            self.end(&mut state);
            return None;
        };
        state.ready_spans -= spans.len();
        Some((spans, std::mem::take(&mut state.skipped)))
    }

    fn end(&mut self, state: &mut State) {
        self.ended = true;
        state.printing = None;
        state.writer = Some(std::mem::replace(&mut self.writer, Box::new(io::sink())));
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

    /// Whether the calling thread prints, so that its writer is the caller.
    fn is_own_turn(&self) -> bool {
        self.printing == Some(thread::current().id())
    }

    /// Adds a span; returns it if it is skipped.
    fn add(&mut self, span: SpanRecord) -> Result<(), SpanRecord> {
        if self.is_own_turn() || self.ready_spans >= MAX_SPANS {
            self.skipped += 1;
            return Err(span);
        }
        let (trace, done) = (span.trace_id(), span.is_local_root());
        let unfinished = self.unfinished.entry(trace).or_insert_with(|| {
            self.next += 1;
            self.order.insert(self.next, trace);
            Unfinished {
                number: self.next,
                since: Instant::now(),
                spans: Vec::new(),
            }
        });
        unfinished.spans.push(span);
        self.spans += 1;
        if done {
            self.finish(trace);
        }
        while let Some(oldest) = self.oldest() {
            let age = self.unfinished[&oldest].since.elapsed();
            if self.spans <= MAX_SPANS && age <= MAX_AGE {
                break;
            }
            self.finish(oldest);
        }
        Ok(())
    }

    /// Moves a trace to those that are ready.
    fn finish(&mut self, trace: TraceId) {
        if let Some(unfinished) = self.unfinished.remove(&trace) {
            self.order.remove(&unfinished.number);
            self.spans -= unfinished.spans.len();
            self.ready_spans += unfinished.spans.len();
            self.ready.push_back(unfinished.spans);
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
        let skipped = state.add(span);
        let ready = !state.ready.is_empty();
        // A span may be the last owner of its tracer and of this reporter, so it must not be dropped
        // under the lock.
        drop(state);
        drop(skipped);
        if ready {
            self.0.print();
        }
    }

    /// Prints all spans. Returns `false` if another thread still prints at the end of the timeout,
    /// or at once if the writer calls it.
    fn flush(&self, timeout: Duration) -> bool {
        self.0.flush(timeout)
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
mod tests;
