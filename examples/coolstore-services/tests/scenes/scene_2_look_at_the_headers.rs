use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tower::{ServiceBuilder, ServiceExt};
use tower_b3::Tracer;
use tower_b3::config::TracingConfig;

use crate::stage::Stage;

const OPERATOR: &str = include_str!("documents/istio-operator.yaml");
const DELIVERED: Duration = Duration::from_secs(10);

fn text<'a>(headers: &'a Value, name: &str) -> &'a str {
    let value = headers[name].as_str();
    value.unwrap_or_else(|| panic!("no {name} in {headers}"))
}

fn assert_hex(id: &str, digits: usize) {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    assert!(id.len() == digits && id.bytes().all(is_digit), "{id}");
}

/// The client serves no request, so its first call is a root, like that of the first proxy.
#[tokio::test]
async fn a_root_has_no_parent() {
    let Some(stage) = Stage::open("scene-2").await else {
        return;
    };
    for collector in stage.both() {
        let document = stage.document("operator", &[OPERATOR]);
        let document = document.with_zipkin(collector.addr());
        let shop = stage.shop("2", &document).await;
        let config = TracingConfig::from_file(document.path()).expect("a document");
        let reporter = config.reporter().expect("a reporter").expect("a backend");
        let tracer = Tracer::builder("sleep-2").config(&config);
        let tracer = tracer.reporter(reporter.clone()).build().expect("a tracer");
        let client = ServiceBuilder::new()
            .layer(tracer.client_layer())
            .service(Client::builder(TokioExecutor::new()).build_http());

        let url = format!("http://{}/headers", shop.catalog.addr);
        let request = http::Request::get(url).body(Body::empty());
        let answer = client.oneshot(request.expect("a request")).await;
        let body = answer.expect("an answer").into_body().collect().await;
        let body: Value = serde_json::from_slice(&body.expect("a body").to_bytes()).expect("JSON");

        let headers = &body["headers"];
        let trace_id = text(headers, "x-b3-traceid");
        assert_hex(trace_id, 32);
        assert_hex(text(headers, "x-b3-spanid"), 16);
        assert_eq!(text(headers, "x-b3-spanid"), &trace_id[16..]);
        assert_eq!(text(headers, "x-b3-sampled"), "1");
        assert!(headers.get("x-b3-parentspanid").is_none(), "{headers}");
        // The reason in the request id is "sampled".
        assert_eq!(text(headers, "x-request-id").len(), 36);
        assert_eq!(&text(headers, "x-request-id")[14..15], "9", "{headers}");

        let report = reporter.shutdown_async(DELIVERED).await;
        assert_eq!((report.lost, report.stats.sent), (0, 1), "{report}");
        shop.close().await;
        let traces = collector.traces("sleep-2", 1, 2).await;
        assert_eq!(traces[0][0].trace_id, trace_id);
    }
}

#[tokio::test]
async fn a_call_of_webapp_is_a_child() {
    let Some(stage) = Stage::open("scene-2-child").await else {
        return;
    };
    let document = stage.document("operator", &[OPERATOR]);
    let document = document.with_zipkin(stage.zipkin().addr());
    let shop = stage.shop("2-child", &document).await;

    let headers = shop.headers(&stage, &[]).await;

    let trace_id = text(&headers, "x-b3-traceid");
    assert_hex(trace_id, 32);
    assert_hex(text(&headers, "x-b3-spanid"), 16);
    assert_eq!(text(&headers, "x-b3-parentspanid"), &trace_id[16..]);
    assert_eq!(text(&headers, "x-b3-sampled"), "1");
    assert_eq!(&text(&headers, "x-request-id")[14..15], "9", "{headers}");
    shop.close().await;
}
