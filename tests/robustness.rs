//! What strangers, unusual set-ups and faulty reporters must not be able to do.

use http::{Request, Response, Version};
use http_body_util::BodyExt;
use proptest::{prelude::*, test_runner::Config};
use std::{convert::Infallible, net::SocketAddr};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_b3::{
    Context, Mode, Sampling, ServerLayer, TraceContext, Tracer, TracerBuilder, Trust, current,
    record::SpanRecord,
    report::{InMemoryReporter, Reporter},
    sample::{Rules, Sampler},
    scope,
};

fn traced(tracer: TracerBuilder) -> (Tracer, InMemoryReporter) {
    let spans = InMemoryReporter::default();
    let tracer = tracer.reporter(spans.clone()).build().unwrap();
    (tracer, spans)
}

/// Serves one request with a handler that does `work` and answers with these headers.
async fn serve(
    layer: ServerLayer,
    request: Request<String>,
    work: impl Fn(&Request<String>) + Clone,
    answer: &'static [(&'static str, &'static str)],
) {
    let service = layer.layer(service_fn(move |request: Request<String>| {
        work(&request);
        let mut response = Response::builder();
        for (name, value) in answer {
            response = response.header(*name, *value);
        }
        async move { Ok::<_, Infallible>(response.body("done".to_owned()).unwrap()) }
    }));
    let response = service.oneshot(request).await.unwrap();
    response.into_body().collect().await.unwrap();
}

fn grpc(path: &str, content_type: &str) -> Request<String> {
    let request = Request::post(path).header("content-type", content_type);
    request
        .version(Version::HTTP_2)
        .body(String::new())
        .unwrap()
}

#[tokio::test]
async fn a_path_names_a_span_only_where_the_answer_is_grpc_too() {
    const GRPC: &[(&str, &str)] = &[("content-type", "application/grpc"), ("grpc-status", "0")];
    const PLAIN: &[(&str, &str)] = &[("content-type", "text/plain")];
    let route = |_: &Request<String>| scope::route("/items/{id}");
    for (path, content_type, answer, name) in [
        ("/shop.Cart/Add", "application/grpc", GRPC, "shop.Cart/Add"),
        (
            "/shop.Cart/Add",
            "application/grpc+proto",
            GRPC,
            "shop.Cart/Add",
        ),
        (
            "/shop.Cart/Add",
            "application/grpc",
            PLAIN,
            "POST /items/{id}",
        ),
        (
            "/items/12345",
            "application/grpc",
            PLAIN,
            "POST /items/{id}",
        ),
        (
            "/shop.Cart/Add",
            "application/grpc-web",
            GRPC,
            "POST /items/{id}",
        ),
        (
            "/shop.Cart/Add",
            "application/grpcfoo",
            GRPC,
            "POST /items/{id}",
        ),
        ("/shop.Cart", "application/grpc", GRPC, "POST /items/{id}"),
        ("/a/b/c", "application/grpc", GRPC, "POST /items/{id}"),
    ] {
        let (tracer, spans) = traced(Tracer::builder("shop"));
        serve(
            tracer.server_layer(),
            grpc(path, content_type),
            route,
            answer,
        )
        .await;
        assert_eq!(spans.take()[0].name(), name, "{path} {content_type}");
    }
}

#[tokio::test]
async fn what_a_stranger_sends_is_cut() {
    let (tracer, spans) = traced(Tracer::builder("shop"));
    let long = "x".repeat(30_000);
    let method = http::Method::from_bytes(long.as_bytes()).unwrap();
    let mut request = grpc(&format!("/{long}/{long}"), "application/grpc");
    *request.method_mut() = method;
    const GRPC: &[(&str, &str)] = &[("grpc-status", "0")];
    serve(tracer.server_layer(), request, |_| (), GRPC).await;
    let span = spans.take().remove(0);
    assert!(span.name().len() <= 256);
    for (name, value) in span.tags() {
        assert!(value.to_text().len() <= 1024, "{name}");
    }
}

#[tokio::test]
async fn sampling_by_request_id_works_within_rules() {
    let by_id = Sampler::percentage_by_request_id(0.0).unwrap();
    let rules = Rules::otherwise(by_id).path("/health", Sampler::never());
    let (tracer, spans) = traced(Tracer::builder("shop").sampler(Sampler::rules(rules)));
    let id = "00000001-2222-9333-8444-555555555555";
    let request = Request::get("/").header("x-request-id", id);
    serve(
        tracer.server_layer(),
        request.body(String::new()).unwrap(),
        |_| (),
        &[],
    )
    .await;
    assert_eq!(spans.take().len(), 1);
}

#[tokio::test]
async fn an_undecided_parent_is_decided_once() {
    let (tracer, spans) = traced(Tracer::builder("shop").sampler(Sampler::rate_limited(1)));
    let sent = |request: Request<String>| {
        let sampled = request.headers()["x-b3-sampled"]
            .to_str()
            .unwrap()
            .to_owned();
        async move { Ok::<_, Infallible>(Response::new(sampled)) }
    };
    let client = tracer.client_layer().layer(service_fn(sent));
    let undecided = Context::from(TraceContext::root(Sampling::Defer));
    let calls = async {
        let mut states = Vec::new();
        for _ in 0..3 {
            let response = client.clone().oneshot(Request::new(String::new())).await;
            let body = response.unwrap().into_body().collect().await.unwrap();
            states.push(String::from_utf8(body.to_bytes().to_vec()).unwrap());
        }
        states
    };
    assert_eq!(undecided.instrument(calls).await, ["1", "1", "1"]);
    assert_eq!(spans.take().len(), 3);
}

#[tokio::test]
async fn forwarded_headers_are_in_the_extensions_too() {
    let (tracer, spans) = traced(Tracer::builder("shop").mode(Mode::ForwardOnly));
    let layer = tracer.server_layer().context_in_extensions(true);
    let request = Request::get("/").header("x-b3-traceid", "no id");
    let sent = |request: Request<String>| {
        assert_eq!(request.headers()["x-b3-traceid"], "no id");
        async { Ok::<_, Infallible>(Response::new(String::new())) }
    };
    let client = tracer.client_layer().layer(service_fn(sent));
    let work = move |request: &Request<String>| {
        let context = request.extensions().get::<Context>().unwrap().clone();
        let mut client = client.clone();
        std::thread::spawn(move || {
            let mut request = Request::new(String::new());
            request.extensions_mut().insert(context);
            let call = client.call(request);
            futures_util::FutureExt::now_or_never(call)
                .unwrap()
                .unwrap();
        })
        .join()
        .unwrap();
    };
    serve(layer, request.body(String::new()).unwrap(), work, &[]).await;
    assert!(spans.take().is_empty());
}

#[tokio::test]
async fn a_peer_whose_address_is_not_known_is_not_trusted() {
    let trusted = |peer: Option<SocketAddr>| async move {
        let (tracer, spans) = traced(Tracer::builder("shop"));
        let layer = tracer
            .server_layer()
            .trust(Trust::peers(|ip| ip.is_loopback()));
        let layer = layer.peer_address(move |_| peer);
        let request = Request::get("/").header("b3", "1234567890123451-1234567890123453-1");
        serve(layer, request.body(String::new()).unwrap(), |_| (), &[]).await;
        spans.take()[0].trace_id().to_string() == "1234567890123451"
    };
    assert!(trusted(Some(([127, 0, 0, 1], 80).into())).await);
    assert!(!trusted(Some(([192, 0, 2, 1], 80).into())).await);
    assert!(!trusted(None).await);
}

#[tokio::test]
async fn a_reporter_that_panics_fails_no_request() {
    struct Faulty;
    impl Reporter for Faulty {
        fn report(&self, _span: SpanRecord) {
            panic!("expected");
        }
    }
    let tracer = Tracer::builder("shop").reporter(Faulty).build().unwrap();
    for _ in 0..2 {
        let request = Request::new(String::new());
        serve(tracer.server_layer(), request, |_| (), &[]).await;
    }
}

#[tokio::test]
async fn a_traceparent_goes_on_unchanged_below_an_excluded_path() {
    let (tracer, spans) = traced(Tracer::builder("shop"));
    let trace = "463ac35c9f6413ad48485a3953bb6124";
    let traceparent = format!("00-{trace}-a2fb4a1d1a96d312-01");
    let request = Request::get("/healthz")
        .header("b3", format!("{trace}-a2fb4a1d1a96d312"))
        .header("traceparent", &traceparent);
    let expected = traceparent.clone();
    let client = tracer
        .client_layer()
        .layer(service_fn(move |request: Request<String>| {
            assert_eq!(request.headers()["traceparent"], expected);
            assert_eq!(request.headers()["x-b3-spanid"], "a2fb4a1d1a96d312");
            assert!(!request.headers().contains_key("x-b3-sampled"));
            async { Ok::<_, Infallible>(Response::new(String::new())) }
        }));
    let work = move |_: &Request<String>| {
        let call = client.clone().call(Request::new(String::new()));
        futures_util::FutureExt::now_or_never(call)
            .unwrap()
            .unwrap();
        assert_eq!(current().unwrap().sampling(), Sampling::Defer);
    };
    let layer = tracer.server_layer().exclude_paths(["/healthz"]);
    serve(layer, request.body(String::new()).unwrap(), work, &[]).await;
    assert!(spans.take().is_empty());
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![0_usize..200, Just(usize::MAX), any::<usize>()]
}

fn percentage() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.0..=100.0,
        1 => any::<f64>(),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, -0.0, 100.01, f64::MAX]),
    ]
}

fn per_second() -> impl Strategy<Value = u32> {
    prop_oneof![0_u32..20, Just(u32::MAX), any::<u32>()]
}

proptest! {
    #![proptest_config(Config { cases: 256, failure_persistence: None, ..Config::default() })]

    /// Whatever a setting is: an error that names it, or a tracer that works.
    #[test]
    fn a_tracer_works_with_any_settings(
        tag_length in length(),
        path_length in length(),
        percentages in (percentage(), percentage(), percentage()),
        limits in (per_second(), per_second(), per_second()),
        proxies in length(),
    ) {
        let valid = |percent: f64| percent.is_sign_positive() && percent <= 100.0;
        let sampler = Sampler::percentage(percentages.0);
        prop_assert_eq!(sampler.is_ok(), valid(percentages.0));
        let by_id = Sampler::percentage_by_request_id(percentages.0);
        prop_assert_eq!(by_id.is_ok(), valid(percentages.0));
        let rules = Rules::otherwise(by_id.unwrap_or_else(|_| Sampler::always()))
            .path("/a", Sampler::rate_limited(limits.0))
            .path("/b", sampler.unwrap_or_else(|_| Sampler::always()));
        let spans = InMemoryReporter::default();
        let built = Tracer::builder("shop")
            .sampler(Sampler::rules(rules))
            .max_tag_length(tag_length)
            .max_path_tag_length(path_length)
            .client_sampling(percentages.1)
            .overall_sampling(percentages.2)
            .forced_rate_limit(limits.1)
            .debug_rate_limit(limits.2)
            .reporter(spans.clone())
            .build();
        let wrong = [
            ("max_tag_length", tag_length >= 16),
            ("max_path_tag_length", path_length >= 1),
            ("client_sampling", valid(percentages.1)),
            ("overall_sampling", valid(percentages.2)),
        ]
        .into_iter()
        .find_map(|(field, right)| (!right).then_some(field));
        let tracer = match (built, wrong) {
            (Ok(tracer), None) => tracer,
            (Err(error), Some(field)) => {
                prop_assert!(error.to_string().contains(field), "{}", error);
                return Ok(());
            }
            (built, wrong) => {
                let error = built.map(drop);
                return Err(TestCaseError::fail(format!("{error:?}, not {wrong:?}")));
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let trust = Trust::networks(["10.0.0.0/8"]).unwrap().trusted_hops(proxies);
        for (header, value) in [
            ("x-b3-flags", "1"),
            ("x-envoy-force-trace", "1"),
            ("x-client-trace-id", "a"),
            ("x-forwarded-for", "10.0.0.1, 10.0.0.2"),
        ] {
            for path in ["/a", "/b", &format!("/{}", "ä".repeat(300))] {
                let request = Request::get(path).header(header, value);
                let request = request
                    .extension(SocketAddr::from(([10, 0, 0, 3], 1)))
                    .body(String::new())
                    .unwrap();
                let layer = tracer.server_layer().trust(trust.clone());
                let work = |_: &Request<String>| tower_b3::tag("text", "ä".repeat(300));
                runtime.block_on(serve(layer, request, work, &[]));
            }
        }
        for span in spans.take() {
            let text = span.tag("text").unwrap_or_default();
            prop_assert!(text.len() <= tag_length, "{}", text);
        }
    }
}
