//! Each task keeps its own context, whichever thread polls it and however polls interleave.

use crate::common::{Script, TestTracer, drain, get, panics, poll};
use http::{Request, Response};
use std::{
    collections::HashSet,
    convert::Infallible,
    future::pending,
    sync::{Arc, Mutex},
    task::Poll,
    thread,
};
use tokio::task::yield_now;
use tower::{Layer, Service, service_fn};
use tower_b3::{TraceContext, current, in_current_context, span};

/// Yields `count` times and asserts that the context stays the same.
async fn steps(count: usize) -> TraceContext {
    let own = current().expect("a context");
    for _ in 0..count {
        yield_now().await;
        assert_eq!(current(), Some(own));
    }
    own
}

#[tokio::test]
async fn polls_that_interleave_on_one_thread_keep_their_contexts() {
    let test = TestTracer::new();
    let tasks = (0..100).map(|number| {
        let span = test.tracer.span("task");
        let context = span.context().unwrap();
        let work = async move { assert_eq!(steps(number % 7 + 1).await, context) };
        span.instrument(work)
    });
    futures_util::future::join_all(tasks).await;
    assert_eq!(current(), None);
    test.spans.take(100);
}

#[test]
fn nested_polls_keep_their_contexts() {
    let test = TestTracer::new();
    let inner = test.tracer.span("inner");
    let inner_context = inner.context();
    let mut inner = Box::pin(inner.instrument(async {
        let own = current();
        yield_now().await;
        assert_eq!(current(), own);
        own
    }));
    assert!(poll(inner.as_mut()).is_pending());
    let outer = test.tracer.span("outer");
    let outer_context = outer.context();
    outer.in_scope(|| {
        assert_eq!(current(), outer_context);
        assert_eq!(poll(inner.as_mut()), Poll::Ready(inner_context));
        assert_eq!(current(), outer_context);
    });
    // The parent is what was current where a span was started, not where it is polled.
    test.spans.assert_tree(
        "
        shop  inner

        shop  outer
        ",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_that_move_between_threads_keep_their_contexts() {
    let test = TestTracer::new();
    let threads = Arc::new(Mutex::new(HashSet::new()));
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let span = test.tracer.span("task");
            let context = span.context();
            let threads = Arc::clone(&threads);
            tokio::spawn(span.instrument(async move {
                for _ in 0..200 {
                    let thread = thread::current().id();
                    threads.lock().unwrap().insert(thread);
                    yield_now().await;
                    assert_eq!(current(), context);
                }
            }))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(
        threads.lock().unwrap().len() > 1,
        "no task moved to another thread"
    );
    test.spans.take(64);
}

/// A handler that checks the current ids in local spans, spawned tasks and canceled futures.
async fn busy(request: Request<()>) -> Result<Response<Script>, Infallible> {
    let own = current().unwrap();
    let caller = request.headers()["x-b3-spanid"].to_str().unwrap();
    assert_eq!(own.parent_id().unwrap().to_string(), caller);
    steps(3).await;
    let local = span("local");
    let below = local.context().unwrap();
    assert_eq!(below.parent_id(), Some(own.span_id()));
    local
        .instrument(async {
            assert_eq!(steps(3).await, below);
            span("sync").in_scope(|| {
                let here = current().unwrap();
                assert_eq!(here.parent_id(), Some(below.span_id()));
                tower_b3::tag("caller", here.trace_id().to_string());
            });
        })
        .await;
    assert_eq!(current(), Some(own));
    let spawned = tokio::spawn(in_current_context(async move {
        assert_eq!(steps(5).await, own);
        let local = span("spawned");
        assert_eq!(local.context().unwrap().parent_id(), Some(own.span_id()));
        local.instrument(steps(2)).await;
    }));
    let abandoned = span("abandoned").instrument(pending::<()>());
    tokio::select! {
        biased;
        () = abandoned => {}
        joined = spawned => joined.unwrap(),
    }
    assert_eq!(steps(1).await, own);
    tower_b3::tag("caller", own.trace_id().to_string());
    Ok(Response::new(Script::default()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_requests_on_four_threads_keep_their_contexts() {
    const TASKS: u64 = 64;
    const REQUESTS: u64 = 20;
    let test = TestTracer::new();
    let service = test.tracer.server_layer().layer(service_fn(busy));
    let tasks: Vec<_> = (1..=TASKS)
        .map(|task| {
            let mut service = service.clone();
            tokio::spawn(async move {
                for number in 1..=REQUESTS {
                    let id = task * 1000 + number;
                    let ids = format!("x-b3-traceid: {id:032x}|x-b3-spanid: {id:016x}");
                    let mut response = service.call(get("/", &ids)).await.unwrap();
                    drain(response.body_mut()).unwrap();
                    assert_eq!(current(), None);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let spans = test.spans.take((TASKS * REQUESTS * 5) as usize);
    for span in &spans {
        let known = spans
            .iter()
            .any(|other| Some(other.id()) == span.parent_id());
        assert_eq!(known, span.kind().is_none(), "{span:?}");
        if let Some(caller) = span.tag("caller") {
            assert_eq!(caller, span.trace_id().to_string());
        }
    }
}

#[test]
fn a_panic_restores_the_previous_context() {
    let test = TestTracer::new();
    test.tracer.span("outer").in_scope(|| {
        let outer = current();
        assert!(panics(|| span("inner").in_scope(|| panic!("expected"))));
        assert_eq!(current(), outer);
        let mut broken = Box::pin(span("future").instrument(async {
            yield_now().await;
            panic!("expected");
        }));
        assert!(poll(broken.as_mut()).is_pending());
        assert!(panics(|| assert!(poll(broken.as_mut()).is_pending())));
        assert_eq!(current(), outer);
    });
    assert_eq!(current(), None);
    test.spans.assert_tree(
        "
        shop  outer
        shop  └─ inner   error error.reason=panic
        shop  └─ future  error error.reason=panic
        ",
    );
}
