//! User code that panics or fails inside a layer: the request is served, and its span is complete.

use crate::{
    common::{Script, Step, TestTracer, drain, ending, get, next, now, panics},
    serve,
};
use bytes::Buf;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use std::{
    fmt,
    future::ready,
    mem,
    pin::Pin,
    task::{Context, Poll},
};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    ServerLayer, TracerBuilder, Trust,
    record::SpanRecord,
    report::Reporter,
    sample::{Sampler, SamplingParameters},
};

const SAMPLED: &str = "x-b3-sampled: 1";

/// Serves a request with the response 200 and `answer`.
#[track_caller]
fn answered(layer: &ServerLayer, lines: &str) {
    let mut response = serve(layer, get("/items/7", lines), |_| {
        Response::new(Script::data("answer"))
    });
    assert_eq!(response.status(), 200);
    assert_eq!(drain(response.body_mut()), Ok(6));
}

#[test]
fn a_panicking_callback_of_the_server_layer_fails_no_request() {
    type Configure = fn(ServerLayer) -> ServerLayer;
    let layers: [(&str, Configure); 6] = [
        ("Trust::when", |layer| {
            layer.trust(Trust::when(|_| panic!("expected")))
        }),
        ("Trust::peers", |layer| {
            layer
                .peer_address(|_| Some(([10, 0, 0, 1], 1).into()))
                .trust(Trust::peers(|_| panic!("expected")))
        }),
        ("peer_address", |layer| {
            layer.peer_address(|_| panic!("expected"))
        }),
        ("peer_address and trust", |layer| {
            layer
                .peer_address(|_| panic!("expected"))
                .trust(Trust::peers(|_| true))
        }),
        ("exclude", |layer| layer.exclude(|_| panic!("expected"))),
        ("name_with", |layer| {
            layer.name_with(|_| -> Option<String> { panic!("expected") })
        }),
    ];
    for (name, configure) in layers {
        let test = TestTracer::new();
        let layer = configure(test.tracer.server_layer());
        answered(&layer, SAMPLED);
        let span = test.spans.take_one();
        assert_eq!(ending(&span), "200", "{name}");
        assert_eq!(span.name(), "GET", "{name}");
        // A peer is not trusted if the callback panics.
        let trusted = !name.contains("rust");
        assert!(span.tag("guid:x-request-id").is_some(), "{name}");
        answered(&layer, "x-b3-sampled: 0");
        let spans = test.spans.take_all();
        assert_eq!(spans.is_empty(), trusted, "{name}");
    }
}

#[test]
fn a_panicking_name_with_of_the_client_layer_fails_no_request() {
    let test = TestTracer::new();
    let layer = test
        .tracer
        .client_layer()
        .name_with(|_| -> Option<String> { panic!("expected") });
    let catalog = service_fn(|_: Request<()>| async {
        Ok::<_, &'static str>(Response::new(Script::default()))
    });
    let mut response = now(layer.layer(catalog).call(get("http://catalog/", ""))).unwrap();
    drain(response.body_mut()).unwrap();
    assert_eq!(test.spans.take_one().name(), "GET");
}

#[test]
fn a_panicking_sampler_does_not_sample() {
    let test = TestTracer::of(|builder| {
        builder.sampler(Sampler::custom(|_: &SamplingParameters<'_>| -> bool {
            panic!("expected")
        }))
    });
    answered(&test.tracer.server_layer(), "");
    assert!(test.spans.take_all().is_empty());
    answered(&test.tracer.server_layer(), SAMPLED);
    test.spans.take(1);
}

#[test]
fn a_reporter_that_panics_fails_no_request() {
    struct Panics;
    impl Reporter for Panics {
        fn report(&self, _: SpanRecord) {
            panic!("expected");
        }
    }
    let test = TestTracer::of(|builder: TracerBuilder| builder.reporter(Panics));
    for _ in 0..2 {
        answered(&test.tracer.server_layer(), SAMPLED);
    }
}

struct Failing(fn(&mut fmt::Formatter<'_>) -> fmt::Result);

impl fmt::Debug for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

#[test]
fn an_error_with_a_broken_debug_is_passed_on() {
    let nothing = "the error's Debug wrote nothing";
    let endless = "reset ".repeat(200)[..1024].to_owned();
    for (debug, reason) in [
        (Failing(|_| panic!("expected")), nothing),
        (Failing(|_| Err(fmt::Error)), nothing),
        (
            Failing(|f| f.write_str("reset").and(Err(fmt::Error))),
            "reset",
        ),
        (
            Failing(|f| {
                loop {
                    f.write_str("reset ")?
                }
            }),
            &*endless,
        ),
    ] {
        for (state, spans) in [("1", 1), ("0", 0)] {
            let test = TestTracer::new();
            let fails =
                service_fn(|_: Request<()>| ready(Err::<Response<Script>, _>(Failing(debug.0))));
            let mut service = test.tracer.server_layer().layer(fails);
            let answer = now(service.call(get("/", &format!("x-b3-sampled: {state}"))));
            assert!(answer.is_err());
            for span in test.spans.take(spans) {
                assert_eq!(ending(&span), format!("0 error({reason})"));
            }
        }
    }
}

/// A body with a method that panics.
#[derive(Default)]
struct Panicking {
    size_hint: bool,
    is_end_stream: bool,
    remaining: bool,
    fails: bool,
    done: bool,
}

struct Data {
    panics: bool,
    left: &'static [u8],
}

impl Buf for Data {
    fn remaining(&self) -> usize {
        assert!(!self.panics, "expected");
        self.left.len()
    }

    fn chunk(&self) -> &[u8] {
        self.left
    }

    fn advance(&mut self, bytes: usize) {
        self.left = &self.left[bytes..];
    }
}

impl Body for Panicking {
    type Data = Data;
    type Error = Failing;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Data>, Failing>>> {
        if mem::replace(&mut self.done, true) {
            return Poll::Ready(None);
        }
        if self.fails {
            return Poll::Ready(Some(Err(Failing(|_| panic!("expected")))));
        }
        Poll::Ready(Some(Ok(Frame::data(Data {
            panics: self.remaining,
            left: b"answer",
        }))))
    }

    fn is_end_stream(&self) -> bool {
        assert!(!self.is_end_stream, "expected");
        false
    }

    fn size_hint(&self) -> SizeHint {
        assert!(!self.size_hint, "expected");
        SizeHint::default()
    }
}

fn with_body(test: &TestTracer, body: Panicking) -> Response<tower_b3::ResponseBody<Panicking>> {
    let mut body = Some(body);
    let handler = service_fn(move |_: Request<()>| {
        ready(Ok::<_, &'static str>(Response::new(body.take().unwrap())))
    });
    now(test
        .tracer
        .server_layer()
        .layer(handler)
        .call(get("/", SAMPLED)))
    .unwrap()
}

#[test]
fn a_body_with_panicking_hints_is_sent_completely() {
    for body in [
        Panicking {
            size_hint: true,
            ..Panicking::default()
        },
        Panicking {
            is_end_stream: true,
            ..Panicking::default()
        },
        Panicking {
            remaining: true,
            ..Panicking::default()
        },
    ] {
        let test = TestTracer::new();
        let mut response = with_body(&test, body);
        next(response.body_mut());
        next(response.body_mut());
        drop(response);
        assert_eq!(ending(&test.spans.take_one()), "200");
    }
}

#[test]
fn a_body_with_panicking_hints_can_be_dropped() {
    let test = TestTracer::new();
    let hints = Panicking {
        size_hint: true,
        is_end_stream: true,
        ..Panicking::default()
    };
    drop(with_body(&test, hints));
    assert_eq!(ending(&test.spans.take_one()), "200 DC");
}

#[test]
fn a_size_hint_that_panics_in_the_server_is_the_error_reason() {
    let test = TestTracer::new();
    let hint = Panicking {
        size_hint: true,
        ..Panicking::default()
    };
    assert!(panics(|| {
        let response = with_body(&test, hint);
        let _ = response.body().size_hint();
    }));
    assert_eq!(ending(&test.spans.take_one()), "200 error(panic)");
}

#[test]
fn a_body_error_with_a_panicking_debug_is_passed_on() {
    let test = TestTracer::new();
    let mut response = with_body(
        &test,
        Panicking {
            fails: true,
            ..Panicking::default()
        },
    );
    assert!(drain(response.body_mut()).is_err());
    let reason = "the error's Debug wrote nothing";
    assert_eq!(
        ending(&test.spans.take_one()),
        format!("200 error({reason})")
    );
}

#[test]
fn a_body_that_panics_on_drop_still_ends_the_span() {
    let test = TestTracer::new();
    let response = serve(&test.tracer.server_layer(), get("/", SAMPLED), |_| {
        Response::new(Script::new([Step::Data("answer")]).on_drop(|| panic!("expected")))
    });
    assert!(panics(|| drop(response)));
    assert_eq!(ending(&test.spans.take_one()), "200 error(panic)");
}
