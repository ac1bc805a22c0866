//! The text formats.

use crate::{
    common::{Script, drain, get, headers, now},
    parser::parse,
    webapp,
};
use ::http::{Request, Response};
use std::{convert::Infallible, future::ready, time::Duration};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, Tracer,
    id::{SpanId, TraceId},
    metrics::{Measurement, Metrics, Workload},
};

/// The lines of a text that contain this.
fn lines<'a>(text: &'a str, part: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.contains(part)).collect()
}

const LABELS: &str = "reporter=\"destination\",source_workload=\"unknown\",\
    source_canonical_service=\"unknown\",source_canonical_revision=\"latest\",\
    source_workload_namespace=\"unknown\",source_principal=\"unknown\",source_app=\"unknown\",\
    source_version=\"unknown\",source_cluster=\"unknown\",destination_workload=\"webapp\",\
    destination_workload_namespace=\"shop\",destination_principal=\"unknown\",\
    destination_app=\"webapp\",destination_version=\"v1\",\
    destination_service=\"webapp.shop.svc.cluster.local\",\
    destination_canonical_service=\"webapp\",destination_canonical_revision=\"v1\",\
    destination_service_name=\"webapp\",destination_service_namespace=\"shop\",\
    destination_cluster=\"Kubernetes\",request_protocol=\"http\",response_code=\"200\",\
    grpc_response_status=\"\",response_flags=\"-\",connection_security_policy=\"none\"";

fn measured() -> Measurement<'static> {
    let mut measured = Measurement::new(200, Duration::from_micros(99_999));
    measured.request_bytes = 156;
    measured.response_bytes = 3_600_001;
    measured
}

#[test]
fn the_text_format_is_envoys() {
    let metrics = Metrics::builder(webapp()).build();
    metrics.record(Direction::Server, &measured());
    let text = metrics.text();
    let requests = lines(&text, "istio_requests_total");
    assert_eq!(
        requests,
        [
            "# HELP istio_requests_total Requests, counted at the end of their exchange.",
            "# TYPE istio_requests_total counter",
            &format!("istio_requests_total{{{LABELS}}} 1"),
        ]
    );
    let durations = lines(&text, "istio_request_duration_milliseconds");
    let name = "istio_request_duration_milliseconds";
    assert_eq!(durations[1], format!("# TYPE {name} histogram"));
    let bounds = [
        "0.5", "1", "5", "10", "25", "50", "100", "250", "500", "1000", "2500", "5000", "10000",
        "30000", "60000", "300000", "600000", "1800000", "3600000", "+Inf",
    ];
    for (at, bound) in bounds.iter().enumerate() {
        // 99 ms: rounded down.
        let count = u8::from(at >= 6);
        let expected = format!("{name}_bucket{{{LABELS},le=\"{bound}\"}} {count}");
        assert_eq!(durations[2 + at], expected);
    }
    assert_eq!(durations[22], format!("{name}_sum{{{LABELS}}} 99"));
    assert_eq!(durations[23], format!("{name}_count{{{LABELS}}} 1"));
    let sum = format!("istio_response_bytes_sum{{{LABELS}}} 3600001");
    assert_eq!(lines(&text, "istio_response_bytes_sum"), [sum]);
    let inf = format!("istio_response_bytes_bucket{{{LABELS},le=\"3600000\"}} 0");
    assert!(text.contains(&inf));
    // No messages, no series.
    assert!(!text.contains("messages_total"));
    parse(&text);
}

#[test]
fn openmetrics_has_exemplars_of_sampled_requests() {
    let metrics = Metrics::builder(webapp()).build();
    let mut sampled = measured();
    let (trace, span) = (TraceId::random(), SpanId::random());
    sampled.sampled = Some((trace, span));
    metrics.record(Direction::Server, &sampled);
    metrics.record(Direction::Server, &measured());
    let text = metrics.openmetrics();
    assert!(text.ends_with("\n# EOF\n"));
    assert_eq!(
        lines(&text, "TYPE istio_requests"),
        ["# TYPE istio_requests counter"]
    );
    let ids = format!("# {{trace_id=\"{trace}\",span_id=\"{span}\"}}");
    let requests = lines(&text, "istio_requests_total{");
    let expected = format!("istio_requests_total{{{LABELS}}} 2 {ids} 1.0 ");
    assert!(requests[0].starts_with(&expected), "{}", requests[0]);
    let bucket = format!(
        "istio_request_duration_milliseconds_bucket{{{LABELS},le=\"100.0\"}} 2 {ids} 99.0 "
    );
    assert!(text.contains(&bucket), "{text}");
    // Only the bucket that the request is in has it.
    let exemplars = lines(&text, "istio_request_duration_milliseconds_bucket").into_iter();
    assert_eq!(exemplars.filter(|line| line.contains(" # ")).count(), 1);
    parse(&text);
    // The text format has none.
    assert!(!metrics.text().contains(" # {"));
}

#[test]
fn messages_have_twenty_labels() {
    let metrics = Metrics::builder(webapp()).build();
    let mut call = Measurement::new(200, Duration::ZERO);
    call.grpc = true;
    (call.request_messages, call.response_messages) = (3, 4);
    metrics.record(Direction::Server, &call);
    let points = crate::points(&metrics, "istio_request_messages_total");
    assert_eq!((points[0].labels.len(), crate::count(&points[0])), (20, 3));
    let points = crate::points(&metrics, "istio_response_messages_total");
    assert_eq!((points[0].labels.len(), crate::count(&points[0])), (20, 4));
}

#[test]
fn grpc_statuses_are_those_of_a_proxy() {
    for (code, responded, status, exposed) in [
        (200, true, Some(0), ("200", "0")),
        (200, true, None, ("200", "2")),
        (400, true, None, ("400", "13")),
        (401, true, None, ("401", "16")),
        (403, true, None, ("403", "7")),
        (404, true, None, ("404", "12")),
        (429, true, None, ("429", "14")),
        (503, true, None, ("503", "14")),
        (503, false, None, ("200", "14")),
        (504, false, None, ("200", "14")),
        (0, false, None, ("0", "")),
    ] {
        let metrics = Metrics::builder(webapp()).build();
        let mut call = Measurement::new(code, Duration::ZERO);
        call.grpc = true;
        (call.responded, call.grpc_status) = (responded, status);
        let point = crate::labels_of(&metrics, Direction::Client, &call);
        let labels =
            ["response_code", "grpc_response_status"].map(|name| crate::label(&point, name));
        assert_eq!(
            (labels[0], labels[1]),
            exposed,
            "{code} {responded} {status:?}"
        );
    }
}

#[test]
fn own_labels_are_never_empty() {
    for workload in [Workload::default(), Workload::new(""), Workload::new("a")] {
        let metrics = Metrics::builder(workload).build();
        for direction in [Direction::Server, Direction::Client] {
            metrics.record(direction, &Measurement::new(200, Duration::ZERO));
        }
        for point in crate::points(&metrics, "istio_requests_total") {
            for (name, value) in point.labels.iter() {
                assert_eq!(
                    value.is_empty(),
                    &**name == "grpc_response_status",
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn an_unknown_grpc_status_is_minus_one() {
    let grpc = "content-type: application/grpc";
    let in_headers = "content-type: application/grpc|grpc-status: 7";
    for (head, trailer, expected) in [
        (grpc, "16", "16"),
        (grpc, "17", "-1"),
        (grpc, "99999", "-1"),
        (grpc, "-1", "-1"),
        (grpc, "abc", "-1"),
        (grpc, "", "2"),
        (in_headers, "abc", "-1"),
        (in_headers, "0", "0"),
        (in_headers, "", "7"),
    ] {
        let metrics = Metrics::builder(webapp()).build();
        let tracer = Tracer::builder("webapp").metrics(&metrics).build().unwrap();
        let handler = service_fn(move |_: Request<()>| {
            let mut response = Response::new(Script::trailers(&[("grpc-status", trailer)]));
            *response.headers_mut() = headers(head);
            ready(Ok::<_, Infallible>(response))
        });
        let mut server = tracer.server_layer().layer(handler);
        let mut response = now(server.call(get("/shop.Catalog/List", grpc))).unwrap();
        drain(response.body_mut()).unwrap();
        let points = crate::points(&metrics, "istio_requests_total");
        let status = crate::label(&points[0], "grpc_response_status");
        assert_eq!(status, expected, "{head} {trailer}");
    }
}

#[test]
fn an_upstream_cannot_make_more_series_than_there_are_statuses() {
    let metrics = Metrics::builder(webapp()).build();
    for status in 0..2_500 {
        let mut call = Measurement::new(200, Duration::ZERO);
        call.grpc = true;
        call.grpc_status = Some(status);
        metrics.record(Direction::Client, &call);
    }
    assert_eq!(crate::points(&metrics, "istio_requests_total").len(), 18);
}

#[cfg(feature = "batch")]
#[test]
fn the_counts_of_a_reporter_are_exposed() {
    let metrics = Metrics::builder(webapp())
        .reporter_stats(|| {
            let mut stats = tower_b3::report::Stats::default();
            (stats.finished, stats.queued, stats.dropped.refused) = (9, 2, 7);
            stats
        })
        .build();
    let text = metrics.text();
    for line in [
        "# TYPE tower_b3_reporter_queued gauge",
        "tower_b3_reporter_queued{} 2",
        "tower_b3_reporter_finished_total{} 9",
        "tower_b3_reporter_dropped_refused_total{} 7",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}");
    }
    parse(&metrics.openmetrics());
}
