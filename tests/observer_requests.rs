//! What observers get of requests and their bodies, and that they do not change spans.

#[path = "common/mod.rs"]
mod common;

use bytes::Bytes;
use common::{Script, TestTracer, drain, get, now};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use std::{
    convert::Infallible,
    future::ready,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
};
use tower::{Layer, Service, service_fn};
use tower_b3::{Direction, Mode, TracerBuilder, observe::EndedExchange, report::InMemoryReporter};

type Boxed = UnsyncBoxBody<Bytes, &'static str>;

/// What is noted of each exchange.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn observer(
        &self,
        note: impl Fn(&EndedExchange<'_>) -> String + Send + Sync + 'static,
    ) -> impl Fn(&EndedExchange<'_>) + Send + Sync + 'static {
        let notes = self.clone();
        move |exchange: &EndedExchange<'_>| notes.0.lock().unwrap().push(note(exchange))
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn handler(_: Request<Boxed>) -> std::future::Ready<Result<Response<Script>, Infallible>> {
    ready(Ok(Response::new(Script::default())))
}

#[test]
fn the_size_of_a_body_that_an_observer_sees_is_not_a_tag() {
    let notes = Notes::default();
    let size = notes.observer(|exchange| format!("{:?}", exchange.request_bytes()));
    let test = TestTracer::of(|builder| {
        let builder = builder.observer(size);
        builder.count_request_bodies(Boxed::new)
    });
    for (length, tag) in [("", None), ("content-length: 3", Some("3"))] {
        let mut request = Request::new(Boxed::new(Script::data("five!").sized(5)));
        *request.headers_mut() = common::headers(length);
        let mut server = test.tracer.server_layer().layer(service_fn(handler));
        drain(now(server.call(request)).unwrap().body_mut()).unwrap();
        assert_eq!(test.spans.take_one().tag("request_size").as_deref(), tag);
        assert_eq!(notes.take(), ["Some(5)"]);
    }
}

#[test]
fn a_panic_of_wrap_is_the_callers_and_the_exchange_ends() {
    let notes = Notes::default();
    let ending = notes.observer(|exchange| format!("{:?}", exchange.ending()));
    let test = TestTracer::of(|builder| {
        let builder = builder.observer(ending);
        builder.count_request_bodies(|_| -> Boxed { panic!("expected") })
    });
    let mut server = test.tracer.server_layer().layer(service_fn(handler));
    let request = Request::new(Boxed::new(Script::data("payload")));
    let called = catch_unwind(AssertUnwindSafe(|| drop(server.call(request))));
    assert!(called.is_err());
    assert_eq!(notes.take(), ["Panicked"]);
    let span = test.spans.take_one();
    assert_eq!(span.tag("error.reason").as_deref(), Some("panic"));
    assert_eq!(tower_b3::current(), None);
}

#[test]
fn a_call_without_a_span_has_its_request_id() {
    let notes = Notes::default();
    let id = notes.observer(|exchange| {
        let id = exchange.request_id().map(ToString::to_string);
        format!("{:?} {id:?}", exchange.direction())
    });
    let test = TestTracer::of(|builder| builder.observer(id).mode(Mode::ForwardOnly));
    let client = test.tracer.client_layer();
    let mut server = test
        .tracer
        .server_layer()
        .layer(service_fn(|_: Request<()>| {
            common::sent_headers(&client, get("http://catalog/", ""));
            ready(Ok::<_, Infallible>(Response::new(Script::default())))
        }));
    drain(
        now(server.call(get("/", "x-request-id: abc")))
            .unwrap()
            .body_mut(),
    )
    .unwrap();
    let expected = [r#"Client Some("abc")"#, r#"Server Some("abc")"#];
    assert_eq!(notes.take(), expected);
    // One that must not carry the id has none.
    common::sent_headers(&client, get("http://catalog/", ""));
    assert_eq!(notes.take(), ["Client None"]);
}

#[test]
fn a_forwarding_layer_inside_of_one_without_observers_observes() {
    let notes = Notes::default();
    let ended = notes.observer(|exchange| {
        let (route, id) = (exchange.route(), exchange.request_id());
        format!("{:?} {route:?} {}", exchange.direction(), id.is_some())
    });
    let forward_only =
        |builder: TracerBuilder| builder.mode_for(Direction::Server, Mode::ForwardOnly);
    let inner = TestTracer::of(|builder| forward_only(builder.observer(ended)));
    let spans = InMemoryReporter::default();
    let outer = tower_b3::Tracer::builder("outer").reporter(spans.clone());
    let outer = outer.build().unwrap();
    let innermost = inner
        .tracer
        .server_layer()
        .layer(service_fn(|_: Request<()>| {
            assert!(tower_b3::current().is_some());
            ready(Ok::<_, Infallible>(Response::new(Script::default())))
        }));
    let middle = inner.tracer.server_layer().layer(innermost);
    let mut all = outer.server_layer().layer(middle);
    drain(now(all.call(get("/", ""))).unwrap().body_mut()).unwrap();
    assert_eq!(notes.take(), ["Server None true"]);
    assert_eq!(spans.take().len(), 1);
}
