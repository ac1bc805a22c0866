//! The tail sampler behind a tracer.

use crate::LONG;
use http::{Request, Response};
use std::{
    convert::Infallible,
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{
    Sampling, TraceContext, Tracer,
    id::{SpanId, TraceId},
    record::SpanRecord,
    report::{InMemoryReporter, Reporter, TailSampler, TailSamplerBuilder, TailStats},
    sample::Sampler,
};

struct Lab {
    tracer: Tracer,
    tail: TailSampler,
    spans: InMemoryReporter,
}

impl Lab {
    fn new(configure: impl FnOnce(TailSamplerBuilder) -> TailSamplerBuilder) -> Lab {
        let spans = InMemoryReporter::default();
        let tail = configure(TailSampler::builder(spans.clone())).build();
        let tracer = Tracer::builder("orders").reporter(tail.clone());
        Lab {
            tracer: tracer.build().unwrap(),
            tail,
            spans,
        }
    }

    /// A request with a local span, in which this is done.
    fn request(&self, inside: impl FnOnce()) {
        let root = self.tracer.span("request");
        root.in_scope(|| tower_b3::span("work").in_scope(inside));
    }

    fn names(&self) -> Vec<String> {
        let spans = self.spans.take();
        spans.iter().map(|span| span.name().to_owned()).collect()
    }

    fn stats(&self) -> TailStats {
        let stats = self.tail.stats();
        let dropped = stats.unwanted + stats.late + stats.evicted + stats.expired;
        assert_eq!(stats.received, stats.held + stats.kept + dropped, "{stats}");
        stats
    }
}

const REQUEST: [&str; 2] = ["work", "request"];

#[test]
fn a_request_that_failed_is_kept_with_its_spans_in_order() {
    let lab = Lab::new(|tail| tail);
    lab.request(|| {});
    assert_eq!(lab.names(), [""; 0]);
    lab.request(|| tower_b3::scope::error("no rows"));
    assert_eq!(lab.names(), REQUEST);
    lab.tracer.span("request").in_scope(|| {
        drop(tower_b3::span("work"));
        tower_b3::scope::error("no rows");
    });
    assert_eq!(lab.names(), REQUEST);
    let stats = lab.stats();
    assert_eq!((stats.kept, stats.unwanted), (4, 2));
    assert_eq!(
        stats.to_string(),
        "6 received, 0 held, 4 kept, 2 unwanted, 0 late, 0 evicted, 0 expired"
    );
}

/// With spans of their own times, so that nothing sleeps.
#[test]
fn a_request_that_was_slow_is_kept() {
    let lab = Lab::new(|tail| tail.slow(Duration::from_millis(500)));
    for millis in [499, 500] {
        let root = TraceContext::root(Sampling::Accept);
        let took = |context, millis| {
            SpanRecord::builder(context)
                .name(&format!("{millis}"))
                .duration(Duration::from_millis(millis))
        };
        // A span that is no local root may take longer.
        lab.tail.report(took(root.child(), 600).build());
        lab.tail.report(took(root, millis).local_root(true).build());
    }
    assert_eq!(lab.names(), ["600", "500"]);
}

#[test]
fn a_rule_of_the_user_keeps_and_may_panic() {
    let lab = Lab::new(|tail| {
        tail.keep_if(|_| panic!("a bad rule"))
            .keep_if(|span| span.tag("tenant").as_deref() == Some("acme"))
    });
    lab.request(|| tower_b3::tag("tenant", "acme"));
    lab.request(|| tower_b3::tag("tenant", "other"));
    assert_eq!(lab.names(), REQUEST);
}

#[test]
fn the_sampler_picks_what_it_picks_as_a_head_sampler() {
    let percent = || Sampler::percentage(50.0).unwrap();
    let lab = Lab::new(|tail| tail.sampler(percent()).keep_sampled_by_caller(false));
    let head = InMemoryReporter::default();
    let tracer = Tracer::builder("orders").sampler(percent());
    let tracer = tracer.reporter(head.clone()).build().unwrap();
    for low in 0..100 {
        let trace = TraceId::from_halves(1, 100 * low + 1).unwrap();
        let parent = |sampling| TraceContext::new(trace, SpanId::new(1).unwrap(), None, sampling);
        drop(tracer.span_below(parent(Sampling::Defer), "request"));
        drop(lab.tracer.span_below(parent(Sampling::Accept), "request"));
    }
    let traces = |spans: Vec<SpanRecord>| -> Vec<TraceId> {
        spans.iter().map(SpanRecord::trace_id).collect()
    };
    let picked = traces(head.take());
    assert_eq!(picked.len(), 50);
    assert_eq!(traces(lab.spans.take()), picked);
}

/// Serves a request with these headers.
fn serve(tracer: &Tracer, headers: &[(&str, &str)]) {
    let handler = service_fn(async |_: Request<()>| {
        drop(tower_b3::span("work"));
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let mut request = Request::get("http://orders/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(()).unwrap();
    let service = tracer.server_layer().layer(handler);
    crate::shutdown::block_on(service.oneshot(request)).unwrap();
}

#[test]
fn debug_and_forced_traces_are_kept() {
    let lab = Lab::new(|tail| tail.keep_sampled_by_caller(false));
    let ids = [
        ("x-b3-traceid", "463ac35c9f6413ad"),
        ("x-b3-spanid", "a2fb4a1d1a96d312"),
        ("x-b3-sampled", "1"),
    ];
    serve(&lab.tracer, &ids);
    serve(&lab.tracer, &[]);
    assert_eq!(lab.names(), [""; 0]);
    let forced = [ids[0], ids[1], ids[2], ("x-envoy-force-trace", "")];
    for headers in [
        &[("x-b3-flags", "1")][..],
        &[("x-envoy-force-trace", "true")],
        &[("x-client-trace-id", "7")],
        &forced,
    ] {
        serve(&lab.tracer, headers);
        assert_eq!(lab.names(), ["work", "GET"], "{headers:?}");
    }
    lab.stats();
}

#[test]
fn what_the_caller_has_sampled_is_kept_by_default() {
    let sampled = [("b3", "463ac35c9f6413ad-a2fb4a1d1a96d312-1")];
    let undecided = [("b3", "463ac35c9f6413ad-a2fb4a1d1a96d312")];
    for (headers, keep, kept) in [
        (&sampled, true, 2),
        (&sampled, false, 0),
        (&undecided, true, 0),
    ] {
        let lab = Lab::new(|tail| tail.keep_sampled_by_caller(keep));
        serve(&lab.tracer, headers);
        assert_eq!(lab.spans.take().len(), kept, "{headers:?}");
    }
    let lab = Lab::new(|tail| tail);
    let sender = TraceContext::root(Sampling::Accept);
    drop(lab.tracer.span_below(sender, "consume"));
    assert_eq!(lab.names(), ["consume"]);
}

/// A decision that the sampler would make anyway is no force.
#[test]
fn a_reason_in_the_request_id_forces() {
    let spans = InMemoryReporter::default();
    let tail = TailSampler::builder(spans.clone()).build();
    let tracer = Tracer::builder("orders")
        .sampler(Sampler::percentage_by_request_id(100.0).unwrap())
        .reporter(tail.clone());
    let tracer = tracer.build().unwrap();
    for (reason, kept) in [('4', 0), ('9', 0), ('a', 2), ('b', 2)] {
        let id = format!("00000000-0000-{reason}000-8000-000000000000");
        serve(&tracer, &[("x-request-id", &id)]);
        assert_eq!(spans.take().len(), kept, "{reason}");
    }
}

#[test]
fn spans_that_end_after_their_request_follow_its_decision() {
    let lab = Lab::new(|tail| tail);
    for fails in [false, true] {
        let late = lab.tracer.span("request").in_scope(|| {
            if fails {
                tower_b3::scope::error("no rows");
            }
            tower_b3::span("late")
        });
        drop(late);
    }
    assert_eq!(lab.names(), ["request", "late"]);
    assert_eq!(lab.stats().late, 1);
    // Nothing is remembered: the late span is held.
    let lab = Lab::new(|tail| tail.remember(Duration::ZERO));
    let root = lab.tracer.span("request");
    drop(root.in_scope(|| tower_b3::span("late")));
    assert_eq!((lab.stats().late, lab.stats().held), (0, 1));
    assert!(!lab.tracer.flush(LONG));
}

#[test]
fn the_oldest_trace_is_dropped_beyond_a_limit() {
    let lab = Lab::new(|tail| tail.max_spans(3));
    for _ in 0..3 {
        let root = TraceContext::root(Sampling::Accept);
        (0..2).for_each(|_| lab.tail.report(SpanRecord::builder(root.child()).build()));
    }
    let stats = lab.stats();
    assert_eq!((stats.held, stats.evicted), (2, 4));
    let lab = Lab::new(|tail| tail.max_bytes(1));
    lab.request(|| {});
    assert_eq!(lab.stats().evicted, 1);
    let lab = Lab::new(|tail| tail.max_traces(0));
    lab.request(|| {});
    assert_eq!(lab.stats().evicted, 1);
}

#[test]
fn the_counts_add_up_with_many_threads() {
    const THREADS: usize = 4;
    const REQUESTS: usize = 500;
    let lab = Lab::new(|tail| tail.max_spans(128));
    let start = Arc::new(Barrier::new(THREADS));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                for number in 0..REQUESTS {
                    lab.request(|| {
                        if number % 10 == 0 {
                            tower_b3::scope::error("no rows");
                        }
                    });
                }
            });
        }
    });
    let stats = lab.stats();
    assert_eq!(stats.received, 2 * (THREADS * REQUESTS) as u64);
    assert_eq!(stats.kept, stats.received / 10);
    assert_eq!(
        (stats.held, stats.unwanted + stats.evicted),
        (0, stats.received * 9 / 10)
    );
    assert_eq!(lab.spans.take().len() as u64, stats.kept);
}

/// It holds copies: records would keep the tracer alive, which would keep the tail sampler alive.
#[test]
fn held_spans_do_not_keep_the_tracer_alive() {
    struct Behind(Arc<()>);

    impl Reporter for Behind {
        fn report(&self, _: SpanRecord) {
            assert!(Arc::strong_count(&self.0) > 1);
        }
    }

    let alive = Arc::new(());
    let tail = TailSampler::builder(Behind(Arc::clone(&alive))).remember(Duration::ZERO);
    let tracer = Tracer::builder("orders").reporter(tail.build());
    let tracer = tracer.build().unwrap();
    // It is held for a root that has ended and is forgotten.
    let root = tracer.span("request");
    drop(root.in_scope(|| tower_b3::span("late")));
    drop(tracer);
    assert_eq!(Arc::strong_count(&alive), 1);
}
