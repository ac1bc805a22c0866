//! The time that an access log adds to a request that is not sampled. Lines are discarded.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderValue, Request, Response};
use http_body_util::Empty;
use std::{
    convert::Infallible,
    hint::black_box,
    io,
    pin::pin,
    task::{Context, Poll, Waker},
};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Tracer, TracerBuilder,
    access_log::{AccessLog, AccessLogFormat},
    observe::EndedExchange,
};

type Body = Empty<&'static [u8]>;

fn request() -> Request<Body> {
    let mut request = Request::get("/orders/12345?expand=lines")
        .body(Body::new())
        .expect("a request");
    let headers = request.headers_mut();
    headers.reserve(24);
    for (name, value) in [
        ("host", "orders.shop.svc.cluster.local:8080"),
        (
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101",
        ),
        ("accept", "application/json, text/plain, */*"),
        ("x-forwarded-for", "203.0.113.195"),
        ("x-request-id", "6f0b3f1e-6a0b-9d1c-8f3e-0d6b5a4c3e21"),
        ("x-b3-traceid", "463ac35c9f6413ad48485a3953bb6124"),
        ("x-b3-spanid", "a2fb4a1d1a96d312"),
        ("x-b3-sampled", "0"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    request
}

fn run(c: &mut Criterion, name: &str, configure: impl FnOnce(TracerBuilder) -> TracerBuilder) {
    let tracer = configure(Tracer::builder("orders"))
        .build()
        .expect("a tracer");
    let answer = |request: Request<Body>| async {
        black_box(request);
        Ok::<_, Infallible>(Response::new(Body::new()))
    };
    let mut server = tracer.server_layer().layer(service_fn(answer));
    c.bench_function(name, |bencher| {
        bencher.iter_batched(
            request,
            |request| {
                let call = pin!(server.call(request));
                let polled = call.poll(&mut Context::from_waker(Waker::noop()));
                let Poll::Ready(Ok(response)) = polled else {
                    panic!("the answer is ready");
                };
                drop(response);
            },
            BatchSize::SmallInput,
        );
    });
}

fn access_log(c: &mut Criterion) {
    let log = |format| {
        let log = AccessLog::builder().format(format).writer(io::sink());
        log.start().expect("a log")
    };
    run(c, "access log/none", |tracer| tracer);
    run(c, "access log/another observer", |tracer| {
        tracer.observer(|exchange: &EndedExchange<'_>| {
            black_box(exchange.response_code());
        })
    });
    run(c, "access log/envoy", |tracer| {
        tracer.observer(log(AccessLogFormat::envoy()))
    });
    run(c, "access log/istio", |tracer| {
        tracer.observer(log(AccessLogFormat::istio()))
    });
    run(c, "access log/istio json", |tracer| {
        tracer.observer(log(AccessLogFormat::istio_json()))
    });
}

criterion_group!(benches, access_log);
criterion_main!(benches);
