//! A context that is carried to another task or thread, or comes from elsewhere.

use crate::common::{Lab, Script, TreeFormat, drain, get};
use http::{Request, Response};
use std::convert::Infallible;
use tower::{Layer, Service, service_fn};
use tower_b3::{Context, Sampling, TraceContext, current, in_current_context, scope, span};

#[tokio::test]
async fn a_spawned_task_has_no_context_unless_it_is_carried_over() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer();
    let mut service = layer.layer(service_fn(|_: Request<()>| async {
        let own = current();
        assert_eq!(tokio::spawn(async { current() }).await.unwrap(), None);
        let (context, id) = tokio::spawn(in_current_context(async {
            // The ids are there, the span is not.
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
    lab.spans
        .assert_tree("shop  SERVER  GET  http.status_code=200");
}

#[test]
fn a_captured_context_outlives_its_span() {
    let lab = Lab::new();
    let mut carried = None;
    lab.tracer.span("request").in_scope(|| {
        carried = Context::current();
    });
    let request = lab.spans.take_one();
    let carried = carried.unwrap();
    let mut spans = vec![request.clone()];
    for _ in 0..2 {
        carried.clone().in_scope(|| {
            assert_eq!(current(), Some(request.context()));
            span("late").in_scope(|| ());
        });
        spans.push(lab.spans.take_one());
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
    let lab = Lab::new();
    let context = TraceContext::root(Sampling::Accept);
    Context::from(context).in_scope(|| {
        assert_eq!(current(), Some(context));
        // Nobody would record it, so nobody becomes its child.
        span("silent").in_scope(|| assert_eq!(current(), Some(context)));
        lab.tracer.span("work").in_scope(|| ());
    });
    let work = lab.spans.take_one();
    assert_eq!(work.name(), "work");
    assert_eq!(work.parent_id(), Some(context.span_id()));
}
