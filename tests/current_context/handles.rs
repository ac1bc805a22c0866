//! Handles: tagging a span from elsewhere while it is open.

use crate::common::{Script, TestTracer, drain, get, now};
use http::{Request, Response};
use std::{convert::Infallible, future::ready, thread};
use tower::{Layer, Service, service_fn};
use tower_b3::{Sampling, current, sample::Sampler, scope};

#[test]
fn a_handle_tags_from_another_thread_until_the_span_is_finished() {
    let test = TestTracer::new();
    let mut kept = None;
    test.tracer.span("work").in_scope(|| {
        let handle = scope::handle().unwrap();
        assert_eq!(Some(handle.context()), current());
        let other = handle.clone();
        thread::spawn(move || {
            assert!(other.tag("from", "another thread"));
            assert!(other.annotate("there"));
            assert!(other.error("it failed"));
        })
        .join()
        .unwrap();
        kept = Some(handle);
    });
    let span = test.spans.take_one();
    assert_eq!(span.tag("from").as_deref(), Some("another thread"));
    assert_eq!(span.tag("error.reason").as_deref(), Some("it failed"));
    assert_eq!(span.annotations().count(), 1);
    let kept = kept.unwrap();
    assert!(!kept.tag("late", "1") && !kept.annotate("late") && !kept.error("late"));
    // The next span reuses its buffer, which the old handle must not reach.
    test.tracer
        .span("next")
        .in_scope(|| assert!(!kept.tag("late", "1")));
    assert_eq!(test.spans.take_one().tag("late"), None);
}

#[test]
fn a_handle_tags_a_server_span_until_its_body_ends() {
    let test = TestTracer::new();
    let mut handle = None;
    let mut service = test
        .tracer
        .server_layer()
        .layer(service_fn(|_: Request<()>| {
            handle = scope::handle();
            ready(Ok::<_, Infallible>(Response::new(Script::data("body"))))
        }));
    let mut response = now(service.call(get("/", ""))).unwrap();
    drop(service);
    let handle = handle.unwrap();
    assert!(handle.tag("while", "streaming"));
    drain(response.body_mut()).unwrap();
    assert!(!handle.tag("too", "late"));
    let span = test.spans.take_one();
    assert_eq!(span.tag("while").as_deref(), Some("streaming"));
    drop(response);
}

#[test]
fn there_is_no_handle_on_an_unsampled_span() {
    let test = TestTracer::of(|builder| builder.sampler(Sampler::never()));
    let mut silent = test.tracer.span("silent");
    assert!(silent.handle().is_none());
    silent.in_scope(|| {
        assert!(scope::handle().is_none());
        assert_eq!(current().unwrap().sampling(), Sampling::Deny);
    });
}

#[test]
fn a_handle_records_an_error_even_when_the_tag_limit_is_reached() {
    let test = TestTracer::new();
    let mut span = test.tracer.span("work");
    let handle = span.handle().unwrap();
    let taken = (0..300).filter(|at| handle.tag(format!("tag {at}"), "value"));
    assert_eq!(taken.count(), 256);
    for at in 0..1000 {
        assert!(handle.error(format!("failure {at}")));
    }
    drop(span);
    let span = test.spans.take_one();
    assert!(span.is_error());
    assert_eq!(span.tag("error.reason").as_deref(), Some("failure 999"));
    assert!(!handle.error("late"));
}
