//! Every request is counted by both of its sides, sampled or not, and exemplars lead to traces.

use serde_json::Value;
use test_kit::backends::{Prometheus, Span, eventually};

use super::Stage;
use super::traffic::{Customer, call_grpc};
use std::time::Duration;

const ARRIVED: Duration = Duration::from_secs(20);

/// Protocol, code, gRPC status and how many requests from webapp to catalog: 10,000.
const CALLS: [(&str, &str, &str, f64); 5] = [
    ("http", "200", "", 5_500.0),
    ("http", "503", "", 500.0),
    ("http", "404", "", 2_000.0),
    ("grpc", "200", "0", 1_500.0),
    ("grpc", "200", "5", 500.0),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_gets_every_request_from_both_sides() {
    let name = "prometheus_gets_every_request_from_both_sides";
    let Some(stage) = Stage::open(name).await else {
        return;
    };
    send(&stage).await;
    assert_counted(&stage.prometheus).await;
    assert_lints(&stage.shop.webapp.metrics.text());
    assert_lints(&stage.shop.catalog.metrics.text());
    assert_unsampled_requests_are_counted(&stage).await;
    assert_an_exemplar_leads_to_its_trace(&stage).await;
}

async fn send(stage: &Stage) {
    let (webapp, catalog) = (&stage.shop.webapp, &stage.shop.catalog);
    let customer = Customer::default();
    let blowup = r#"{"fail_percent": 10, "status": 503}"#;
    customer.post(catalog.addr, "/blowup", blowup).await;
    customer
        .get(webapp.addr, "/api/catalog", 5_000, &[200, 503])
        .await;
    customer.post(catalog.addr, "/blowup", "{}").await;
    customer
        .get(webapp.addr, "/api/catalog/items/1", 1_000, &[200])
        .await;
    customer
        .get(webapp.addr, "/api/catalog/items/99", 2_000, &[404])
        .await;
    call_grpc(&webapp.tracer, catalog.addr, "Items", 1_500).await;
    call_grpc(&webapp.tracer, catalog.addr, "Nothing", 500).await;
}

async fn assert_counted(prometheus: &Prometheus) {
    let calls = "source_workload=\"webapp\",destination_workload=\"catalog\"";
    for reporter in ["source", "destination"] {
        let all = format!("istio_requests_total{{reporter=\"{reporter}\",{calls}}}");
        prometheus.wait_for(&all, 10_000.0).await;
        let series = prometheus.query(&all).await.expect("an answer");
        assert_eq!(series.len(), CALLS.len(), "{series:#?}");
        for (protocol, code, status, count) in CALLS {
            let one = series.iter().find(|one| {
                let labels = ["request_protocol", "response_code", "grpc_response_status"];
                labels.map(|name| one.label(name)) == [protocol, code, status]
            });
            let one = one.unwrap_or_else(|| panic!("no {protocol} {code} {status}: {series:#?}"));
            assert_eq!(one.value, count, "{reporter}: {one:?}");
        }
        for (metric, count) in [
            ("istio_request_duration_milliseconds_count", 10_000.0),
            ("istio_request_bytes_count", 10_000.0),
            ("istio_response_bytes_bucket{le=\"+Inf\"}", 10_000.0),
            ("istio_request_messages_total", 2_000.0),
            ("istio_response_messages_total", 1_500.0),
        ] {
            let labels = format!("{{reporter=\"{reporter}\",{calls}");
            let expression = match metric.split_once('{') {
                Some((name, rest)) => format!("{name}{labels},{rest}"),
                None => format!("{metric}{labels}}}"),
            };
            prometheus.wait_for(&expression, count).await;
        }
    }
    // The customers of webapp say nothing about themselves.
    let served =
        "istio_requests_total{destination_workload=\"webapp\",source_workload=\"unknown\"}";
    prometheus.wait_for(served, 8_000.0).await;
}

/// `promtool` finds nothing but the unit that Istio has chosen.
fn assert_lints(text: &str) {
    let output = Prometheus::check_metrics(text);
    let said = String::from_utf8_lossy(&output.stderr);
    let lints: Vec<&str> = said.lines().collect();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let unit =
        "istio_request_duration_milliseconds use base unit \"seconds\" instead of \"milliseconds\"";
    assert_eq!(lints, [unit]);
}

async fn assert_unsampled_requests_are_counted(stage: &Stage) {
    let stats = stage.shop.catalog.reporter.stats();
    // The expectation is 500; the margin is nearly seven standard deviations.
    let spans = stats.finished;
    assert!((350..=650).contains(&spans), "{stats:?}");
    let shown = "tower_b3_reporter_finished_total{job=\"catalog\"}";
    stage.prometheus.wait_for(shown, spans as f64).await;
}

async fn assert_an_exemplar_leads_to_its_trace(stage: &Stage) {
    for reporter in ["source", "destination"] {
        let expression = format!(
            "istio_request_duration_milliseconds_bucket{{reporter=\"{reporter}\",\
             source_workload=\"webapp\",request_protocol=\"http\",response_code=\"200\"}}"
        );
        let exemplars = stage.prometheus.exemplars(&expression).await;
        let exemplars = exemplars.expect("an answer");
        let trace = exemplars.iter().find_map(trace_id);
        let trace = trace.unwrap_or_else(|| panic!("no exemplar of {expression}: {exemplars:?}"));
        let spans: Vec<Span> = eventually("the trace of an exemplar", ARRIVED, async || {
            let path = format!("trace/{trace}");
            let spans: Vec<Span> = stage.zipkin.query(&path).await?;
            (spans.len() == 3).then_some(spans).ok_or(path)
        })
        .await;
        let mut hops: Vec<_> = spans.iter().map(|s| (s.service(), s.kind())).collect();
        hops.sort_unstable();
        let expected = [
            ("catalog", "SERVER"),
            ("webapp", "CLIENT"),
            ("webapp", "SERVER"),
        ];
        assert_eq!(hops, expected, "{reporter}");
    }
}

fn trace_id(exemplar: &Value) -> Option<&str> {
    exemplar["labels"]["trace_id"].as_str()
}
