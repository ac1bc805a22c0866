//! Observers see the end of every exchange once, sampled or not, and agree with its span.

#[path = "common/mod.rs"]
mod common;

use bytes::Bytes;
use common::{DebugText, Script, Step, TestTracer, drain, get, headers, next, now, poll};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use std::{
    convert::Infallible,
    future::{pending, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex},
};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, Mode, RequestHead, RouteTemplate, Tracer, TracerBuilder,
    observe::{EndedExchange, ExchangeObserver, ResponseHead},
    sample::Sampler,
    scope,
};

/// A line for each exchange.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    #[track_caller]
    fn take_one(&self) -> String {
        let lines = self.take();
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.into_iter().next().unwrap()
    }
}

impl ExchangeObserver for Lines {
    type State = String;

    fn request(&self, state: &mut String, direction: Direction, request: &RequestHead<'_>) {
        assert!(state.is_empty(), "left from another exchange: {state}");
        *state = format!("{direction:?} {}", request.uri());
    }

    fn response(&self, state: &mut String, response: &ResponseHead<'_>) {
        state.push_str(&format!(" {}", response.headers().len()));
    }

    fn ended(&self, state: &mut String, exchange: &EndedExchange<'_>) {
        let route = exchange.route().unwrap_or("-");
        let (code, flags) = (exchange.response_code(), exchange.response_flags());
        let ending = exchange.ending();
        let bytes = (exchange.request_bytes(), exchange.response_bytes());
        let mut line = format!("{state}: {route} {code} {flags} {ending:?} {bytes:?}");
        if exchange.is_grpc() {
            line.push_str(&format!(" grpc {:?}", exchange.grpc_status()));
        }
        if let Some(error) = exchange.error() {
            line.push_str(&format!(" error {error}"));
        }
        let head = exchange.duration_to_head();
        assert_eq!(head.is_some(), exchange.status().is_some());
        assert!(head.is_none_or(|head| head <= exchange.duration()));
        self.0.lock().unwrap().push(line);
    }
}

fn observed(configure: impl FnOnce(TracerBuilder) -> TracerBuilder) -> (Lines, TestTracer) {
    let lines = Lines::default();
    let test = TestTracer::of(|builder| configure(builder.observer(lines.clone())));
    (lines, test)
}

/// Runs the test with a tracer that samples, one that does not, and one that makes no spans.
fn with_each_tracer(test: impl Fn(&Lines, &Tracer)) {
    let modes: [fn(TracerBuilder) -> TracerBuilder; 3] = [
        |builder| builder,
        |builder| builder.sampler(Sampler::never()),
        |builder| builder.mode(Mode::ForwardOnly),
    ];
    for mode in modes {
        let (lines, tracer) = observed(mode);
        test(&lines, &tracer.tracer);
        tracer.spans.take_all();
    }
}

fn answers(body: impl Fn() -> Script) -> impl Fn(Request<()>) -> std::future::Ready<Answer> {
    move |_| ready(Ok(Response::new(body())))
}

type Answer = Result<Response<Script>, &'static str>;

#[test]
fn a_complete_exchange_of_either_layer() {
    with_each_tracer(|lines, tracer| {
        let body = || Script::new([Step::Data("five!"), Step::Wait, Step::Data("six...")]);
        let mut server = tracer.server_layer().layer(service_fn(answers(body)));
        let request = get("/items?x=1", "content-length: 3|x-request-id: a");
        let mut response = now(server.call(request)).unwrap();
        assert!(lines.take().is_empty());
        drain(response.body_mut()).unwrap();
        let echo = usize::from(response.headers().contains_key("x-request-id"));
        let expected = format!("Server /items?x=1 {echo}: - 200 - Complete (Some(3), 11)");
        assert_eq!(lines.take_one(), expected);
        drop(response);
        assert!(lines.take().is_empty());

        let mut client = tracer.client_layer().layer(service_fn(answers(body)));
        let mut request = get("http://catalog/items/7", "");
        let extensions = request.extensions_mut();
        extensions.insert(RouteTemplate::new("/items/{id}"));
        let mut response = now(client.call(request)).unwrap();
        drain(response.body_mut()).unwrap();
        let expected = "Client http://catalog/items/7 0: /items/{id} 200 - Complete (None, 11)";
        assert_eq!(lines.take_one(), expected);
    });
}

#[test]
fn a_handler_sets_the_route() {
    with_each_tracer(|lines, tracer| {
        let mut server = tracer.server_layer().layer(service_fn(|_: Request<()>| {
            scope::route("/items/{id}");
            ready(Ok::<_, Infallible>(Response::new(Script::default())))
        }));
        drop(now(server.call(get("/items/7", "x-request-id: a"))).unwrap());
        let line = lines.take_one();
        assert!(line.contains(": /items/{id} 200 DC BodyDropped"), "{line}");
    });
}

#[test]
fn failures_of_a_server() {
    with_each_tracer(|lines, tracer| {
        let layer = tracer.server_layer().echo_request_id(false);
        let mut failing = layer.layer(service_fn(|_: Request<()>| ready(Answer::Err("broken"))));
        let _ = now(failing.call(Request::new(())));
        let expected = "Server /: - 503 UC Failed (None, 0) error \"broken\"";
        assert_eq!(lines.take_one(), expected);

        let mut waiting = layer.layer(service_fn(|_: Request<()>| pending::<Answer>()));
        {
            let mut call = pin!(waiting.call(Request::new(())));
            assert!(poll(call.as_mut()).is_pending());
        }
        assert_eq!(lines.take_one(), "Server /: - 0 DC Canceled (None, 0)");

        let mut panicking = layer.layer(service_fn(|_: Request<()>| async {
            panic!("expected");
            #[allow(unreachable_code, reason = "it gives the type")]
            Answer::Err("")
        }));
        let call = panicking.call(Request::new(()));
        assert!(catch_unwind(AssertUnwindSafe(|| now(call))).is_err());
        assert_eq!(lines.take_one(), "Server /: - 503 UC Panicked (None, 0)");

        let body = || Script::new([Step::Data("half"), Step::Error("reset")]);
        let mut resetting = layer.layer(service_fn(answers(body)));
        let mut response = now(resetting.call(Request::new(()))).unwrap();
        assert!(drain(response.body_mut()).is_err());
        let line = lines.take_one();
        assert!(
            line.starts_with("Server / 0: - 200 UC Failed (None, 4)"),
            "{line}"
        );

        let mut unread = layer.layer(service_fn(answers(|| Script::data("unread"))));
        drop(now(unread.call(Request::new(()))).unwrap());
        assert_eq!(
            lines.take_one(),
            "Server / 0: - 200 DC BodyDropped (None, 0)"
        );
    });
}

#[test]
fn failures_of_a_client_have_the_codes_and_flags_that_envoy_reports() {
    with_each_tracer(|lines, tracer| {
        let call = |error: &'static str, expected: &str| {
            let service = service_fn(move |_: Request<()>| {
                ready(Err::<Response<Script>, _>(DebugText(error)))
            });
            let mut client = tracer.client_layer().layer(service);
            let _ = now(client.call(get("http://catalog/", "")));
            let line = lines.take_one();
            assert!(line.contains(expected), "{line}");
        };
        call("kind: ConnectionRefused", " 503 UF Failed");
        call("hyper::Error(IncompleteMessage)", " 503 UC Failed");
        call("Elapsed(())", " 504 UT Failed");
        // A URL is ignored, however long it is, and the text after it is read.
        let url = |end: &str| {
            let path = "Elapsed(".repeat(200);
            let text = format!("Error {{ url: \"http://a/{path}\", source: {end} }}");
            &*Box::leak(text.into_boxed_str())
        };
        call(url("TimedOut"), " 504 UT Failed");
        call(url("IncompleteMessage"), " 503 UC Failed");

        let service = service_fn(|_: Request<()>| pending::<Answer>());
        drop(
            tracer
                .client_layer()
                .layer(service)
                .call(get("http://a/", "")),
        );
        let expected = "Client http://a/: - 0 DC Canceled (None, 0)";
        assert_eq!(lines.take_one(), expected);

        // The caller does not want the rest, and closes the connection to the server.
        let mut client = tracer
            .client_layer()
            .layer(service_fn(answers(|| Script::data("x"))));
        drop(now(client.call(get("http://a/", ""))).unwrap());
        let expected = "Client http://a/ 0: - 200 DC BodyDropped (None, 0)";
        assert_eq!(lines.take_one(), expected);

        // The server has sent the rest of a short response, whether or not it is read.
        for (length, flags) in [(65_535, "-"), (65_536, "DC")] {
            let service = service_fn(move |_: Request<()>| {
                let response = Response::builder().header("content-length", length);
                ready(Ok::<_, Infallible>(
                    response.body(Script::data("x")).unwrap(),
                ))
            });
            let mut client = tracer.client_layer().layer(service);
            drop(now(client.call(get("http://a/", ""))).unwrap());
            let expected = format!("Client http://a/ 1: - 200 {flags} BodyDropped (None, 0)");
            assert_eq!(lines.take_one(), expected);
        }
    });
}

#[test]
fn the_grpc_status_comes_from_trailers_or_headers() {
    with_each_tracer(|lines, tracer| {
        let call = |head: &'static str, body: fn() -> Script| {
            let layer = tracer.server_layer().echo_request_id(false);
            let mut server = layer.layer(service_fn(move |_: Request<()>| {
                let mut response = Response::new(body());
                *response.headers_mut() = headers(head);
                ready(Ok::<_, Infallible>(response))
            }));
            let request = get("/shop.Catalog/List", "content-type: application/grpc");
            let mut response = now(server.call(request)).unwrap();
            drain(response.body_mut()).unwrap();
            let line = lines.take_one();
            line.split_once(" grpc ").unwrap().1.to_owned()
        };
        let grpc = "content-type: application/grpc";
        let trailers = || Script::trailers(&[("grpc-status", "5")]);
        assert_eq!(call(grpc, trailers), "Some(5)");
        let only_headers = "content-type: application/grpc|grpc-status: 12";
        assert_eq!(call(only_headers, Script::default), "Some(12)");
        assert_eq!(call("", Script::default), "None");
    });
}

#[test]
fn an_upgrade_ends_the_exchange_at_its_head() {
    with_each_tracer(|lines, tracer| {
        let layer = tracer.server_layer().echo_request_id(false);
        let mut server = layer.layer(service_fn(|_: Request<()>| {
            let mut response = Response::new(Script::default());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            ready(Ok::<_, Infallible>(response))
        }));
        let response = now(server.call(Request::new(()))).unwrap();
        assert_eq!(lines.take_one(), "Server / 0: - 101 - Upgraded (None, 0)");
        drop(response);
        assert!(lines.take().is_empty());
    });
}

#[test]
fn two_server_layers_show_a_request_once_and_an_excluded_one_never() {
    with_each_tracer(|lines, tracer| {
        let layer = tracer.server_layer().exclude_paths(["/healthz"]);
        let inner = layer.layer(service_fn(answers(Script::default)));
        let mut both = layer.layer(inner);
        drain(now(both.call(get("/", ""))).unwrap().body_mut()).unwrap();
        assert!(lines.take_one().starts_with("Server / "));
        drain(now(both.call(get("/healthz", ""))).unwrap().body_mut()).unwrap();
        assert!(lines.take().is_empty());
    });
}

type Boxed = UnsyncBoxBody<Bytes, &'static str>;

/// What observers get of a request with this body, of which the handler reads up to this many frames.
fn request_body(lines: &str, body: Script, frames: usize) -> String {
    let seen = Arc::new(Mutex::new(String::new()));
    let observer = {
        let seen = Arc::clone(&seen);
        move |exchange: &EndedExchange<'_>| {
            let messages = (exchange.request_messages(), exchange.response_messages());
            let bytes = exchange.request_bytes();
            *seen.lock().unwrap() = format!("{bytes:?} bytes, {messages:?} messages");
        }
    };
    let test = TestTracer::of(|builder| {
        let builder = builder.sampler(Sampler::never()).observer(observer);
        builder.count_request_bodies(Boxed::new)
    });
    let service = service_fn(move |mut request: Request<Boxed>| {
        for _ in 0..frames {
            next(request.body_mut());
        }
        let mut response = Response::new(Script::data("\0\0\0\0\u{2}hi\0\0\0\0\0"));
        let grpc = request.headers().get("content-type");
        if let Some(grpc) = grpc {
            response.headers_mut().insert("content-type", grpc.clone());
        }
        ready(Ok::<_, Infallible>(response))
    });
    let mut server = test.tracer.server_layer().layer(service);
    let mut request = Request::new(Boxed::new(body));
    *request.headers_mut() = headers(lines);
    drain(now(server.call(request)).unwrap().body_mut()).unwrap();
    seen.lock().unwrap().clone()
}

#[test]
fn a_request_body_of_unknown_size_is_counted_while_it_is_read() {
    let two = || Script::new([Step::Data("five!"), Step::Data("sixes!")]);
    let seen = |body, frames| request_body("", body, frames);
    assert_eq!(seen(two(), 3), "Some(11) bytes, (None, None) messages");
    assert_eq!(seen(two(), 1), "Some(5) bytes, (None, None) messages");
    assert_eq!(seen(two(), 0), "Some(0) bytes, (None, None) messages");
    // Its size is known, whether it is read or not.
    assert_eq!(
        seen(two().sized(11), 0),
        "Some(11) bytes, (None, None) messages"
    );
    let empty = Script::default().reports_end_of_stream();
    assert_eq!(seen(empty, 0), "Some(0) bytes, (None, None) messages");
}

#[test]
fn grpc_messages_are_counted_in_both_directions() {
    let grpc = "content-type: application/grpc";
    let three = Script::new([
        Step::Data("\0\0\0\0\u{3}one\0\0\0"),
        Step::Data("\0\u{3}two\0\0\0\0\u{5}thr"),
        Step::Data("ee"),
    ]);
    let seen = request_body(grpc, three, 4);
    assert_eq!(seen, "Some(26) bytes, (Some(3), Some(2)) messages");
}

/// An inner layer of a tracer with observers, inside of one without.
#[test]
fn the_inner_of_two_layers_observes_if_the_outer_does_not() {
    let (lines, test) = observed(|builder| builder);
    let outer = TestTracer::new();
    let inner = test.tracer.server_layer();
    let inner = inner.layer(service_fn(answers(Script::default)));
    let mut both = outer.tracer.server_layer().layer(inner);
    drain(now(both.call(get("/", ""))).unwrap().body_mut()).unwrap();
    assert!(lines.take_one().starts_with("Server / "));
    test.spans.take_all();
    outer.spans.take_all();
}

#[test]
fn a_call_without_a_span_keeps_the_span_around_it_current() {
    let (lines, test) = observed(|builder| builder.mode_for(Direction::Client, Mode::ForwardOnly));
    let tracer = &test.tracer;
    let client = tracer.client_layer();
    let mut server = tracer.server_layer().layer(service_fn(|_: Request<()>| {
        let outer = tower_b3::current();
        let mut client = client.layer(service_fn(move |_: Request<()>| {
            assert!(outer.is_some());
            assert_eq!(tower_b3::current(), outer);
            ready(Ok::<_, Infallible>(Response::new(Script::data("x"))))
        }));
        let mut response = now(client.call(get("http://catalog/", ""))).unwrap();
        next(response.body_mut());
        drain(response.body_mut()).unwrap();
        ready(Ok::<_, Infallible>(Response::new(Script::default())))
    }));
    drain(now(server.call(get("/", ""))).unwrap().body_mut()).unwrap();
    let lines = lines.take();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("Client http://catalog/ 0: - 200"));
    test.spans.take_one();
}

#[test]
fn the_context_and_the_request_id_are_those_of_the_span() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let observer = {
        let seen = Arc::clone(&seen);
        move |exchange: &EndedExchange<'_>| {
            let id = exchange.request_id().unwrap().to_string();
            let ids = (exchange.context().unwrap(), exchange.is_recorded(), id);
            seen.lock().unwrap().push(ids);
        }
    };
    let test = TestTracer::of(|builder| builder.observer(observer));
    let mut server = test
        .tracer
        .server_layer()
        .layer(service_fn(answers(Script::default)));
    for sampled in ["1", "0"] {
        let ids = "x-request-id: abc|x-b3-traceid: 463ac35c9f6413ad|x-b3-spanid: a2fb4a1d1a96d312";
        let request = get("/", &format!("{ids}|x-b3-sampled: {sampled}"));
        drain(now(server.call(request)).unwrap().body_mut()).unwrap();
    }
    let span = test.spans.take_one();
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], (span.context(), true, "abc".to_owned()));
    assert!(!seen[1].1 && !seen[1].0.sampling().is_sampled());
}

#[test]
fn an_observer_that_panics_fails_neither_the_request_nor_other_observers() {
    struct Panics;
    impl ExchangeObserver for Panics {
        type State = ();
        fn request(&self, (): &mut (), _: Direction, _: &RequestHead<'_>) {
            panic!("expected");
        }
        fn response(&self, (): &mut (), _: &ResponseHead<'_>) {
            panic!("expected");
        }
        fn ended(&self, (): &mut (), _: &EndedExchange<'_>) {
            panic!("expected");
        }
    }
    let lines = Lines::default();
    let test = TestTracer::of(|builder| builder.observer(Panics).observer(lines.clone()));
    let mut server = test
        .tracer
        .server_layer()
        .layer(service_fn(answers(Script::default)));
    drain(now(server.call(get("/", ""))).unwrap().body_mut()).unwrap();
    assert!(lines.take_one().contains(" 200 - Complete"));
    test.spans.take_one();
}
