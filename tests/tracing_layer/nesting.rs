//! What is started inside of an instrumented function is below its span.

use crate::scene::{Scene, call};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::thread;
use tokio::{join, task};
use tower_b3::{Tracer, sample::Sampler};
use tracing::{Instrument, instrument};

#[instrument(skip_all)]
async fn load(tracer: &Tracer, path: &str) {
    tower_b3::tag("path", path);
    call(tracer, path).await;
    task::yield_now().await;
    tower_b3::span("parse").in_scope(|| tower_b3::tag("of", path));
    store(path);
}

#[instrument(fields(tower))]
fn store(path: &str) {
    tracing::Span::current().record("tower", "b3");
}

#[test]
fn calls_local_spans_and_tags_over_awaits() {
    let scene = Scene::new();
    scene.serve(|tracer| async move { load(&tracer, "/a").await });
    scene.spans.assert_tree(
        "
        shop  SERVER  GET           http.status_code=200
        shop          └─ load       path=/a
        shop  CLIENT     └─ GET /a  http.status_code=200
        shop             └─ parse   of=/a
        shop             └─ store   path=/a tower=b3
        ",
    );
}

#[test]
fn an_instrumented_function_sets_the_route_of_its_request() {
    #[instrument]
    async fn matched() {
        task::yield_now().await;
        routed();
    }
    #[instrument]
    fn routed() {
        tower_b3::scope::route("/cart");
    }
    let scene = Scene::new();
    scene.serve(|_| async { matched().await });
    scene.serve(|_| async {
        task::spawn(tower_b3::in_current_context(matched()))
            .await
            .unwrap();
    });
    let spans = scene.spans.take_all();
    let names = spans.iter().map(tower_b3::record::SpanRecord::name);
    assert_eq!(names.filter(|name| *name == "GET /cart").count(), 2);
}

#[test]
fn concurrent_functions_do_not_see_each_other() {
    let scene = Scene::new();
    scene.serve(|tracer| async move {
        join!(load(&tracer, "/a"), load(&tracer, "/b"));
        let all: FuturesUnordered<_> = ["/c", "/d"]
            .iter()
            .map(|path| load(&tracer, path))
            .collect();
        all.collect::<Vec<_>>().await;
    });
    let spans = scene.spans.take_all();
    assert_eq!(spans.len(), 1 + 4 * 4);
    let loads: Vec<_> = spans.iter().filter(|span| span.name() == "load").collect();
    for load in loads {
        let path = load.tag("path").unwrap();
        let below = spans
            .iter()
            .filter(|span| span.parent_id() == Some(load.id()));
        let mut names: Vec<_> = below
            .map(|span| {
                let path = ["path", "of"].into_iter().find_map(|tag| span.tag(tag));
                let path = path.unwrap_or_default();
                (span.name().to_owned(), path.into_owned())
            })
            .collect();
        names.sort();
        let path = path.as_ref();
        let expected = [
            (format!("GET {path}"), String::new()),
            ("parse".into(), path.into()),
            ("store".into(), path.into()),
        ];
        assert_eq!(names, expected);
    }
}

#[test]
fn spawned_tasks_blocking_tasks_and_threads() {
    let scene = Scene::new();
    scene.serve(|tracer| async move { spawn_all(tracer).await });
    scene.spans.assert_tree(
        "
        shop  SERVER  GET                 http.status_code=200
        shop          └─ spawn_all
        shop             └─ load          path=/task
        shop  CLIENT        └─ GET /task  http.status_code=200
        shop                └─ parse      of=/task
        shop                └─ store      path=/task tower=b3
        shop             └─ blocking
        shop                └─ store      path=/blocking tower=b3
        shop             └─ thread
        shop                └─ store      path=/thread tower=b3
        ",
    );
}

#[instrument(skip_all)]
async fn spawn_all(tracer: Tracer) {
    let own = tracer.clone();
    let load = async move { load(&own, "/task").await };
    tokio::spawn(load.in_current_span()).await.unwrap();
    let span = tracing::info_span!("blocking");
    let blocking = task::spawn_blocking(move || span.in_scope(|| store("/blocking")));
    blocking.await.unwrap();
    let span = tracing::info_span!("thread");
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    let thread = thread::spawn(move || {
        tracing::dispatcher::with_default(&dispatch, move || {
            span.in_scope(|| store("/thread"));
            drop(span);
        });
    });
    thread.join().unwrap();
}

#[test]
fn a_request_that_is_not_sampled_records_nothing_and_carries_its_ids() {
    let scene = Scene::with(Sampler::never(), |_| tower_b3::TracingLayer::new());
    scene.serve(|tracer| async move {
        let expected = tower_b3::current().unwrap();
        let id = tower_b3::request_id().unwrap();
        let carried = async move {
            assert_eq!(tower_b3::current(), Some(expected));
            assert_eq!(tower_b3::request_id(), Some(id));
            load(&tracer, "/task").await;
        };
        tokio::spawn(carried.instrument(tracing::info_span!("task")))
            .await
            .unwrap();
    });
    scene.spans.assert_empty();
}

#[test]
fn a_panic_is_on_the_span() {
    #[instrument]
    fn fails() {
        panic!("expected");
    }
    let scene = Scene::new();
    scene.run(|| assert!(std::panic::catch_unwind(fails).is_err()));
    scene.spans.assert_tree(
        "
        shop  request
        shop  └─ fails  error error.reason=panic
        ",
    );
}

/// A guard is held over an await, which `tracing` advises against.
#[test]
fn a_span_that_is_left_entered_is_current_in_its_own_task_only() {
    let scene = Scene::new();
    let poll = |future: std::pin::Pin<&mut dyn Future<Output = ()>>| crate::common::poll(future);
    scene.outside(|| {
        let task = |name: &'static str| {
            scene.tracer.span(name).instrument(async {
                let _entered = tracing::info_span!("held").entered();
                tower_b3::span("before").in_scope(|| {});
                task::yield_now().await;
                tower_b3::span("after").in_scope(|| {});
            })
        };
        let (mut first, mut second) = (Box::pin(task("first")), Box::pin(task("second")));
        assert!(poll(first.as_mut()).is_pending());
        assert_eq!(tower_b3::current(), None);
        assert!(poll(second.as_mut()).is_pending());
        assert!(poll(first.as_mut()).is_ready());
        assert!(poll(second.as_mut()).is_ready());
    });
    scene.spans.assert_tree(
        "
        shop  first
        shop  └─ held
        shop     └─ before
        shop     └─ after

        shop  second
        shop  └─ held
        shop     └─ before
        shop     └─ after
        ",
    );
}
