//! Extracting, injecting and forwarding, compared with the fewest header operations that would do.
//!
//! Columns: group, operation, median of ns, median of the ratio to the group's reference in the
//! same round.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};
use load::{
    Body, Head, PARENT_ID, SPAN_ID, TRACE_ID, b3_multi, calling, leaf, out_headers, prepare_out,
    response, serve, take_out, tracer,
};
use opentelemetry::{
    Context,
    propagation::TextMapPropagator,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_propagator_b3::Propagator;
use peers::{fastrace_extract, insert_multi, median, shuffle};
use std::{convert::Infallible, hint::black_box, time::Instant};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Mode,
    propagation::{Forwarded, Propagation},
    report::NoopReporter,
};

const ROUNDS: usize = 300;
const AT_ONCE: usize = 256;

/// Runs [`AT_ONCE`] operations and returns the ns per operation.
type Timed<'a> = Box<dyn FnMut() -> f64 + 'a>;

/// Times an operation on inputs that are made before the clock starts and dropped after it stops.
fn timed<'a, T: 'a>(
    mut make: impl FnMut() -> T + 'a,
    mut operation: impl FnMut(&mut T) + 'a,
) -> Timed<'a> {
    Box::new(move || {
        let mut inputs: Vec<T> = (0..AT_ONCE).map(|_| make()).collect();
        let start = Instant::now();
        inputs.iter_mut().for_each(&mut operation);
        start.elapsed().as_nanos() as f64 / AT_ONCE as f64
    })
}

fn rounds(timed: &mut [(&str, Timed<'_>)]) -> Vec<Vec<f64>> {
    let mut order: Vec<usize> = (0..timed.len()).collect();
    let mut seen = vec![Vec::with_capacity(ROUNDS); timed.len()];
    for round in 0..ROUNDS + 20 {
        shuffle(&mut order);
        for &at in &order {
            let ns = (timed[at].1)();
            // The first rounds warm up.
            if round >= 20 {
                seen[at].push(ns);
            }
        }
    }
    seen
}

/// Prints the times of a group. The first entry is the reference.
fn group(name: &str, mut timed: Vec<(&str, Timed<'_>)>) {
    let seen = rounds(&mut timed);
    for (at, (what, _)) in timed.iter().enumerate() {
        let ratios = seen[at]
            .iter()
            .zip(&seen[0])
            .map(|(one, reference)| one / reference);
        let (ns, ratio) = (median(seen[at].clone()), median(ratios.collect()));
        println!("{name}\t{what}\t{ns:.0}\t{ratio:.2}");
    }
}

/// Prints what each entry adds to the first one. The second entry is the reference.
fn group_of_added(name: &str, mut timed: Vec<(&str, Timed<'_>)>) {
    let seen = rounds(&mut timed);
    let added = |at: usize| -> Vec<f64> {
        let pairs = seen[at].iter().zip(&seen[0]);
        pairs.map(|(one, bare)| one - bare).collect()
    };
    for (at, (what, _)) in timed.iter().enumerate().skip(1) {
        let ratios = added(at)
            .into_iter()
            .zip(added(1))
            .map(|(one, reference)| one / reference);
        let ratio = median(ratios.collect());
        println!("{name}\t{what}\t{:.0}\t{ratio:.2}", median(added(at)));
    }
}

fn look_up_b3(headers: &HeaderMap) {
    static NAMES: [HeaderName; 5] = [
        HeaderName::from_static("b3"),
        HeaderName::from_static("x-b3-traceid"),
        HeaderName::from_static("x-b3-spanid"),
        HeaderName::from_static("x-b3-sampled"),
        HeaderName::from_static("x-b3-flags"),
    ];
    for name in &NAMES {
        black_box(black_box(headers).get(name));
    }
}

/// Times an operation that reads these headers.
fn timed_read<'a>(headers: &'a HeaderMap, mut read: impl FnMut(&HeaderMap) + 'a) -> Timed<'a> {
    timed(|| (), move |()| read(black_box(headers)))
}

fn extract() {
    let single = format!("b3: {TRACE_ID}-{SPAN_ID}-1-{PARENT_ID}\r\n");
    let seventeen = Head::new(&b3_multi("1")).headers();
    let ours = Propagation::default();
    let (otel, root) = (Propagator::new(), Context::new());
    for (name, more) in [
        ("multi", &*b3_multi("1")),
        ("single", &single),
        ("absent", ""),
    ] {
        let headers = &Head::new(more).headers();
        let look_up = timed_read(&seventeen, look_up_b3);
        let ours = timed_read(headers, |headers| {
            black_box(ours.extract(headers));
        });
        let opentelemetry = timed_read(headers, |headers| {
            black_box(otel.extract_with_context(&root, &HeaderExtractor(headers)));
        });
        let zipkin = timed_read(headers, |headers| {
            black_box(http_zipkin::get_trace_context(headers));
        });
        let fastrace = timed_read(headers, |headers| {
            black_box(fastrace_extract(headers, false));
        });
        group(
            &format!("extract {name}"),
            vec![
                ("five look-ups in 17 headers", look_up),
                ("tower-b3", ours),
                ("opentelemetry", opentelemetry),
                ("http-zipkin", zipkin),
                ("fastrace, by hand", fastrace),
            ],
        );
    }
}

fn inject() {
    let ids = [SPAN_ID, PARENT_ID].map(|id| u64::from_str_radix(id, 16).expect("an id"));
    let trace = u128::from_str_radix(TRACE_ID, 16).expect("an id");
    let ours = Propagation::default();
    let (incoming, _) = ours.extract(&Head::new(&b3_multi("1")).headers());
    let context = incoming.context().expect("ids");
    let forwarded = Forwarded::default();
    let otel = Propagator::new();
    let otel_context = Context::new().with_remote_span_context(SpanContext::new(
        TraceId::from_hex(TRACE_ID).expect("an id"),
        SpanId::from_hex(SPAN_ID).expect("an id"),
        TraceFlags::SAMPLED,
        false,
        TraceState::default(),
    ));
    let zipkin = zipkin::TraceContext::builder()
        .trace_id(TRACE_ID.parse().expect("an id"))
        .span_id(SPAN_ID.parse().expect("an id"))
        .parent_id(PARENT_ID.parse::<zipkin::SpanId>().expect("an id"))
        .sampled(true)
        .build();
    group(
        "inject multi",
        vec![
            (
                "four inserts",
                timed(out_headers, move |headers: &mut HeaderMap| {
                    let [span, parent] = black_box(ids);
                    insert_multi(black_box(trace), span, parent, true, headers);
                }),
            ),
            (
                "tower-b3",
                timed(out_headers, move |headers: &mut HeaderMap| {
                    ours.inject(black_box(&context), &forwarded, headers);
                }),
            ),
            (
                "opentelemetry",
                timed(out_headers, move |headers: &mut HeaderMap| {
                    otel.inject_context(black_box(&otel_context), &mut HeaderInjector(headers));
                }),
            ),
            (
                "http-zipkin",
                timed(out_headers, move |headers: &mut HeaderMap| {
                    http_zipkin::set_trace_context(black_box(zipkin), headers);
                }),
            ),
        ],
    );
}

/// Serves requests with trace headers. The handler sends one outgoing request.
fn forwarding<S, B>(mut service: S) -> Timed<'static>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + 'static,
    B: http_body::Body<Data = Bytes>,
{
    let head = Head::new(&b3_multi("1"));
    let make = move || {
        prepare_out(1);
        Some(head.request(Body::default()))
    };
    timed(make, move |request| {
        serve(&mut service, request.take().expect("a request"));
    })
}

/// The handler that copies the headers itself.
fn copying()
-> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone
{
    static COPIED: [HeaderName; 5] = [
        HeaderName::from_static("x-request-id"),
        HeaderName::from_static("x-b3-traceid"),
        HeaderName::from_static("x-b3-spanid"),
        HeaderName::from_static("x-b3-parentspanid"),
        HeaderName::from_static("x-b3-sampled"),
    ];
    let client = leaf();
    service_fn(move |request: Request<Body>| {
        let mut client = client.clone();
        async move {
            let mut out = take_out();
            for name in &COPIED {
                if let Some(value) = request.headers().get(name) {
                    out.headers_mut().insert(name, value.clone());
                }
            }
            drop(request);
            let _ = client.call(out).await;
            Ok(response())
        }
    })
}

fn forward() {
    let tracer = tracer(Mode::ForwardOnly, true, NoopReporter);
    let client = tracer.client_layer().layer(leaf());
    group_of_added(
        "forward-only",
        vec![
            ("nothing", forwarding(calling(leaf()))),
            ("five look-ups and five inserts", forwarding(copying())),
            (
                "tower-b3",
                forwarding(tracer.server_layer().layer(calling(client))),
            ),
        ],
    );
}

fn main() {
    println!("group\twhat\tns\tratio");
    extract();
    inject();
    forward();
}
