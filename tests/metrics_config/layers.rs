//! Requests through the layers, counted as the configuration says.

use super::{case, shape};
use http::{Request, Response};
use std::{convert::Infallible, future::ready};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Tracer,
    metrics::{Metrics, Workload},
};

/// Serves `GET` requests to these paths, and returns what is exposed.
fn exposed(settings: &str, paths: &[&str]) -> String {
    let workload = Workload::new("webapp")
        .namespace("istioinaction")
        .mesh("cluster.local");
    let metrics = Metrics::builder(workload).build();
    metrics.reshape(&shape(settings));
    let tracer = Tracer::builder("webapp").metrics(&metrics).build().unwrap();
    let mut service = tracer.server_layer().layer(service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(String::new())))
    }));
    for path in paths {
        let request = Request::get(*path)
            .header("host", "webapp")
            .body(())
            .unwrap();
        let mut response = Box::pin(service.call(request));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(response.as_mut().poll(&mut context).is_ready());
    }
    metrics.text()
}

#[track_caller]
fn line<'a>(text: &'a str, metric: &str) -> &'a str {
    let mut lines = text.lines();
    let line = lines.find(|line| line.starts_with(metric));
    line.unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn labels_of_the_configuration_are_exposed() {
    let text = exposed(&case("scene-add-dimensions.telemetry.yaml"), &["/items"]);
    let line = line(&text, "istio_requests_total{");
    assert!(line.contains("source_mesh_id=\"cluster.local\""), "{line}");
    assert!(
        line.contains("upstream_proxy_version=\"unknown\""),
        "{line}"
    );
    assert!(!line.contains("request_protocol"), "{line}");
}

#[test]
fn a_defined_metric_counts() {
    let text = exposed(
        &case("scene-new-metric.iop.yaml"),
        &["/items", "/other", "/"],
    );
    assert!(line(&text, "istio_get_calls{").ends_with(" 3"), "{text}");
}

#[test]
fn a_generated_attribute_is_a_label() {
    let settings = format!(
        "{}\n---\nkind: Telemetry\nspec: {{ metrics: [ {{ overrides: [ {{ tagOverrides: {{ request_operation: \
         {{ value: istio_operationId }} }} }} ] }} ] }}",
        case("docs-classify.wasmplugin.yaml")
    );
    let text = exposed(&settings, &["/items", "/items/7", "/nothing"]);
    for operation in ["ListItems", "GetItem", "unknown"] {
        let label = format!("request_operation=\"{operation}\"}} 1");
        assert!(text.contains(&label), "{text}");
    }
}
