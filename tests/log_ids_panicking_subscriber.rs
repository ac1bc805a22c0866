//! A `tracing` subscriber that panics fails no request, and leaves no span unfinished.
//!
//! In a process of its own: `tracing` caches for the whole process which subscribers there are.
#![cfg(feature = "log-ids")]

mod common;

use common::{Script, TestTracer, drain, ending, get, now, panics};
use http::{Request, Response};
use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};
use tower::{Layer, Service, service_fn};
use tower_b3::{RequestContext, span};
use tracing::{Event, Metadata, Subscriber, span as log};

/// Panics in the method of this name.
#[derive(Clone, Default)]
struct Panicking(Arc<Mutex<&'static str>>);

impl Panicking {
    fn reach(&self, method: &'static str) {
        let here = *self.0.lock().unwrap() == method;
        assert!(!here, "expected");
    }

    fn panic_in(&self, method: &'static str) {
        *self.0.lock().unwrap() = method;
    }
}

impl Subscriber for Panicking {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        self.reach("enabled");
        true
    }

    fn new_span(&self, _: &log::Attributes<'_>) -> log::Id {
        self.reach("new_span");
        log::Id::from_u64(1)
    }

    fn record(&self, _: &log::Id, _: &log::Record<'_>) {}

    fn record_follows_from(&self, _: &log::Id, _: &log::Id) {}

    fn event(&self, _: &Event<'_>) {
        self.reach("event");
    }

    fn enter(&self, _: &log::Id) {
        self.reach("enter");
    }

    fn exit(&self, _: &log::Id) {
        self.reach("exit");
    }

    fn clone_span(&self, id: &log::Id) -> log::Id {
        self.reach("clone_span");
        id.clone()
    }

    fn try_close(&self, _: log::Id) -> bool {
        self.reach("try_close");
        true
    }
}

#[test]
fn a_subscriber_that_panics_fails_no_request() {
    let subscriber = Panicking::default();
    tracing::subscriber::set_global_default(subscriber.clone()).unwrap();
    let methods = [
        "enabled",
        "new_span",
        "enter",
        "exit",
        "clone_span",
        "try_close",
        "event",
    ];
    for method in methods {
        // A malformed header is an event too.
        for lines in ["x-b3-sampled: 1", "b3: malformed|x-b3-sampled: 1"] {
            let test = TestTracer::new();
            subscriber.panic_in(method);
            let handler = service_fn(|_: Request<()>| async {
                RequestContext::current().unwrap().in_scope(|| ());
                span("local").in_scope(|| ());
                Ok::<_, Infallible>(Response::new(Script::data("answer")))
            });
            let mut service = test.tracer.server_layer().layer(handler);
            let mut response = now(service.call(get("/", lines))).unwrap();
            assert_eq!(drain(response.body_mut()), Ok(6), "{method}");
            drop(response);
            subscriber.panic_in("");
            test.spans.assert_tree(
                "
                shop  SERVER  GET       http.status_code=200
                shop          └─ local
                ",
            );
            assert_eq!(tower_b3::current(), None, "{method}");
        }
    }
    // A second panic while the first unwinds would abort the process.
    for method in ["exit", "try_close"] {
        let test = TestTracer::new();
        let handler = service_fn(|_: Request<()>| async {
            if tower_b3::current().is_some() {
                panic!("expected");
            }
            Ok::<_, Infallible>(Response::new(Script::default()))
        });
        let mut service = test.tracer.server_layer().layer(handler);
        subscriber.panic_in(method);
        assert!(panics(|| drop(now(
            service.call(get("/", "x-b3-sampled: 1"))
        ))));
        subscriber.panic_in("");
        assert_eq!(ending(&test.spans.take_one()), "0 error(panic)");
    }
}
