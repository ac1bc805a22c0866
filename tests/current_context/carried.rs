//! A context that is carried to another task or thread, or is made from ids.

use crate::common::{Script, TestTracer, TreeFormat, drain, get};
use http::{Request, Response};
use std::convert::Infallible;
use tower::{Layer, Service, service_fn};
use tower_b3::{RequestContext, Sampling, TraceContext, current, in_current_context, scope, span};

#[tokio::test]
async fn a_spawned_task_has_no_context_unless_it_is_carried_over() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer();
    let mut service = layer.layer(service_fn(|_: Request<()>| async {
        let own = current();
        assert_eq!(tokio::spawn(async { current() }).await.unwrap(), None);
        let (context, id) = tokio::spawn(in_current_context(async {
            // The context has the ids, but not the span.
            tower_b3::tag("lost", "1");
            tower_b3::annotate("lost");
            scope::rename("lost");
            assert!(scope::handle().is_none());
            (current(), tower_b3::request_id().unwrap().to_string())
        }))
        .await
        .unwrap();
        assert_eq!((context, &*id), (own, "r"));
        Ok::<_, Infallible>(Response::new(Script::default()))
    }));
    let mut response = service.call(get("/", "x-request-id: r")).await.unwrap();
    drain(response.body_mut()).unwrap();
    test.spans
        .assert_tree("shop  SERVER  GET  http.status_code=200");
}

#[test]
fn a_captured_context_outlives_its_span() {
    let test = TestTracer::new();
    let mut carried = None;
    test.tracer.span("request").in_scope(|| {
        carried = RequestContext::current();
    });
    let request = test.spans.take_one();
    let carried = carried.unwrap();
    let mut spans = vec![request.clone()];
    for _ in 0..2 {
        carried.clone().in_scope(|| {
            assert_eq!(current(), Some(request.context()));
            span("late").in_scope(|| ());
        });
        spans.push(test.spans.take_one());
    }
    assert_eq!(current(), None);
    TreeFormat::default().assert(
        &spans,
        "
        shop  request
        shop  └─ late
        shop  └─ late
        ",
    );
}

#[test]
fn free_spans_below_an_unrecorded_context_leave_no_gap() {
    let test = TestTracer::new();
    let context = TraceContext::root(Sampling::Accept);
    RequestContext::from(context).in_scope(|| {
        assert_eq!(current(), Some(context));
        // No tracer would record this span, so it must not become a parent.
        span("silent").in_scope(|| assert_eq!(current(), Some(context)));
        test.tracer.span("work").in_scope(|| ());
    });
    let work = test.spans.take_one();
    assert_eq!(work.name(), "work");
    assert_eq!(work.parent_id(), Some(context.span_id()));
}
