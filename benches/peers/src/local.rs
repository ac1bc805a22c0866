//! Local spans: a span of the `tracing` crate under the layer that each peer has for
//! `tracing-subscriber`, inside of a request that the peer samples or does not.

use crate::{
    peer::fastrace::NullReporter,
    run::{SERVING, SLICE},
    stacks::{Flush, opentelemetry::provider},
};
use load::{null_reporter, tracer};
use opentelemetry::trace::TracerProvider;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};
use tower_b3::{Mode, TracingLayer};
use tracing::{Dispatch, dispatcher, info_span};
use tracing_subscriber::{layer::SubscriberExt, registry};

/// Name, and what it is. The first one is the reference.
pub const LAYERS: [(&str, &str); 6] = [
    (
        "registry",
        "the registry of tracing-subscriber 0.3, without a layer",
    ),
    ("tower-b3", "TracingLayer"),
    ("tracing-opentelemetry", "0.34, with its defaults"),
    (
        "tracing-opentelemetry, bare",
        "without code location, threads and busy times",
    ),
    ("fastrace-tracing", "0.1.1, with its defaults"),
    (
        "fastrace-tracing, bare",
        "without code location and threads",
    ),
];

/// Calls a function inside of a request.
type InRequest = Box<dyn Fn(&mut dyn FnMut())>;

/// A registry with the layer of a peer.
pub struct Subscriber {
    dispatch: Dispatch,
    in_request: InRequest,
    flush: Flush,
}

impl Subscriber {
    /// Makes this many slices of [`SLICE`] spans, each slice in a request, and returns the time that
    /// the spans took.
    pub fn spans(&self, slices: usize) -> Duration {
        let mut took = Duration::ZERO;
        dispatcher::with_default(&self.dispatch, || {
            for _ in 0..slices {
                (self.in_request)(&mut || {
                    SERVING.set(true);
                    let start = Instant::now();
                    (0..SLICE as u64).for_each(span);
                    took += start.elapsed();
                    SERVING.set(false);
                });
            }
        });
        took
    }

    /// Waits until every span has been reported.
    pub fn flush(&self) {
        (self.flush)();
    }
}

/// A span with three fields, as `#[instrument]` makes it.
fn span(order: u64) {
    let order = black_box(order);
    let span = info_span!("load", order, user = black_box("ada"), cached = false);
    span.in_scope(|| black_box(order));
}

/// Builds one of [`LAYERS`]. Every request is sampled, or none.
pub fn subscriber(layer: &str, samples: bool) -> Subscriber {
    match layer {
        "registry" => Subscriber {
            dispatch: Dispatch::new(registry()),
            in_request: Box::new(|spans| spans()),
            flush: Box::new(|| {}),
        },
        "tower-b3" => tower_b3(samples),
        "tracing-opentelemetry" => opentelemetry(samples, false),
        "tracing-opentelemetry, bare" => opentelemetry(samples, true),
        "fastrace-tracing" => fastrace(samples, false),
        "fastrace-tracing, bare" => fastrace(samples, true),
        other => panic!("no layer {other}"),
    }
}

fn tower_b3(samples: bool) -> Subscriber {
    let reporter = null_reporter().expect("a reporter");
    let tracer = tracer(Mode::Spans, samples, reporter.clone());
    Subscriber {
        dispatch: Dispatch::new(registry().with(TracingLayer::new())),
        in_request: Box::new(move |spans| tracer.span("request").in_scope(spans)),
        flush: Box::new(move || assert!(reporter.flush(Duration::from_secs(60)))),
    }
}

fn opentelemetry(samples: bool, bare: bool) -> Subscriber {
    let (provider, flush) = provider(samples);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("peers"));
    let layer = match bare {
        false => layer,
        true => layer
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false),
    };
    Subscriber {
        dispatch: Dispatch::new(registry().with(layer)),
        in_request: Box::new(|spans| info_span!("request").in_scope(spans)),
        flush,
    }
}

fn fastrace(samples: bool, bare: bool) -> Subscriber {
    use ::fastrace::{Span, collector::Config, prelude::SpanContext, set_reporter};
    set_reporter(NullReporter, Config::default());
    let layer = fastrace_tracing::FastraceCompatLayer::new();
    let layer = match bare {
        false => layer,
        true => layer.with_location(false).with_threads(false),
    };
    Subscriber {
        dispatch: Dispatch::new(registry().with(layer)),
        in_request: Box::new(move |spans| {
            let root = Span::root("request", SpanContext::random().sampled(samples));
            let _current = root.set_local_parent();
            spans();
        }),
        flush: Box::new(::fastrace::flush),
    }
}
