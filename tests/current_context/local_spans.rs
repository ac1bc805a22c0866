//! Local spans: their trees, and what they do without a current context.

use crate::common::{TestTracer, TreeFormat, now};
use tokio::task::yield_now;
use tower_b3::{RequestContext, current, in_current_context, scope, span};

#[test]
fn without_a_current_context_nothing_happens() {
    let test = TestTracer::new();
    assert_eq!(current(), None);
    assert!(tower_b3::request_id().is_none());
    assert!(scope::handle().is_none());
    assert!(RequestContext::current().is_none());
    tower_b3::tag("a", "b");
    tower_b3::annotate("a");
    scope::rename("a");
    scope::route("/a");
    scope::error("a");
    let mut local = span("a");
    local.tag("a", "b");
    assert_eq!(local.context(), None);
    assert_eq!(local.in_scope(current), None);
    assert_eq!(now(in_current_context(async { current() })), None);
    test.spans.take(0);
}

#[tokio::test]
async fn local_spans_nest_as_they_are_written() {
    let test = TestTracer::new();
    test.tracer
        .span("top")
        .instrument(async {
            span("sync").in_scope(|| span("sync in sync").in_scope(|| ()));
            let nested = async {
                yield_now().await;
                span("sync in async").in_scope(|| ());
                span("async in async").instrument(yield_now()).await;
            };
            span("async").instrument(nested).await;
            // A span that is started but never entered is no parent.
            let open = span("open");
            span("beside it").in_scope(|| ());
            drop(open);
        })
        .await;
    let spans = test.spans.take(8);
    TreeFormat::default().sort_siblings(true).assert(
        &spans,
        "
        shop  top
        shop  └─ async
        shop     └─ async in async
        shop     └─ sync in async
        shop  └─ beside it
        shop  └─ open
        shop  └─ sync
        shop     └─ sync in sync
        ",
    );
    let finished: Vec<_> = spans.iter().map(|span| span.name()).collect();
    assert_eq!(
        finished,
        [
            "sync in sync",
            "sync",
            "sync in async",
            "async in async",
            "async",
            "beside it",
            "open",
            "top",
        ]
    );
    assert!(spans.iter().all(|span| span.kind().is_none()));
    assert!(
        spans
            .iter()
            .all(|span| span.is_local_root() == (span.name() == "top"))
    );
}

#[test]
fn spans_of_two_tracers_nest() {
    let (outer, inner) = (TestTracer::new(), TestTracer::new());
    outer
        .tracer
        .span("outer")
        .in_scope(|| inner.tracer.span("inner").in_scope(|| ()));
    let (outer, inner) = (outer.spans.take_one(), inner.spans.take_one());
    TreeFormat::default().assert(
        &[outer, inner],
        "
        shop  outer
        shop  └─ inner
        ",
    );
}

#[test]
fn the_error_tag_is_true_or_absent() {
    let test = TestTracer::new();
    for (value, error, reason) in [
        ("true", true, None),
        ("false", false, None),
        ("", false, None),
        ("out of hats", true, Some("out of hats")),
    ] {
        test.tracer
            .span("work")
            .in_scope(|| tower_b3::tag("error", value));
        let span = test.spans.take_one();
        assert_eq!(span.is_error(), error, "{value}");
        assert_eq!(span.tag("error.reason").as_deref(), reason);
    }
}
