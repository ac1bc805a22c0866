//! The time that the layers add to a request, compared with the bare service. The reporter discards
//! spans.

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use std::{convert::Infallible, hint::black_box};
use tower::{Layer, Service, service_fn};
use tower_b3::{Tracer, report::NoopReporter, sample::Sampler, tags::Tag};

type Body = Full<Bytes>;

const BASE: [(&str, &str); 12] = [
    ("host", "orders.shop.svc.cluster.local:8080"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101",
    ),
    ("accept", "application/json, text/plain, */*"),
    ("accept-encoding", "gzip, deflate, br"),
    ("accept-language", "en-GB,en;q=0.7,de;q=0.3"),
    ("content-type", "application/json"),
    (
        "authorization",
        "Bearer example-token-example-token-example-token",
    ),
    (
        "cookie",
        "session=0f3c1d2e4b5a69788796a5b4c3d2e1f0; theme=dark",
    ),
    ("x-forwarded-for", "203.0.113.195"),
    ("x-forwarded-proto", "https"),
    ("x-tenant", "acme"),
    ("cache-control", "no-cache"),
];

fn headers(sampled: Option<&'static str>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(24);
    for (name, value) in BASE {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    if let Some(sampled) = sampled {
        for (name, value) in [
            ("x-request-id", "6f0b3f1e-6a0b-9d1c-8f3e-0d6b5a4c3e21"),
            ("x-b3-traceid", "463ac35c9f6413ad48485a3953bb6124"),
            ("x-b3-spanid", "a2fb4a1d1a96d312"),
            ("x-b3-parentspanid", "0020000000000001"),
            ("x-b3-sampled", sampled),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    headers
}

fn request(headers: &HeaderMap) -> Request<Body> {
    let mut request = Request::get("/orders/12345?expand=lines")
        .body(Body::default())
        .expect("a request");
    *request.headers_mut() = headers.clone();
    request
}

fn response() -> Response<Body> {
    let mut response = Response::new(Body::new(Bytes::from_static(b"{\"state\":\"shipped\"}")));
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("content-length", HeaderValue::from_static("19"));
    response
}

fn tracer(sampler: Sampler) -> Tracer {
    Tracer::builder("orders")
        .sampler(sampler)
        .tag(Tag::literal("env", "prod"))
        .tag(Tag::request_header("tenant", "x-tenant"))
        .reporter(NoopReporter)
        .build()
        .expect("a tracer")
}

fn leaf()
-> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone
{
    service_fn(|request: Request<Body>| async move {
        black_box(request);
        Ok(response())
    })
}

fn calling<C>(
    client: C,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone
where
    C: Service<Request<Body>, Error = Infallible, Future: Send> + Clone + Send,
{
    service_fn(move |request: Request<Body>| {
        let mut client = client.clone();
        async move {
            black_box(request);
            let mut out = Request::new(Body::default());
            *out.uri_mut() = http::Uri::from_static("http://inventory:8080/stock/987");
            let _ = client.call(out).await;
            Ok(response())
        }
    })
}

fn run<S, B>(c: &mut Criterion, name: &str, headers: &HeaderMap, mut service: S)
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body<Error: std::fmt::Debug>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    c.bench_function(name, |bencher| {
        bencher.iter_batched(
            || request(headers),
            |request| {
                runtime.block_on(async {
                    let Ok(response) = service.call(request).await;
                    let mut body = std::pin::pin!(response.into_body());
                    while let Some(frame) = body.as_mut().frame().await {
                        let _ = black_box(frame);
                    }
                })
            },
            BatchSize::SmallInput,
        );
    });
}

fn layers(c: &mut Criterion) {
    let (sampled, unsampled, none) = (headers(Some("1")), headers(Some("0")), headers(None));
    let server = |sampler| tracer(sampler).server_layer();

    run(c, "server/bare", &sampled, leaf());
    run(
        c,
        "server/sampled",
        &sampled,
        server(Sampler::never()).layer(leaf()),
    );
    run(
        c,
        "server/unsampled",
        &unsampled,
        server(Sampler::always()).layer(leaf()),
    );
    run(
        c,
        "server/no headers, sampled",
        &none,
        server(Sampler::always()).layer(leaf()),
    );
    run(
        c,
        "server/no headers, unsampled",
        &none,
        server(Sampler::never()).layer(leaf()),
    );

    let both = |sampler| {
        let tracer = tracer(sampler);
        let client = tracer.client_layer().layer(leaf());
        tracer.server_layer().layer(calling(client))
    };
    run(c, "server and client/bare", &sampled, calling(leaf()));
    run(
        c,
        "server and client/sampled",
        &sampled,
        both(Sampler::never()),
    );
    run(
        c,
        "server and client/unsampled",
        &unsampled,
        both(Sampler::always()),
    );
}

criterion_group!(benches, layers);
criterion_main!(benches);
