//! The current context: the right one at every step, whoever runs the step.

mod common;

use common::{Lab, Script, drain, get, now, panics, poll};
use http::{Request, Response};
use std::{
    convert::Infallible,
    future::{Future, pending},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Poll,
};
use tokio::task::yield_now;
use tower::{Layer, Service, service_fn};
use tower_b3::{Context, Sampling, TraceContext, current, in_current_context, span};

#[test]
fn where_nothing_is_current_nothing_happens() {
    let lab = Lab::new();
    assert_eq!(current(), None);
    assert!(tower_b3::request_id().is_none());
    assert!(tower_b3::scope::handle().is_none());
    assert!(Context::current().is_none());
    tower_b3::tag("a", "b");
    tower_b3::annotate("a");
    tower_b3::scope::rename("a");
    tower_b3::scope::route("/a");
    tower_b3::scope::error("a");
    let mut local = span("a");
    local.tag("a", "b");
    assert_eq!(local.context(), None);
    assert_eq!(local.in_scope(current), None);
    assert_eq!(now(in_current_context(async { current() })), None);
    lab.spans.take(0);
}

/// Yields so often, and wants the same to be current after each.
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
    let lab = Lab::new();
    let tasks = (0..100).map(|number| {
        let span = lab.tracer.span("task");
        let context = span.context().unwrap();
        let work = async move { assert_eq!(steps(number % 7 + 1).await, context) };
        span.instrument(work)
    });
    futures_util::future::join_all(tasks).await;
    assert_eq!(current(), None);
    lab.spans.take(100);
}

#[test]
fn futures_that_are_polled_inside_each_other_keep_their_contexts() {
    let lab = Lab::new();
    let inner = lab.tracer.span("inner");
    let inner_context = inner.context();
    let mut inner = Box::pin(inner.instrument(async {
        let own = current();
        yield_now().await;
        assert_eq!(current(), own);
        own
    }));
    assert!(poll(inner.as_mut()).is_pending());
    let outer = lab.tracer.span("outer");
    let outer_context = outer.context();
    outer.in_scope(|| {
        assert_eq!(current(), outer_context);
        assert_eq!(poll(inner.as_mut()), Poll::Ready(inner_context));
        assert_eq!(current(), outer_context);
    });
    let [inner, outer] = lab.spans.take(2).try_into().unwrap();
    // Where it was started counts, not where it was polled.
    assert_ne!(inner.trace_id(), outer.trace_id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_that_move_between_threads_keep_their_contexts() {
    let lab = Lab::new();
    let threads = Arc::new(Mutex::new(std::collections::HashSet::new()));
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let span = lab.tracer.span("task");
            let context = span.context();
            let threads = Arc::clone(&threads);
            tokio::spawn(span.instrument(async move {
                for _ in 0..200 {
                    let thread = std::thread::current().id();
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
    assert!(threads.lock().unwrap().len() > 1, "nothing moved");
    lab.spans.take(64);
}

/// A handler with all sorts of work in it, that checks its own ids at each step.
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
async fn many_tasks_over_four_threads_see_their_own_ids_at_each_step() {
    const TASKS: u64 = 64;
    const REQUESTS: u64 = 20;
    let lab = Lab::new();
    let service = lab.tracer.server_layer().layer(service_fn(busy));
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
    let spans = lab.spans.take((TASKS * REQUESTS * 5) as usize);
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
fn a_panic_leaves_current_what_was_before() {
    let lab = Lab::new();
    lab.tracer.span("outer").in_scope(|| {
        let outer = current();
        assert!(panics(
            || span("inner").in_scope(|| panic!("as the test wants it"))
        ));
        assert_eq!(current(), outer);
        let mut broken = Box::pin(span("future").instrument(async {
            yield_now().await;
            panic!("as the test wants it");
        }));
        assert!(poll(broken.as_mut()).is_pending());
        assert!(panics(|| assert!(poll(broken.as_mut()).is_pending())));
        assert_eq!(current(), outer);
    });
    assert_eq!(current(), None);
    let spans = lab.spans.take(3);
    let reasons: Vec<_> = spans.iter().map(|span| span.tag("error.reason")).collect();
    assert_eq!(reasons, [Some("panic".into()), Some("panic".into()), None]);
}

#[tokio::test]
async fn a_spawned_task_sees_nothing_unless_it_is_carried_over() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer();
    let mut service = layer.layer(service_fn(|_: Request<()>| async {
        let own = current();
        assert_eq!(tokio::spawn(async { current() }).await.unwrap(), None);
        let (context, id) = tokio::spawn(in_current_context(async {
            // The ids are there, the span is not.
            tower_b3::tag("lost", "1");
            tower_b3::annotate("lost");
            tower_b3::scope::rename("lost");
            assert!(tower_b3::scope::handle().is_none());
            (current(), tower_b3::request_id().unwrap().to_string())
        }))
        .await
        .unwrap();
        assert_eq!((context, &*id), (own, "r"));
        Ok::<_, Infallible>(Response::new(Script::default()))
    }));
    let mut response = service.call(get("/", "x-request-id: r")).await.unwrap();
    drain(response.body_mut()).unwrap();
    let span = lab.spans.take_one();
    assert_eq!(span.tag("lost"), None);
    assert_eq!((span.name(), span.annotations().count()), ("GET", 0));
}

#[test]
fn a_carried_context_outlives_its_span() {
    let lab = Lab::new();
    let mut carried = None;
    lab.tracer.span("request").in_scope(|| {
        carried = Context::current();
    });
    let request = lab.spans.take_one();
    let carried = carried.unwrap();
    for _ in 0..2 {
        carried.clone().in_scope(|| {
            assert_eq!(current(), Some(request.context()));
            span("late").in_scope(|| ());
        });
        assert_eq!(lab.spans.take_one().parent_id(), Some(request.id()));
    }
    assert_eq!(current(), None);
}

#[test]
fn below_a_context_from_elsewhere_spans_leave_no_hole_or_are_a_tracers() {
    let lab = Lab::new();
    let context = TraceContext::root(Sampling::Accept);
    Context::from(context).in_scope(|| {
        assert_eq!(current(), Some(context));
        // Nobody would record it, so nobody becomes its child.
        span("silent").in_scope(|| assert_eq!(current(), Some(context)));
        lab.tracer.span("work").in_scope(|| ());
    });
    let work = lab.spans.take_one();
    assert_eq!(work.parent_id(), Some(context.span_id()));
}

#[test]
fn a_handle_tags_from_another_thread_until_the_span_is_finished() {
    let lab = Lab::new();
    let mut kept = None;
    lab.tracer.span("work").in_scope(|| {
        let handle = tower_b3::scope::handle().unwrap();
        assert_eq!(Some(handle.context()), current());
        let other = handle.clone();
        std::thread::spawn(move || {
            assert!(other.tag("from", "another thread"));
            assert!(other.annotate("there"));
            assert!(other.error("it failed"));
        })
        .join()
        .unwrap();
        kept = Some(handle);
    });
    let span = lab.spans.take_one();
    assert_eq!(span.tag("from").as_deref(), Some("another thread"));
    assert_eq!(span.tag("error.reason").as_deref(), Some("it failed"));
    assert_eq!(span.annotations().count(), 1);
    let kept = kept.unwrap();
    assert!(!kept.tag("late", "1") && !kept.annotate("late") && !kept.error("late"));
    // Its buffer is used again for the next span, which the old handle must not reach.
    lab.tracer
        .span("next")
        .in_scope(|| assert!(!kept.tag("late", "1")));
    assert_eq!(lab.spans.take_one().tag("late"), None);
}

#[test]
fn a_handle_on_a_server_span_reaches_it_until_the_body_ends() {
    let lab = Lab::new();
    let mut handle = None;
    let mut service = lab
        .tracer
        .server_layer()
        .layer(service_fn(|_: Request<()>| {
            handle = tower_b3::scope::handle();
            std::future::ready(Ok::<_, Infallible>(Response::new(Script::data("body"))))
        }));
    let mut response = now(service.call(get("/", ""))).unwrap();
    drop(service);
    let handle = handle.unwrap();
    assert!(handle.tag("while", "streaming"));
    drain(response.body_mut()).unwrap();
    assert!(!handle.tag("too", "late"));
    let span = lab.spans.take_one();
    assert_eq!(span.tag("while").as_deref(), Some("streaming"));
    drop(response);
}

#[test]
fn nobody_gets_a_handle_on_what_is_not_recorded() {
    let lab = Lab::of(|builder| builder.sampler(tower_b3::sample::Sampler::never()));
    let mut silent = lab.tracer.span("silent");
    assert!(silent.handle().is_none());
    silent.in_scope(|| {
        assert!(tower_b3::scope::handle().is_none());
        assert_eq!(current().unwrap().sampling(), Sampling::Deny);
    });
}

#[tokio::test]
async fn local_spans_nest_as_they_are_written() {
    let lab = Lab::new();
    lab.tracer
        .span("top")
        .instrument(async {
            span("sync").in_scope(|| span("sync in sync").in_scope(|| ()));
            let nested = async {
                yield_now().await;
                span("sync in async").in_scope(|| ());
                span("async in async").instrument(yield_now()).await;
            };
            span("async").instrument(nested).await;
            // Started here, entered nowhere.
            let open = span("open");
            span("beside it").in_scope(|| ());
            drop(open);
        })
        .await;
    let spans = lab.spans.take(8);
    let name_of = |id| {
        let parent = spans.iter().find(|span| Some(span.id()) == id);
        parent.map_or("-", |span| span.name())
    };
    let tree: Vec<_> = spans
        .iter()
        .map(|span| (span.name(), name_of(span.parent_id())))
        .collect();
    assert_eq!(
        tree,
        [
            ("sync in sync", "sync"),
            ("sync", "top"),
            ("sync in async", "async"),
            ("async in async", "async"),
            ("async", "top"),
            ("beside it", "top"),
            ("open", "top"),
            ("top", "-"),
        ]
    );
    assert!(spans.iter().all(|span| span.kind().is_none()));
    assert!(
        spans
            .iter()
            .all(|span| span.is_local_root() == (span.name() == "top"))
    );
}

/// Says what is current when it is dropped.
struct OnDrop(Arc<Mutex<Option<TraceContext>>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = current();
    }
}

#[test]
fn what_a_cancelled_future_owns_is_dropped_in_its_context() {
    let lab = Lab::new();
    let seen = Arc::new(Mutex::new(None));
    let owned = |seen: &Arc<_>| OnDrop(Arc::clone(seen));
    let span = lab.tracer.span("cancelled");
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
    assert_eq!(lab.spans.take_one().tag("error"), None);

    let mut unpolled = None;
    lab.tracer.span("request").in_scope(|| {
        let guard = owned(&seen);
        unpolled = Some(in_current_context(async move { drop(guard) }));
    });
    drop(unpolled);
    assert_eq!(*seen.lock().unwrap(), Some(lab.spans.take_one().context()));
}

#[test]
fn what_a_finished_future_owned_is_dropped_in_its_context() {
    struct Owner {
        _guard: OnDrop,
    }
    impl Future for Owner {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }
    let lab = Lab::new();
    let seen = Arc::new(Mutex::new(None));
    let span = lab.tracer.span("finished");
    let _guard = OnDrop(Arc::clone(&seen));
    now(span.instrument(Owner { _guard }));
    assert_eq!(*seen.lock().unwrap(), Some(lab.spans.take_one().context()));
}

/// A text that looks at what is current, and tags it, whenever it is read.
struct Nosy(Arc<AtomicUsize>);

impl AsRef<str> for Nosy {
    fn as_ref(&self) -> &str {
        assert!(current().is_some());
        assert!(tower_b3::scope::handle().is_some());
        tower_b3::tag("nosy", "1");
        span("nosy").in_scope(|| ());
        self.0.fetch_add(1, SeqCst);
        "text"
    }
}

#[test]
fn user_code_inside_a_call_sees_what_is_current() {
    let lab = Lab::new();
    let reads = Arc::new(AtomicUsize::new(0));
    let nosy = || Nosy(Arc::clone(&reads));
    lab.tracer.span("work").in_scope(|| {
        tower_b3::tag(nosy(), nosy());
        tower_b3::annotate(nosy());
        tower_b3::scope::route(nosy());
        tower_b3::scope::rename(nosy());
        tower_b3::scope::error(nosy());
        drop(span(nosy()));
    });
    assert_eq!(reads.load(SeqCst), 7);
    let spans = lab.spans.take(9);
    let work = spans.last().unwrap();
    assert_eq!(work.tag("text").as_deref(), Some("text"));
    assert_eq!(work.tag("nosy").as_deref(), Some("1"));
}

#[test]
fn a_text_that_panics_costs_no_span() {
    struct Broken;
    impl AsRef<str> for Broken {
        fn as_ref(&self) -> &str {
            panic!("as the test wants it")
        }
    }
    let lab = Lab::new();
    lab.tracer.span("work").in_scope(|| {
        let own = current();
        assert!(panics(|| tower_b3::tag("a", Broken)));
        assert!(panics(|| drop(span(Broken))));
        assert_eq!(current(), own);
    });
    assert_eq!(lab.spans.take_one().tag("error"), None);
}

#[test]
fn a_thread_that_ends_can_still_ask() {
    struct AtTheEnd(tower_b3::Tracer);
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
        static EARLY: std::cell::RefCell<Option<AtTheEnd>> = const { std::cell::RefCell::new(None) };
        static LATE: std::cell::RefCell<Option<AtTheEnd>> = const { std::cell::RefCell::new(None) };
    }
    let lab = Lab::new();
    let tracer = lab.tracer.clone();
    std::thread::spawn(move || {
        EARLY.with(|slot| *slot.borrow_mut() = Some(AtTheEnd(tracer.clone())));
        tracer.span("alive").in_scope(|| ());
        LATE.with(|slot| *slot.borrow_mut() = Some(AtTheEnd(tracer.clone())));
    })
    .join()
    .unwrap();
    // Which of them find a slot to be current in depends on the order of their ends.
    let spans = lab.spans.all();
    let count = |name| spans.iter().filter(|span| span.name() == name).count();
    assert_eq!((count("alive"), count("at the end")), (1, 2));
}

#[test]
fn public_types_are_what_they_promise_to_be() {
    use tower_b3::{id, propagation, record, report, sample, tag};
    fn shared<T: Send + Sync + 'static>() {}
    fn unpin<T: Unpin>() {}
    fn clone<T: Clone>() {}
    fn copy<T: Copy + Eq + std::hash::Hash>() {}
    fn error<T: std::error::Error + Send + Sync + 'static>() {}
    type Fut = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

    shared::<tower_b3::Tracer>();
    clone::<tower_b3::Tracer>();
    shared::<tower_b3::TracerBuilder>();
    shared::<tower_b3::ServerLayer>();
    clone::<tower_b3::ServerLayer>();
    shared::<tower_b3::ClientLayer>();
    clone::<tower_b3::ClientLayer>();
    shared::<tower_b3::Server<()>>();
    clone::<tower_b3::Server<()>>();
    shared::<tower_b3::Client<()>>();
    clone::<tower_b3::Client<()>>();
    shared::<tower_b3::ResponseFuture<Fut>>();
    unpin::<tower_b3::ResponseFuture<Fut>>();
    shared::<tower_b3::ResponseBody<http_body_util::Empty<bytes::Bytes>>>();
    unpin::<tower_b3::ResponseBody<http_body_util::Empty<bytes::Bytes>>>();
    shared::<tower_b3::Span>();
    unpin::<tower_b3::Span>();
    shared::<tower_b3::Instrumented<Fut>>();
    unpin::<tower_b3::Instrumented<Fut>>();
    shared::<tower_b3::InContext<Fut>>();
    unpin::<tower_b3::InContext<Fut>>();
    shared::<Context>();
    clone::<Context>();
    shared::<tower_b3::SpanHandle>();
    clone::<tower_b3::SpanHandle>();
    shared::<tower_b3::Trust>();
    clone::<tower_b3::Trust>();
    copy::<TraceContext>();
    copy::<Sampling>();
    copy::<id::TraceId>();
    copy::<id::SpanId>();
    shared::<id::RequestId>();
    shared::<propagation::Propagation>();
    shared::<propagation::Incoming>();
    shared::<propagation::Forwarded>();
    shared::<record::SpanRecord>();
    clone::<record::SpanRecord>();
    shared::<record::Endpoint>();
    shared::<report::InMemoryReporter>();
    shared::<report::ConsoleReporter>();
    shared::<sample::Sampler>();
    clone::<sample::Sampler>();
    shared::<tag::Tag>();
    error::<tower_b3::BuildError>();
    error::<tag::TagError>();
    error::<sample::PercentageError>();
    error::<id::ParseIdError>();
    error::<id::ParseRequestIdError>();
}

#[test]
fn error_is_true_or_not_there() {
    let lab = Lab::new();
    for (value, error, reason) in [
        ("true", true, None),
        ("false", false, None),
        ("", false, None),
        ("out of hats", true, Some("out of hats")),
    ] {
        lab.tracer
            .span("work")
            .in_scope(|| tower_b3::tag("error", value));
        let span = lab.spans.take_one();
        assert_eq!(span.is_error(), error, "{value}");
        assert_eq!(span.tag("error.reason").as_deref(), reason);
    }
}

#[test]
fn what_has_no_name_is_not_recorded() {
    let lab = Lab::new();
    let mut span = lab.tracer.span("work");
    let handle = span.handle().unwrap();
    for blank in ["", " \t", "\u{3000}"] {
        span.tag(blank, "v");
        span.annotate(blank);
        assert!(!handle.tag(blank, "v"));
        assert!(!handle.annotate(blank));
    }
    assert!(handle.tag("a", "v"));
    span.in_scope(|| {
        tower_b3::tag("", "v");
        tower_b3::annotate("");
    });
    let span = lab.spans.take_one();
    let tags: Vec<_> = span.tags().map(|(name, _)| name).collect();
    assert_eq!((tags, span.annotations().count()), (vec!["a"], 0));
}

#[test]
fn what_a_handler_adds_is_bounded_and_counted() {
    let lab = Lab::new();
    lab.tracer.span("n".repeat(1000)).in_scope(|| {
        for at in 0..100_000 {
            tower_b3::tag("progress", format!("{at} of many"));
            tower_b3::tag("other", at.to_string());
        }
        for at in 0..200 {
            tower_b3::tag(format!("tag {at}"), "value");
            tower_b3::tag(format!("empty {at}"), "");
            tower_b3::annotate("event");
        }
    });
    let span = lab.spans.take_one();
    assert_eq!(span.name().len(), 256);
    assert_eq!(span.tag("progress").as_deref(), Some("99999 of many"));
    assert_eq!(span.tag("other").as_deref(), Some("99999"));
    assert_eq!(span.tag("tag 125").as_deref(), Some("value"));
    assert_eq!(span.tag("tag 126"), None);
    assert_eq!(span.annotations().count(), 128);
    // 74 tags and 72 annotations.
    assert_eq!(span.tag("left_out").as_deref(), Some("146"));
}

#[test]
fn a_failure_has_room_behind_any_number_of_tags() {
    let lab = Lab::new();
    let fill = || (0..300).for_each(|at| tower_b3::tag(format!("tag {at}"), "value"));
    lab.tracer.span("error").in_scope(|| {
        fill();
        tower_b3::scope::error("no database");
    });
    lab.tracer.span("tag").in_scope(|| {
        fill();
        tower_b3::tag("error", "no database");
    });
    for span in lab.spans.take(2) {
        assert!(span.is_error());
        assert_eq!(span.tag("error.reason").as_deref(), Some("no database"));
        assert_eq!(span.tag("left_out").as_deref(), Some("172"));
    }
    assert!(panics(|| lab.tracer.span("panic").in_scope(|| {
        fill();
        panic!("expected");
    })));
    let span = lab.spans.take_one();
    assert_eq!(span.tag("error.reason").as_deref(), Some("panic"));
}

#[test]
fn a_handle_can_say_that_the_span_failed_behind_any_number_of_tags() {
    let lab = Lab::new();
    let mut span = lab.tracer.span("work");
    let handle = span.handle().unwrap();
    let taken = (0..300).filter(|at| handle.tag(format!("tag {at}"), "value"));
    assert_eq!(taken.count(), 256);
    for at in 0..1000 {
        assert!(handle.error(format!("failure {at}")));
    }
    drop(span);
    let span = lab.spans.take_one();
    assert!(span.is_error());
    assert_eq!(span.tag("error.reason").as_deref(), Some("failure 999"));
    assert!(!handle.error("late"));
}

#[test]
fn a_tracers_span_below_anothers_is_its_own() {
    let (outer, inner) = (Lab::new(), Lab::new());
    outer
        .tracer
        .span("outer")
        .in_scope(|| inner.tracer.span("inner").in_scope(|| ()));
    let (outer, inner) = (outer.spans.take_one(), inner.spans.take_one());
    assert_eq!(inner.parent_id(), Some(outer.id()));
}
