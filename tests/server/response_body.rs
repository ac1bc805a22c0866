//! The wrapped body reports what the inner body reports, and polls it in the context.

use crate::{
    common::{Script, Step, TestTracer, next, poll},
    empty, ok,
};
use http::Request;
use http_body::Body;
use std::{
    convert::Infallible,
    future::pending,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};
use tokio::task::yield_now;
use tower::{Layer, Service, service_fn};
use tower_b3::{TraceContext, current};

#[test]
fn the_wrapped_body_reports_the_inner_bodys_hints() {
    let test = TestTracer::new();
    let mut response = ok(
        &test,
        Script::data("five!").sized(5).reports_end_of_stream(),
    );
    assert_eq!(response.body().size_hint().exact(), Some(5));
    assert!(!response.body().is_end_stream());
    next(response.body_mut());
    assert!(response.body().is_end_stream());
    drop(response);
    test.spans.take_one();

    let unknown = ok(&test, Script::data("five!"));
    assert_eq!(unknown.body().size_hint().exact(), None);
    assert!(!unknown.body().is_end_stream());
    drop(unknown);
    test.spans.take_one();
}

#[test]
fn the_wrapped_body_passes_on_every_frame() {
    let test = TestTracer::new();
    let steps = [
        Step::Data("one"),
        Step::Data(""),
        Step::Wait,
        Step::Data("two"),
        Step::trailers(&[("checksum", "1")]),
    ];
    let mut response = ok(&test, Script::new(steps));
    let mut seen = Vec::new();
    loop {
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(response.body_mut()).poll_frame(&mut cx) {
            Poll::Pending => seen.push("waits".to_owned()),
            Poll::Ready(None) => break,
            Poll::Ready(Some(frame)) => seen.push(match frame.unwrap().into_data() {
                Ok(data) => String::from_utf8(data.to_vec()).unwrap(),
                Err(other) => format!("{:?}", other.into_trailers().unwrap()["checksum"]),
            }),
        }
    }
    assert_eq!(seen, ["one", "", "waits", "two", "\"1\""]);
    test.spans.take_one();
}

/// Records the current context.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Option<TraceContext>>>>);

impl Seen {
    fn look(&self) {
        self.0.lock().unwrap().push(current());
    }

    fn on_drop(&self) -> impl Drop + use<> {
        struct OnDrop(Seen);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                self.0.look();
            }
        }
        OnDrop(self.clone())
    }

    #[track_caller]
    fn all_are(&self, span: TraceContext, count: usize) {
        assert_eq!(*self.0.lock().unwrap(), vec![Some(span); count]);
    }
}

#[test]
fn the_context_is_current_in_call_polls_and_drops_of_the_future() {
    let test = TestTracer::new();
    let seen = Seen::default();
    let outer = seen.clone();
    let handler = service_fn(move |_: Request<()>| {
        outer.look();
        let seen = outer.clone();
        async move {
            let _guard = seen.on_drop();
            seen.look();
            yield_now().await;
            seen.look();
            pending::<()>().await;
            Ok::<_, Infallible>(empty())
        }
    });
    let mut service = test.tracer.server_layer().layer(handler);
    {
        let mut future = pin!(service.call(Request::new(())));
        for _ in 0..3 {
            assert!(poll(future.as_mut()).is_pending());
            assert_eq!(current(), None);
        }
    }
    let span = test.spans.take_one();
    seen.all_are(span.context(), 4);
}

#[test]
fn the_context_is_current_in_polls_of_the_body_and_its_drop() {
    let test = TestTracer::new();
    for read in [0, 1, 2, 9] {
        let seen = Seen::default();
        let (first, second, dropped) = (seen.clone(), seen.clone(), seen.clone());
        let body = Script::new([
            Step::run(move || first.look()),
            Step::Data("some"),
            Step::run(move || second.look()),
            Step::Data("more"),
        ]);
        let mut response = ok(&test, body.on_drop(move || dropped.look()));
        for _ in 0..read {
            next(response.body_mut());
        }
        drop(response);
        let span = test.spans.take_one();
        seen.all_are(span.context(), read.min(2) + 1);
        assert_eq!(current(), None);
    }
}

#[test]
fn the_context_is_current_when_a_finished_or_failed_body_is_dropped() {
    let test = TestTracer::new();
    for body in [
        Script::data("all").reports_end_of_stream(),
        Script::new([Step::Error("disk")]),
        Script::trailers(&[("checksum", "1")]),
    ] {
        let seen = Seen::default();
        let dropped = seen.clone();
        let mut response = ok(&test, body.on_drop(move || dropped.look()));
        next(response.body_mut());
        drop(response);
        let span = test.spans.take_one();
        seen.all_are(span.context(), 1);
    }
}
