//! Tasks, services and modes.

use crate::{
    common::{PARENT, SPAN, TRACE, TestTracer, get},
    lines::{ids, json, objects, prefix, serve, serve_async, text, tracer},
    logged,
};
use http::{Request, Response};
use serde_json::json;
use std::{convert::Infallible, thread};
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{
    Mode, RequestContext, Sampling, TraceContext, Tracer, in_current_context, logs::WithIds,
};
use tracing::{Instrument, info_span};

#[test]
fn spawned_tasks_and_threads_have_the_ids_that_are_carried_over() {
    let lines = logged!(
        text().with_target(false).map_event_format(WithIds::text),
        || {
            serve_async(&tracer(), &ids("1"), async || {
                let task = async {
                    tracing::info!("in a task");
                    tokio::task::yield_now().await;
                    tracing::info!("after a pause");
                };
                let task = in_current_context(task.instrument(info_span!("task")));
                tokio::spawn(task).await.unwrap();
                tokio::spawn(async { tracing::info!("without context") })
                    .await
                    .unwrap();
                let context = RequestContext::current().unwrap();
                let log = tracing::dispatcher::get_default(Clone::clone);
                let thread = thread::spawn(move || {
                    let work = || context.in_scope(|| tracing::info!("in a thread"));
                    tracing::dispatcher::with_default(&log, work);
                });
                thread.join().unwrap();
            });
        }
    );
    let front = prefix(true);
    let expected = [
        format!("{front} INFO task: in a task\n"),
        format!("{front} INFO task: after a pause\n"),
        " INFO without context\n".to_owned(),
        format!("{front} INFO in a thread\n"),
    ];
    assert_eq!(lines, expected.concat());
}

#[test]
fn the_lines_of_two_services_are_of_one_trace() {
    let (webapp, catalog) = (TestTracer::new(), TestTracer::new());
    let lines = logged!(
        json().flatten_event(true).map_event_format(WithIds::json),
        || {
            let items = service_fn(async |_: Request<()>| {
                tracing::info!("in the catalog");
                Ok::<_, Infallible>(Response::new(String::new()))
            });
            let items = catalog.tracer.server_layer().layer(items);
            let items = webapp.tracer.client_layer().layer(items);
            serve_async(&webapp.tracer, "x-request-id: req-1", async || {
                tracing::info!("in webapp");
                let request = get("http://catalog/items", "");
                drop(items.oneshot(request).await.unwrap());
            });
        }
    );
    let [in_webapp, in_catalog] = objects(&lines).try_into().unwrap();
    for name in ["trace_id", "request_id", "sampled"] {
        assert_eq!(in_webapp[name], in_catalog[name], "{name}: {lines}");
    }
    // What the lines say is in the spans.
    let spans = webapp.spans.take_all();
    let client = spans.iter().find(|span| span.parent_id().is_some());
    let client = client.unwrap();
    assert_eq!(
        in_webapp["span_id"],
        json!(client.parent_id().unwrap().to_string())
    );
    let served = catalog.spans.take_all().remove(0);
    assert_eq!(in_catalog["span_id"], json!(served.id().to_string()));
    assert_eq!(in_catalog["parent_id"], json!(client.id().to_string()));
    assert_eq!(in_catalog["trace_id"], json!(client.trace_id().to_string()));
}

#[test]
fn behind_a_sidecar_lines_have_the_ids_of_its_span() {
    let forward = Tracer::builder("shop").mode(Mode::ForwardOnly);
    let forward = forward.build().unwrap();
    let format = || text().with_target(false).map_event_format(WithIds::text);
    for (headers, front) in [
        (ids("1"), prefix(true)),
        (ids("0"), prefix(false)),
        (
            format!("b3: {TRACE}-{SPAN}-d|x-b3-traceid: 1"),
            format!("trace_id={TRACE} span_id={SPAN} sampled=true "),
        ),
        (
            format!("traceparent: 00-{TRACE}-{SPAN}-00"),
            format!("trace_id={TRACE} span_id={SPAN} sampled=false "),
        ),
        (
            format!("traceparent: 00-{TRACE}-{SPAN}-00|x-b3-sampled: 1"),
            format!("trace_id={TRACE} span_id={SPAN} sampled=true "),
        ),
        (
            format!("x-b3-traceid: {TRACE}|x-b3-spanid: {SPAN}|x-b3-parentspanid: {PARENT}"),
            format!("trace_id={TRACE} span_id={SPAN} parent_id={PARENT} "),
        ),
        (
            "x-request-id: req-1".to_owned(),
            "request_id=req-1 ".to_owned(),
        ),
        ("x-b3-traceid: malformed|b3: -".to_owned(), String::new()),
    ] {
        let lines = logged!(format(), || {
            serve(&forward, &headers, || tracing::info!("inside"));
        });
        assert_eq!(lines, format!("{front} INFO inside\n"), "{headers}");
    }
}

#[test]
fn a_context_without_a_request_has_its_ids() {
    let context = TraceContext::new(
        TRACE.parse().unwrap(),
        SPAN.parse().unwrap(),
        None,
        Sampling::Defer,
    );
    let format = text().with_target(false).map_event_format(WithIds::text);
    let lines = logged!(format, || RequestContext::from(context)
        .in_scope(|| tracing::info!("inside")));
    // Nobody has decided on sampling.
    assert_eq!(
        lines,
        format!("trace_id={TRACE} span_id={SPAN}  INFO inside\n")
    );
}
