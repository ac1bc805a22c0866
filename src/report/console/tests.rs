//! The console reporter: when traces are printed, and writers that are slow, traced or panic.

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
fn prints_a_trace_with_its_root_and_late_spans_on_flush() {
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
fn the_number_of_waiting_spans_is_bounded() {
    let console = ConsoleReporter::new(io::sink(), false);
    for _ in 0..2 * MAX_SPANS {
        console.report(span(TraceContext::root(Sampling::Accept), false));
    }
    let state = console.0.state();
    assert_eq!(state.spans, MAX_SPANS);
    assert_eq!(state.unfinished.len(), MAX_SPANS);
}

/// A writer that calls a function with everything that is written.
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

/// A console and its tracer, with a writer that uses the tracer too.
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
fn spans_of_the_writer_are_skipped_and_counted() {
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
    // One span by `write`, one by `flush`.
    assert!(
        texts[1].starts_with("spans skipped: 2\ntrace "),
        "{texts:?}"
    );
    assert!(texts[1].contains("second"));
}

#[test]
fn a_writer_may_wait_for_a_thread_that_makes_spans() {
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
fn spans_that_finish_while_the_writer_is_slow_are_bounded_and_counted() {
    let (sender, printed) = mpsc::channel();
    let (console, tracer) = traced_writer(move |tracer, text| {
        let _ = sender.send(text.to_owned());
        if text.contains("first") {
            let more = || (0..MAX_SPANS + 7).for_each(|_| drop(tracer.span("more")));
            thread::scope(|scope| drop(scope.spawn(more)));
        }
    });
    drop(tracer.span("first"));
    assert!(console.flush(Duration::ZERO));
    let text: String = printed.try_iter().collect();
    assert_eq!(text.matches("trace ").count(), 1 + MAX_SPANS);
    assert_eq!(text.matches("spans skipped: 7\n").count(), 1);
}

#[test]
fn a_writer_is_used_again_after_a_panic() {
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
fn clones_print_to_the_same_writer() {
    let (sender, printed) = mpsc::channel();
    let console = ConsoleReporter::new(Lines(sender), false);
    let root = TraceContext::root(Sampling::Accept);
    console.clone().report(span(root.child(), false));
    assert_eq!(printed.try_iter().count(), 0);
    console.report(span(root, true));
    assert_eq!(printed.try_iter().collect::<String>().lines().count(), 3);
    let _: ConsoleReporter = ConsoleReporter::default();
}
