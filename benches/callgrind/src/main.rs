//! One row of the table, to be run under callgrind: see `run.sh`.
//!
//! ```text
//! rows --list              the rows
//! rows ROW bare COUNT      so many requests without tower-b3, and before that as many to warm up
//! rows ROW traced COUNT    the same with it
//! ```

use http::{HeaderMap, Request, Response};
use load::{
    Body, Head, PARENT_ID, SPAN_ID, Scenario, TRACE_ID, b3_multi, calling, counting_tracer, leaf,
    null_reporter, out_headers, prepare_out, serve, tracer,
};
use std::{convert::Infallible, hint::black_box, io, process::ExitCode, time::Duration};
use tower::{Layer, Service};
use tower_b3::{
    Mode, Tracer,
    access_log::AccessLog,
    propagation::{Forwarded, Propagation},
    report::BatchReporter,
};

/// Requests between two flushes of the reporter: few enough that a thread does not run out of spare
/// span records.
const AT_ONCE: usize = 128;

const ROWS: [&str; 14] = [
    "in1",
    "in0",
    "none0",
    "none1",
    "out1",
    "out0",
    "in0-metrics",
    "out0-metrics",
    "forward-only",
    "log0",
    "extract-multi",
    "extract-single",
    "extract-absent",
    "inject-multi",
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["--list"] => {
            ROWS.iter().for_each(|row| println!("{row}"));
            Some(())
        }
        [row, how @ ("bare" | "traced"), count] => count
            .parse()
            .ok()
            .and_then(|count| run(row, how == "traced", count)),
        _ => None,
    };
    match done {
        Some(()) => ExitCode::SUCCESS,
        None => {
            eprintln!("usage: rows --list | rows ROW bare|traced COUNT");
            ExitCode::FAILURE
        }
    }
}

fn run(row: &str, traced: bool, count: usize) -> Option<()> {
    match row {
        "in0-metrics" => exchange(Scenario::In0, Mode::Spans, counting_tracer, traced, count),
        "out0-metrics" => exchange(Scenario::Out0, Mode::Spans, counting_tracer, traced, count),
        "forward-only" => exchange(Scenario::Out1, Mode::ForwardOnly, tracer, traced, count),
        "log0" => log(Scenario::In0, traced, count),
        "extract-multi" => extract(&b3_multi("1"), traced, count),
        "extract-single" => {
            let b3 = format!("b3: {TRACE_ID}-{SPAN_ID}-1-{PARENT_ID}\r\n");
            extract(&b3, traced, count);
        }
        "extract-absent" => extract("", traced, count),
        "inject-multi" => inject(traced, count),
        _ => exchange(Scenario::parse(row)?, Mode::Spans, tracer, traced, count),
    }
    Some(())
}

fn exchange(
    scenario: Scenario,
    mode: Mode,
    tracer: fn(Mode, bool, BatchReporter) -> Tracer,
    traced: bool,
    count: usize,
) {
    let reporter = null_reporter().expect("a reporter");
    let tracer = tracer(mode, scenario.sampler_says_yes(), reporter.clone());
    match (scenario.calls_out(), traced) {
        (false, false) => all(leaf(), scenario, &reporter, count),
        (true, false) => all(calling(leaf()), scenario, &reporter, count),
        (false, true) => {
            let server = tracer.server_layer().layer(leaf());
            all(server, scenario, &reporter, count);
        }
        (true, true) => {
            let client = tracer.client_layer().layer(leaf());
            let server = tracer.server_layer().layer(calling(client));
            all(server, scenario, &reporter, count);
        }
    }
    let stats = reporter.stats();
    let spans = match (traced, mode, scenario.is_recorded()) {
        (true, Mode::Spans, true) => 2 * count * (1 + usize::from(scenario.calls_out())),
        _ => 0,
    };
    assert_eq!((stats.sent, stats.dropped.total()), (spans as u64, 0));
}

/// An access log in Envoy's default format, to an output that discards lines.
fn log(scenario: Scenario, traced: bool, count: usize) {
    let log = AccessLog::builder().writer(io::sink());
    let log = log.start().expect("a log");
    let tracer = Tracer::builder("orders").observer(log.clone());
    let tracer = tracer.build().expect("a tracer");
    let head = Head::of(scenario);
    let prepare = || head.request(Body::default());
    let flush = || assert!(log.flush(Duration::from_secs(60)));
    if traced {
        let mut server = tracer.server_layer().layer(leaf());
        repeat(count, prepare, |one| serve(&mut server, one), flush);
        assert_eq!(log.stats().written, 2 * count as u64);
    } else {
        let mut server = leaf();
        repeat(count, prepare, |one| serve(&mut server, one), flush);
    }
}

/// The function that callgrind counts; `run.sh` has its name.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
}

/// Runs `work` this many times to warm up and this many times in [`measured`], each with an input
/// from `prepare`. Calls `rest` after every [`AT_ONCE`] operations. Neither is counted.
fn repeat<T>(
    count: usize,
    mut prepare: impl FnMut() -> T,
    mut work: impl FnMut(T),
    rest: impl Fn(),
) {
    let mut prepared = Vec::with_capacity(AT_ONCE);
    for is_measured in [false, true] {
        for done in (0..count).step_by(AT_ONCE) {
            let several = AT_ONCE.min(count - done);
            prepared.extend((0..several).map(|_| prepare()));
            let mut several = || prepared.drain(..).for_each(&mut work);
            if is_measured {
                measured(&mut several);
            } else {
                several();
            }
            rest();
        }
    }
}

fn all<S, B>(mut service: S, scenario: Scenario, reporter: &BatchReporter, count: usize)
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body<Data = bytes::Bytes>,
{
    let head = Head::of(scenario);
    let prepare = || {
        prepare_out(usize::from(scenario.calls_out()));
        head.request(Body::default())
    };
    let flush = || assert!(reporter.flush(Duration::from_secs(60)));
    repeat(
        count,
        prepare,
        |request| serve(&mut service, request),
        flush,
    );
}

fn extract(more: &str, traced: bool, count: usize) {
    let headers = Head::new(more).headers();
    let propagation = Propagation::default();
    let one = |()| {
        let headers = black_box(&headers);
        if traced {
            drop(black_box(propagation.extract(headers)));
        }
    };
    repeat(count, || (), one, || ());
}

fn inject(traced: bool, count: usize) {
    let propagation = Propagation::default();
    let (incoming, _) = propagation.extract(&Head::new(&b3_multi("1")).headers());
    let context = incoming.context().expect("ids").child();
    let forwarded = Forwarded::default();
    let one = |mut headers: HeaderMap| {
        if traced {
            propagation.inject(black_box(&context), &forwarded, &mut headers);
        }
        drop(black_box(headers));
    };
    repeat(count, out_headers, one, || ());
}
