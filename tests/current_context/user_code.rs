//! User code that runs inside a call of the crate, in a drop, or at the end of a thread.

use crate::common::{TestTracer, TreeFormat, now, panics, poll};
use std::{
    cell::RefCell,
    future::pending,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
    thread,
};
use tower_b3::{TraceContext, Tracer, current, in_current_context, scope, span};

/// Records the context that is current when it is dropped.
struct OnDrop(Arc<Mutex<Option<TraceContext>>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = current();
    }
}

#[test]
fn a_canceled_future_is_dropped_in_its_context() {
    let test = TestTracer::new();
    let seen = Arc::new(Mutex::new(None));
    let owned = |seen: &Arc<_>| OnDrop(Arc::clone(seen));
    let span = test.tracer.span("cancelled");
    let context = span.context();
    {
        let guard = owned(&seen);
        let mut future = pin!(span.instrument(async move {
            let _guard = guard;
            pending::<()>().await;
        }));
        assert!(poll(future.as_mut()).is_pending());
    }
    assert_eq!(*seen.lock().unwrap(), context);
    assert_eq!(test.spans.take_one().tag("error"), None);

    let mut unpolled = None;
    test.tracer.span("request").in_scope(|| {
        let guard = owned(&seen);
        unpolled = Some(in_current_context(async move { drop(guard) }));
    });
    drop(unpolled);
    assert_eq!(*seen.lock().unwrap(), Some(test.spans.take_one().context()));
}

#[test]
fn a_finished_future_is_dropped_in_its_context() {
    struct Owner {
        _guard: OnDrop,
    }
    impl Future for Owner {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }
    let test = TestTracer::new();
    let seen = Arc::new(Mutex::new(None));
    let span = test.tracer.span("finished");
    let _guard = OnDrop(Arc::clone(&seen));
    now(span.instrument(Owner { _guard }));
    assert_eq!(*seen.lock().unwrap(), Some(test.spans.take_one().context()));
}

/// A text that uses the current context whenever it is read.
struct UsesContext(Arc<AtomicUsize>);

impl AsRef<str> for UsesContext {
    fn as_ref(&self) -> &str {
        assert!(current().is_some());
        assert!(scope::handle().is_some());
        tower_b3::tag("inner", "1");
        span("inner").in_scope(|| ());
        self.0.fetch_add(1, SeqCst);
        "text"
    }
}

#[test]
fn user_code_inside_a_call_sees_the_current_context() {
    let test = TestTracer::new();
    let reads = Arc::new(AtomicUsize::new(0));
    let inner = || UsesContext(Arc::clone(&reads));
    test.tracer.span("work").in_scope(|| {
        tower_b3::tag(inner(), inner());
        tower_b3::annotate(inner());
        scope::route(inner());
        scope::rename(inner());
        scope::error(inner());
        drop(span(inner()));
    });
    assert_eq!(reads.load(SeqCst), 7);
    TreeFormat::default().sort_siblings(true).assert(
        &test.spans.take(9),
        "
        shop  text      error inner=1 text=text error.reason=text [text]
        shop  └─ inner
        shop  └─ inner
        shop  └─ inner
        shop  └─ inner
        shop  └─ inner
        shop  └─ inner
        shop  └─ inner
        shop  └─ text
        ",
    );
}

#[test]
fn a_panicking_as_ref_loses_no_span() {
    struct Broken;
    impl AsRef<str> for Broken {
        fn as_ref(&self) -> &str {
            panic!("expected")
        }
    }
    let test = TestTracer::new();
    test.tracer.span("work").in_scope(|| {
        let own = current();
        assert!(panics(|| tower_b3::tag("a", Broken)));
        assert!(panics(|| drop(span(Broken))));
        assert_eq!(current(), own);
    });
    assert_eq!(test.spans.take_one().tag("error"), None);
}

#[test]
fn thread_local_destructors_can_use_the_context() {
    struct AtTheEnd(Tracer);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            assert_eq!(current(), None);
            tower_b3::tag("a", "b");
            self.0.span("at the end").in_scope(|| {
                span("below").in_scope(|| ());
            });
        }
    }
    thread_local! {
        static EARLY: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
        static LATE: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
    }
    let test = TestTracer::new();
    let tracer = test.tracer.clone();
    thread::spawn(move || {
        EARLY.with(|slot| *slot.borrow_mut() = Some(AtTheEnd(tracer.clone())));
        tracer.span("alive").in_scope(|| ());
        LATE.with(|slot| *slot.borrow_mut() = Some(AtTheEnd(tracer.clone())));
    })
    .join()
    .unwrap();
    // The order of the destructors decides which of them can still set a current context.
    let spans = test.spans.take_all();
    let count = |name| spans.iter().filter(|span| span.name() == name).count();
    assert_eq!((count("alive"), count("at the end")), (1, 2));
}
