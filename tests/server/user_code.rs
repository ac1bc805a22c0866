//! Code of the user's that panics or fails where a layer calls it: the request goes on, and its
//! span is whole.

use crate::common::{Lab, Script, Step, drain, ending, get, now, panics};
use bytes::Buf;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use std::{
    fmt,
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

/// Serves a request that is answered with 200 and `answer`.
#[track_caller]
fn answered(layer: &ServerLayer, lines: &str) {
    let mut response = crate::serve(layer, get("/items/7", lines), |_| {
        Response::new(Script::data("answer"))
    });
    assert_eq!(response.status(), 200);
    assert_eq!(drain(response.body_mut()), Ok(6));
}

#[test]
fn a_function_of_the_layer_that_panics_fails_no_request() {
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
        let lab = Lab::new();
        let layer = configure(lab.tracer.server_layer());
        answered(&layer, SAMPLED);
        let span = lab.spans.take_one();
        assert_eq!(ending(&span), "200", "{name}");
        assert_eq!(span.name(), "GET", "{name}");
        // Who cannot be asked is not trusted.
        let trusted = !name.contains("rust");
        assert!(span.tag("guid:x-request-id").is_some(), "{name}");
        answered(&layer, "x-b3-sampled: 0");
        let spans = lab.spans.all();
        assert_eq!(spans.is_empty(), trusted, "{name}");
    }
}

#[test]
fn a_function_that_names_client_spans_and_panics_fails_no_request() {
    let lab = Lab::new();
    let layer = lab
        .tracer
        .client_layer()
        .name_with(|_| -> Option<String> { panic!("expected") });
    let catalog = service_fn(|_: Request<()>| async {
        Ok::<_, &'static str>(Response::new(Script::default()))
    });
    let mut response = now(layer.layer(catalog).call(get("http://catalog/", ""))).unwrap();
    drain(response.body_mut()).unwrap();
    assert_eq!(lab.spans.take_one().name(), "GET");
}

#[test]
fn a_sampler_that_panics_has_not_sampled() {
    let lab = Lab::of(|builder| {
        builder.sampler(Sampler::custom(|_: &SamplingParameters<'_>| -> bool {
            panic!("expected")
        }))
    });
    answered(&lab.tracer.server_layer(), "");
    assert!(lab.spans.all().is_empty());
    answered(&lab.tracer.server_layer(), SAMPLED);
    lab.spans.take(1);
}

#[test]
fn a_reporter_that_panics_fails_no_request() {
    struct Panics;
    impl Reporter for Panics {
        fn report(&self, _: SpanRecord) {
            panic!("expected");
        }
    }
    let lab = Lab::of(|builder: TracerBuilder| builder.reporter(Panics));
    for _ in 0..2 {
        answered(&lab.tracer.server_layer(), SAMPLED);
    }
}

struct Failing(fn(&mut fmt::Formatter<'_>) -> fmt::Result);

impl fmt::Debug for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

#[test]
fn an_error_whose_debug_panics_fails_or_does_not_end_is_handed_on() {
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
            let lab = Lab::new();
            let fails = service_fn(|_: Request<()>| {
                std::future::ready(Err::<Response<Script>, _>(Failing(debug.0)))
            });
            let mut service = lab.tracer.server_layer().layer(fails);
            let answer = now(service.call(get("/", &format!("x-b3-sampled: {state}"))));
            assert!(answer.is_err());
            for span in lab.spans.take(spans) {
                assert_eq!(ending(&span), format!("0 error({reason})"));
            }
        }
    }
}

/// A body of which one method panics, for the layer or for anybody.
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
        if std::mem::replace(&mut self.done, true) {
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

fn with_body(lab: &Lab, body: Panicking) -> Response<tower_b3::ResponseBody<Panicking>> {
    let mut body = Some(body);
    let handler = service_fn(move |_: Request<()>| {
        std::future::ready(Ok::<_, &'static str>(Response::new(body.take().unwrap())))
    });
    now(lab
        .tracer
        .server_layer()
        .layer(handler)
        .call(get("/", SAMPLED)))
    .unwrap()
}

#[test]
fn a_body_whose_hints_panic_is_answered_whole() {
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
        let lab = Lab::new();
        let mut response = with_body(&lab, body);
        crate::common::next(response.body_mut());
        crate::common::next(response.body_mut());
        drop(response);
        assert_eq!(ending(&lab.spans.take_one()), "200");
    }
}

#[test]
fn a_body_whose_hints_panic_may_be_dropped() {
    let lab = Lab::new();
    let hints = Panicking {
        size_hint: true,
        is_end_stream: true,
        ..Panicking::default()
    };
    drop(with_body(&lab, hints));
    assert_eq!(ending(&lab.spans.take_one()), "200 DC");
}

#[test]
fn a_server_that_panics_in_a_size_hint_ends_the_span_by_a_panic() {
    let lab = Lab::new();
    let hint = Panicking {
        size_hint: true,
        ..Panicking::default()
    };
    assert!(panics(|| {
        let response = with_body(&lab, hint);
        let _ = response.body().size_hint();
    }));
    assert_eq!(ending(&lab.spans.take_one()), "200 error(panic)");
}

#[test]
fn a_bodys_error_whose_debug_panics_is_handed_on() {
    let lab = Lab::new();
    let mut response = with_body(
        &lab,
        Panicking {
            fails: true,
            ..Panicking::default()
        },
    );
    assert!(drain(response.body_mut()).is_err());
    let reason = "the error's Debug wrote nothing";
    assert_eq!(
        ending(&lab.spans.take_one()),
        format!("200 error({reason})")
    );
}

#[test]
fn a_body_that_panics_when_it_is_dropped_leaves_a_whole_span() {
    let lab = Lab::new();
    let response = crate::serve(&lab.tracer.server_layer(), get("/", SAMPLED), |_| {
        Response::new(Script::new([Step::Data("answer")]).on_drop(|| panic!("expected")))
    });
    assert!(panics(|| drop(response)));
    assert_eq!(ending(&lab.spans.take_one()), "200 error(panic)");
}
