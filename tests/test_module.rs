//! The module `test` itself: what it collects, how it waits, and how it fails.

mod common;

use common::panics;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::{Duration, Instant},
};
use tokio::{sync::oneshot, task::yield_now, time::sleep};
use tower_b3::{
    Tracer,
    test::{SpanCollector, TreeFormat},
};

const SHORT: Duration = Duration::from_millis(20);

/// The message of the panic that `work` ends in.
#[track_caller]
fn message(work: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(work)).expect_err("no panic");
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(other) => (*other.downcast::<&str>().unwrap()).to_owned(),
    }
}

#[test]
fn spans_that_no_assertion_has_taken_fail_the_test() {
    let spans = SpanCollector::new();
    drop(spans.tracer("orders").span("charge"));
    let message = message(|| drop(spans));
    let expected = "spans that no assertion has taken:\n\norders  charge\n";
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn a_panicking_test_is_not_aborted_by_spans_that_are_left() {
    let message = message(|| {
        let spans = SpanCollector::new();
        drop(spans.tracer("orders").span("charge"));
        panic!("the failure of the test");
    });
    assert_eq!(message, "the failure of the test");
}

#[test]
fn the_number_of_spans_is_exact() {
    let spans = SpanCollector::new();
    let tracer = spans.tracer("orders");
    assert!(panics(|| drop(spans.take_one())));
    for name in ["charge", "ship"] {
        drop(tracer.span(name));
    }
    assert!(message(|| spans.assert_empty()).contains("orders  ship"));
    assert!(message(|| drop(spans.take_one())).contains("orders  charge"));
    assert!(spans.take_all().is_empty(), "a failed take takes them");
}

#[test]
fn one_span_can_be_taken_out_of_several() {
    let spans = SpanCollector::new();
    let tracer = spans.tracer("orders");
    for name in ["charge", "ship"] {
        drop(tracer.span(name));
    }
    assert_eq!(
        spans.take_where(|span| span.name() == "ship").name(),
        "ship"
    );
    let missing = || drop(spans.take_where(|span| span.name() == "ship"));
    assert!(message(missing).starts_with("no such span; finished:\n\norders  charge"));
    assert_eq!(spans.take_one().name(), "charge");
}

#[test]
fn a_different_tree_is_shown_as_a_diff_and_as_text_to_paste() {
    let spans = SpanCollector::new();
    let tracer = spans.tracer("orders");
    tracer.span("order").in_scope(|| {
        tower_b3::span("charge").in_scope(|| tower_b3::tag("cents", "1200"));
        tower_b3::span("ship").in_scope(|| tower_b3::scope::error("no stock"));
    });
    let expected = "
        orders  order
        orders  └─ charge
        orders  └─ refund
    ";
    assert_eq!(
        message(|| spans.assert_tree(expected)),
        "the spans differ (- expected, + actual):

  orders  order
- orders  └─ charge
- orders  └─ refund
+ orders  └─ charge  cents=1200
+ orders  └─ ship    error error.reason=no stock

The actual text:

orders  order
orders  └─ charge  cents=1200
orders  └─ ship    error error.reason=no stock
"
    );
}

#[test]
fn each_span_is_checked_however_it_is_taken() {
    let spans = SpanCollector::new().check(|span| assert_ne!(span.name(), "secret"));
    let tracer = spans.tracer("orders");
    let takes: [fn(&SpanCollector); 5] = [
        |spans| drop(spans.take_one()),
        |spans| drop(spans.take_all()),
        |spans| drop(spans.take_where(|_| true)),
        |spans| drop(spans.wait_blocking(1)),
        |spans| spans.assert_tree("orders  secret"),
    ];
    for take in takes {
        drop(tracer.span("secret"));
        assert!(panics(|| take(&spans)));
    }
    drop(tracer.span("public"));
    spans.assert_tree("orders  public");
}

#[test]
fn a_thread_that_finishes_a_span_ends_a_blocking_wait() {
    let spans = SpanCollector::new();
    let span = spans.tracer("orders").span("charge");
    let finishing = thread::spawn(move || drop(span));
    assert_eq!(spans.wait_blocking(1)[0].name(), "charge");
    finishing.join().unwrap();
}

#[test]
fn a_blocking_wait_ends_when_time_is_up() {
    let spans = SpanCollector::new().timeout(SHORT);
    drop(spans.tracer("orders").span("charge"));
    let begun = Instant::now();
    let message = message(|| drop(spans.wait_blocking(2)));
    assert!(begun.elapsed() >= SHORT);
    let expected = "fewer than 2 spans finished within 20ms:\n\norders  charge";
    assert!(message.starts_with(expected), "{message}");
    spans.assert_tree("orders  charge");
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_the_last_span_even_when_tokios_time_is_paused() {
    let spans = SpanCollector::new();
    let tracer = spans.tracer("orders");
    let (go, gone) = oneshot::channel();
    tokio::spawn(async move {
        gone.await.unwrap();
        drop(tracer.span("charge"));
        yield_now().await;
        drop(tracer.span("ship"));
    });
    go.send(()).unwrap();
    spans.wait_until(1).await;
    let both = spans.wait(2).await;
    let names: Vec<_> = both.iter().map(|span| span.name()).collect();
    assert_eq!(names, ["charge", "ship"]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_uses_real_time_when_tokios_time_is_paused() {
    let spans = SpanCollector::new().timeout(Duration::from_millis(200));
    let tracer = spans.tracer("orders");
    let later = tokio::spawn(async move {
        // Paused time jumps ahead by an hour.
        sleep(Duration::from_secs(3600)).await;
        drop(tracer.span("charge"));
    });
    spans.wait_for_tree("orders  charge").await;
    later.await.unwrap();
}

#[tokio::test]
async fn a_wait_ends_when_time_is_up() {
    let spans = SpanCollector::new().timeout(SHORT);
    let waiting = tokio::spawn(async move { spans.wait_one().await });
    let panic = waiting.await.unwrap_err().into_panic();
    let message = panic.downcast::<String>().unwrap();
    assert_eq!(*message, "fewer than 1 spans finished within 20ms: none");
}

#[tokio::test]
async fn a_tree_that_is_not_complete_in_time_is_shown_as_a_diff() {
    let spans = SpanCollector::new().timeout(SHORT);
    drop(spans.tracer("orders").span("charge"));
    let waiting =
        tokio::spawn(async move { spans.wait_for_tree("orders  charge\n\norders  ship").await });
    let message = waiting.await.unwrap_err().into_panic();
    let message = message.downcast::<String>().unwrap();
    assert!(
        message.contains("  orders  charge\n- \n- orders  ship"),
        "{message}"
    );
}

#[tokio::test]
async fn a_wait_can_be_given_up() {
    let spans = SpanCollector::new();
    tokio::select! {
        biased;
        _ = spans.wait_one() => panic!("a span"),
        () = yield_now() => {}
    }
    drop(spans.tracer("orders").span("charge"));
    assert_eq!(spans.wait_one().await.name(), "charge");
}

#[test]
fn tracers_of_several_services_make_one_tree() {
    let spans = SpanCollector::new();
    let (webapp, catalog) = (spans.tracer("webapp"), spans.tracer("catalog"));
    webapp.span("page").in_scope(|| {
        drop(catalog.span("items"));
    });
    spans.assert_tree(
        "
        webapp   page
        catalog  └─ items
        ",
    );
}

#[test]
fn a_tracer_that_is_built_elsewhere_reports_through_the_reporter() {
    let spans = SpanCollector::new().tree_format(TreeFormat::default().no_tags());
    let tracer = Tracer::builder("orders").reporter(spans.reporter());
    let tracer = tracer.build().unwrap();
    tracer
        .span("charge")
        .in_scope(|| tower_b3::tag("cents", "1200"));
    spans.assert_tree("orders  charge");
}

#[test]
fn an_invalid_service_name_panics_with_the_reason() {
    let spans = SpanCollector::new();
    let message = message(|| drop(spans.tracer(" ")));
    assert!(message.starts_with("no tracer: "), "{message}");
}
