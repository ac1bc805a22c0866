//! Ids in front of lines of text.

use crate::{
    common::{SPAN, TRACE},
    lines::{ids, prefix, serve, text, tracer},
    logged,
};
use tower_b3::{
    Tracer,
    logs::{LogField, LogFields, WithIds},
    sample::Sampler,
};
use tracing_subscriber::EnvFilter;

#[test]
fn ids_are_in_front_of_lines_inside_of_requests_only() {
    for (sampled, headers) in [(true, ids("1")), (false, ids("0"))] {
        let lines = logged!(text().map_event_format(WithIds::text), || {
            tracing::info!("before");
            serve(&tracer(), &headers, || tracing::info!(items = 4, "inside"));
            tracing::info!("after");
        });
        let front = prefix(sampled);
        let expected = [
            " INFO log_format::text: before\n",
            &format!("{front} INFO log_format::text: inside items=4\n"),
            " INFO log_format::text: after\n",
        ];
        assert_eq!(lines, expected.concat());
    }
}

#[tracing::instrument(level = "debug")]
fn outer(deep: bool) {
    tracing::info!("outer");
    inner();
}

#[tracing::instrument(level = "trace")]
fn inner() {
    tower_b3::span("local").in_scope(|| tracing::info!("inner"));
    tracing::debug!(target: "tower_b3", "of the crate's own target");
}

#[test]
fn no_filter_and_no_depth_takes_the_ids_off_a_line() {
    for (filter, count) in [
        ("trace", 3),
        ("info", 2),
        ("log_format=info", 2),
        ("error,log_format=debug,tower_b3=off", 2),
        ("off,tower_b3=debug", 1),
        ("[outer]=debug", 3),
    ] {
        let format = text()
            .map_event_format(WithIds::text)
            .with_env_filter(EnvFilter::new(filter));
        let lines = logged!(format, || serve(&tracer(), &ids("1"), || outer(true)));
        let of_request = format!("trace_id={TRACE} span_id=");
        let of_request = lines.lines().filter(|line| line.starts_with(&of_request));
        assert_eq!(of_request.count(), count, "{filter}: {lines}");
        assert_eq!(lines.lines().count(), count, "{filter}: {lines}");
    }
}

#[test]
fn a_local_span_has_its_own_id_and_the_span_around_it_as_parent() {
    let mut local = None;
    let lines = logged!(text().map_event_format(WithIds::text), || {
        serve(&tracer(), &ids("1"), || {
            tower_b3::span("load").in_scope(|| {
                local = tower_b3::current();
                tracing::info!("loading");
            });
        });
    });
    let id = local.unwrap().span_id();
    let front =
        format!("trace_id={TRACE} span_id={id} parent_id={SPAN} request_id=req-1 sampled=true ");
    assert_eq!(lines, format!("{front} INFO log_format::text: loading\n"));
}

#[test]
fn every_format_of_tracing_subscriber_can_be_inside() {
    let log = || serve(&tracer(), &ids("1"), || tracing::info!("inside"));
    let front = prefix(true);
    let lines = logged!(text().compact().map_event_format(WithIds::text), log);
    assert_eq!(lines, format!("{front} INFO log_format::text: inside\n"));
    let lines = logged!(
        text().with_level(false).map_event_format(WithIds::text),
        log
    );
    assert_eq!(lines, format!("{front}log_format::text: inside\n"));
    let lines = logged!(text().pretty().map_event_format(WithIds::text), log);
    let first = lines.lines().next().unwrap();
    assert_eq!(
        first,
        format!("{front}   INFO log_format::text: inside"),
        "{lines}"
    );
}

#[test]
fn on_a_terminal_the_ids_are_dimmed_and_can_be_searched_for() {
    let fields = LogFields::only([LogField::TraceId, LogField::SpanId]);
    let format = text()
        .with_ansi(true)
        .map_event_format(|format| WithIds::text(format).fields(fields));
    let lines = logged!(format, || serve(&tracer(), &ids("1"), || tracing::info!(
        "a"
    )));
    let front = format!("\u{1b}[2mtrace_id={TRACE} span_id={SPAN}\u{1b}[0m \u{1b}[32m INFO");
    assert!(lines.starts_with(&front), "{lines:?}");
}

#[test]
fn a_root_span_has_no_parent_id_and_a_generated_request_id() {
    let never = Tracer::builder("shop").sampler(Sampler::never());
    let never = never.build().unwrap();
    let mut root = None;
    let mut request_id = None;
    let lines = logged!(text().map_event_format(WithIds::text), || {
        serve(&never, "", || {
            (root, request_id) = (tower_b3::current(), tower_b3::request_id());
            tracing::info!("inside");
        });
    });
    let (root, request_id) = (root.unwrap(), request_id.unwrap());
    let (trace, span) = (root.trace_id(), root.span_id());
    let front = format!("trace_id={trace} span_id={span} request_id={request_id} sampled=false ");
    assert_eq!(lines, format!("{front} INFO log_format::text: inside\n"));
}
