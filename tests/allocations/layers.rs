//! Allocations per request of both layers, compared with the bare service.

use crate::common::{Script, drain, headers, now};
use allocation_counter::measure;
use http::{HeaderMap, Request, Response};
use std::{
    convert::Infallible,
    future::{Ready, ready},
};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Mode, Sampling, TraceContext, Tracer, observe::EndedExchange, propagation::Propagation,
    report::NoopReporter, sample::Sampler, tags::Tag,
};

const ROUNDS: u64 = 100;

/// The number of allocations of a call after a warm-up.
fn steady<T>(inputs: impl Fn() -> T, mut call: impl FnMut(T)) -> f64 {
    (0..ROUNDS).for_each(|_| call(inputs()));
    let inputs: Vec<T> = (0..ROUNDS).map(|_| inputs()).collect();
    // Only allocations are counted: the vector of inputs is merely freed.
    let allocated = measure(|| inputs.into_iter().for_each(&mut call));
    allocated.count_total as f64 / ROUNDS as f64
}

/// A request with reference-counted header values, like those of a server, and spare capacity.
struct Template(HeaderMap);

impl Template {
    fn new(lines: &str) -> Template {
        let headers = headers(lines);
        // The first clone of a value makes it reference-counted.
        drop(headers.clone());
        Template(headers)
    }

    fn request(&self) -> Request<()> {
        let mut request = Request::get("http://shop/items/7").body(()).unwrap();
        let headers = request.headers_mut();
        headers.reserve(32);
        for (name, value) in &self.0 {
            headers.append(name, value.clone());
        }
        request
    }
}

type Answered = Ready<Result<Response<Script>, Infallible>>;

/// Responds with a header map that has spare capacity.
fn handler() -> impl FnMut(Request<()>) -> Answered + Clone {
    |_| {
        let mut response = Response::new(Script::default());
        response.headers_mut().reserve(8);
        ready(Ok(response))
    }
}

fn served<S, B>(mut service: S, lines: &str) -> f64
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body + Unpin,
{
    let template = Template::new(lines);
    steady(
        || template.request(),
        |request| {
            let mut response = now(service.call(request)).unwrap();
            drain(response.body_mut()).ok().unwrap();
        },
    )
}

fn tracer(sampler: Sampler) -> Tracer {
    Tracer::builder("shop")
        .reporter(NoopReporter)
        .sampler(sampler)
        .tag(Tag::literal("custom_tag", "Test Tag"))
        .tag(Tag::request_header("tenant", "x-tenant"))
        .build()
        .unwrap()
}

const IDS: &str = "x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124|x-b3-spanid: a2fb4a1d1a96d312|\
    x-b3-parentspanid: 0020000000000001";
const REST: &str = "host: shop|user-agent: curl/8|x-tenant: acme|sw8: 7|x-ot-span-context: a|\
    tracestate: a=b|x-forwarded-proto: https";
const ID: &str = "x-request-id: 6f0b3f1e-6a0b-4d1c-8f3e-0d6b5a4c3e21";

/// A sampled request without headers to forward.
fn few() -> String {
    format!("{IDS}|x-b3-sampled: 1|{ID}|host: shop")
}

/// A request with all headers.
fn all(state: &str) -> String {
    format!("{IDS}|x-b3-sampled: {state}|{ID}|{REST}")
}

#[test]
fn serving_a_request_with_a_request_id_does_not_allocate() {
    let layer = tracer(Sampler::always()).server_layer();
    let bare = served(service_fn(handler()), &all("1"));
    for lines in [
        all("1"),
        all("0"),
        format!("{IDS}|x-b3-flags: 1|{ID}|{REST}"),
        format!("b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1|{ID}|{REST}"),
        format!("b3: malformed|{ID}|{REST}"),
        format!("{ID}|{REST}"),
    ] {
        let traced = served(layer.layer(service_fn(handler())), &lines);
        assert_eq!(traced, bare, "{lines}");
    }
    let never = tracer(Sampler::never()).server_layer();
    let new_trace = format!("{ID}|{REST}");
    let unsampled = served(never.layer(service_fn(handler())), &new_trace);
    assert_eq!(unsampled, bare);
}

#[test]
fn a_generated_request_id_is_one_allocation() {
    let layer = tracer(Sampler::always()).server_layer();
    let bare = served(service_fn(handler()), &all("1"));
    for state in ["1", "0"] {
        let lines = format!("{IDS}|x-b3-sampled: {state}|{REST}");
        let generated = served(layer.layer(service_fn(handler())), &lines);
        assert_eq!(generated, bare + 1.0, "{lines}");
    }
}

#[test]
fn tags_names_and_local_spans_of_the_handler_do_not_allocate() {
    let layer = tracer(Sampler::always()).server_layer();
    let tagging = |_: Request<()>| {
        tower_b3::tag("cart.items", "3");
        tower_b3::scope::route("/items/{id}");
        tower_b3::span("local").in_scope(|| tower_b3::scope::route("/items/{id}"));
        tower_b3::span("local").in_scope(|| tower_b3::annotate("cache miss"));
        handler()(Request::new(()))
    };
    let tagged = served(layer.layer(service_fn(tagging)), &few());
    assert_eq!(tagged, served(service_fn(handler()), &few()));
}

/// The allocations of a request whose handler calls another service.
fn calls(lines: &str, tracer: &Tracer) -> f64 {
    let catalog = tracer.client_layer().layer(service_fn(handler()));
    let outgoing = Template::new("accept: */*");
    let calling = move |_: Request<()>| {
        let request = outgoing.request();
        drain(now(catalog.clone().call(request)).unwrap().body_mut()).unwrap();
        handler()(Request::new(()))
    };
    served(tracer.server_layer().layer(service_fn(calling)), lines)
}

/// The same without the layers.
fn untraced_calls() -> f64 {
    let outgoing = Template::new("accept: */*");
    let mut catalog = service_fn(handler());
    let calling = move |_: Request<()>| {
        drain(now(catalog.call(outgoing.request())).unwrap().body_mut()).unwrap();
        handler()(Request::new(()))
    };
    served(service_fn(calling), &few())
}

#[test]
fn a_call_is_one_allocation_for_the_ids_that_are_written() {
    let always = tracer(Sampler::always());
    // Without and with headers to forward, and unsampled.
    for lines in [few(), all("1"), all("0")] {
        assert_eq!(calls(&lines, &always), untraced_calls() + 1.0, "{lines}");
    }
}

#[test]
fn forward_only_does_not_allocate() {
    let forward = Tracer::builder("shop").mode(Mode::ForwardOnly);
    let forward = forward.build().unwrap();
    for lines in [&all("1"), &few(), "host: shop"] {
        assert_eq!(calls(lines, &forward), untraced_calls(), "{lines}");
    }
}

#[test]
fn injecting_is_one_allocation_and_extracting_none() {
    let propagation = Propagation::default();
    let (incoming, forwarded) = propagation.extract(&headers(&few()));
    let context = incoming.context().unwrap();
    let inject = |context| {
        steady(
            || HeaderMap::with_capacity(32),
            |mut headers| propagation.inject(&context, &forwarded, &mut headers),
        )
    };
    assert_eq!(inject(context), 1.0);
    assert_eq!(inject(TraceContext::root(Sampling::Deny)), 1.0);
    let template = Template::new(&few());
    let extract = steady(|| (), |()| drop(propagation.extract(&template.0)));
    assert_eq!(extract, 0.0);
}

/// With and without the metadata of a peer, for each naming and each way to find the service.
#[cfg(feature = "metrics")]
#[test]
fn a_request_that_is_counted_does_not_allocate() {
    use tower_b3::metrics::{Metrics, Naming, Workload};

    const PEER: &str =
        "|x-envoy-peer-metadata: CgA=|x-envoy-peer-metadata-id: sidecar~1~webapp.shop~shop";
    let bare = served(service_fn(handler()), &all("0"));
    let uncounted = Tracer::builder("shop").build().unwrap().client_layer();
    let uncounted_call = served(uncounted.layer(service_fn(handler())), &all("0"));
    let set_up = |naming| {
        let webapp = || Metrics::builder(Workload::new("webapp").namespace("shop")).naming(naming);
        [
            webapp(),
            webapp().own_services(["web", "shop"]),
            webapp().learn_own_services(4),
            webapp().read_baggage(true),
            Metrics::builder(Workload::new("webapp")).naming(naming),
        ]
    };
    for naming in [Naming::Istio, Naming::Red, Naming::OpenTelemetry] {
        for (at, set_up) in set_up(naming).into_iter().enumerate() {
            let metrics = set_up.build();
            let tracer = Tracer::builder("shop").metrics(&metrics).build().unwrap();
            for peer in ["", PEER] {
                let lines = all("0") + peer;
                let server = tracer.server_layer().layer(service_fn(handler()));
                assert_eq!(
                    served(server, &lines),
                    bare,
                    "server, {naming:?}, {at}{peer}"
                );
                let client = tracer.client_layer().layer(service_fn(handler()));
                let call = served(client, &lines);
                assert_eq!(call, uncounted_call, "client, {naming:?}, {at}{peer}");
            }
        }
    }
}

#[test]
fn an_observer_without_state_does_not_allocate() {
    let builder = Tracer::builder("shop").reporter(NoopReporter);
    let builder = builder.observer(|exchange: &EndedExchange<'_>| {
        assert_eq!(exchange.response_code(), 200);
    });
    let layer = builder.build().unwrap().server_layer();
    let bare = served(service_fn(handler()), &all("1"));
    for lines in [all("1"), all("0")] {
        let observed = served(layer.layer(service_fn(handler())), &lines);
        assert_eq!(observed, bare, "{lines}");
    }
}

/// In Envoy's default format and in Istio's as JSON.
#[cfg(feature = "access-log")]
#[test]
fn an_access_log_does_not_allocate() {
    use tower_b3::access_log::{AccessLog, AccessLogFormat};
    let bare = served(service_fn(handler()), &all("1"));
    for format in [AccessLogFormat::envoy(), AccessLogFormat::istio_json()] {
        let log = AccessLog::builder().format(format).writer(std::io::sink());
        let log = log.start().unwrap();
        let builder = Tracer::builder("shop").reporter(NoopReporter);
        let layer = builder.observer(log.clone()).build().unwrap();
        let layer = layer.server_layer();
        for lines in [all("1"), all("0")] {
            let logged = served(layer.layer(service_fn(handler())), &lines);
            assert_eq!(logged, bare, "{lines}");
        }
        assert!(log.flush(std::time::Duration::from_secs(60)));
        assert_eq!(log.stats().written, 4 * ROUNDS);
    }
}
