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
    Mode, Sampling, TraceContext, Tracer, propagation::Propagation, report::NoopReporter,
    sample::Sampler, tags::Tag,
};

const ROUNDS: u64 = 100;

/// The number of allocations of a call after a warm-up.
fn steady<T>(inputs: impl Fn() -> T, mut call: impl FnMut(T)) -> f64 {
    (0..ROUNDS).for_each(|_| call(inputs()));
    let inputs: Vec<T> = (0..ROUNDS).map(|_| inputs()).collect();
    // Measured are allocations alone: the vector of the inputs is only freed.
    let allocated = measure(|| inputs.into_iter().for_each(&mut call));
    allocated.count_total as f64 / ROUNDS as f64
}

/// A request with reference-counted header values, as a server's have, and spare capacity.
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

#[test]
fn in_the_steady_state_tracing_allocates_as_documented() {
    let lines = |state: &str| format!("{IDS}|x-b3-sampled: {state}|{ID}|{REST}");
    let layer = tracer(Sampler::always()).server_layer();
    let server = || layer.layer(service_fn(handler()));
    let bare = served(service_fn(handler()), &lines("1"));

    // No allocation if the request has all headers.
    for lines in [
        lines("1"),
        lines("0"),
        format!("{IDS}|x-b3-flags: 1|{ID}|{REST}"),
        format!("b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1|{ID}|{REST}"),
        format!("b3: malformed|{ID}|{REST}"),
        format!("{ID}|{REST}"),
    ] {
        assert_eq!(served(server(), &lines), bare, "{lines}");
    }
    let never = tracer(Sampler::never()).server_layer();
    let lines_of_none = format!("{ID}|{REST}");
    assert_eq!(
        served(never.layer(service_fn(handler())), &lines_of_none),
        bare
    );

    // One allocation for a generated request id, which request, response and calls share.
    let generated = served(server(), &format!("{IDS}|x-b3-sampled: 1|{REST}"));
    assert_eq!(generated, bare + 1.0);
    let unsampled = served(server(), &format!("{IDS}|x-b3-sampled: 0|{REST}"));
    assert_eq!(unsampled, bare + 1.0);

    // The handler's own tags, a name, and local spans.
    let tagging = |_: Request<()>| {
        tower_b3::tag("cart.items", "3");
        tower_b3::scope::route("/items/{id}");
        tower_b3::span("local").in_scope(|| tower_b3::annotate("cache miss"));
        handler()(Request::new(()))
    };
    let few = format!("{IDS}|x-b3-sampled: 1|{ID}|host: shop");
    let tagged = served(layer.layer(service_fn(tagging)), &few);
    assert_eq!(tagged, served(service_fn(handler()), &few));

    // One allocation per call, for the ids that are written.
    let calls = |lines: &str, tracer: &Tracer| {
        let layer = tracer.client_layer();
        let catalog = layer.layer(service_fn(handler()));
        let outgoing = Template::new("accept: */*");
        let calling = move |_: Request<()>| {
            let request = outgoing.request();
            drain(now(catalog.clone().call(request)).unwrap().body_mut()).unwrap();
            handler()(Request::new(()))
        };
        served(tracer.server_layer().layer(service_fn(calling)), lines)
    };
    let plain = {
        let outgoing = Template::new("accept: */*");
        let mut catalog = service_fn(handler());
        let calling = move |_: Request<()>| {
            drain(now(catalog.call(outgoing.request())).unwrap().body_mut()).unwrap();
            handler()(Request::new(()))
        };
        served(service_fn(calling), &few)
    };
    let always = tracer(Sampler::always());
    let with_nothing_to_forward = calls(&few, &always);
    let with_headers_to_forward = calls(&lines("1"), &always);
    let unsampled = calls(&lines("0"), &always);
    assert_eq!(with_nothing_to_forward, plain + 1.0);
    assert_eq!(with_headers_to_forward, plain + 1.0);
    assert_eq!(unsampled, plain + 1.0);

    // No allocation in `ForwardOnly`.
    let forward = Tracer::builder("shop").mode(Mode::ForwardOnly);
    let forward = forward.build().unwrap();
    for lines in [&lines("1"), &few, "host: shop"] {
        assert_eq!(calls(lines, &forward), plain, "{lines}");
    }

    // Propagation without the layers.
    let propagation = Propagation::default();
    let (incoming, forwarded) = propagation.extract(&headers(&few));
    let context = incoming.context().unwrap();
    let inject = |context| {
        steady(
            || HeaderMap::with_capacity(32),
            |mut headers| propagation.inject(&context, &forwarded, &mut headers),
        )
    };
    assert_eq!(inject(context), 1.0);
    assert_eq!(inject(TraceContext::root(Sampling::Deny)), 1.0);
    let template = Template::new(&few);
    let extract = steady(|| (), |()| drop(propagation.extract(&template.0)));
    assert_eq!(extract, 0.0);
}
