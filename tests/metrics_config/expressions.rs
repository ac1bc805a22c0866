//! Expressions that cannot be used: what Istio makes of them, and what `strict` does.

use super::{REQUESTS, all_metrics, difference, shape};
use http::{Request, Response};
use tower_b3::{Direction, config::TracingConfig, metrics::Expression};

fn settings(inbound: &str) -> String {
    format!(
        "kind: IstioOperator\nspec: {{ values: {{ telemetry: {{ v2: {{ prometheus: {{ configOverride: {{ \
         inboundSidecar: {inbound} }} }} }} }} }} }}"
    )
}

#[test]
fn what_cannot_be_parsed_removes_a_standard_label_and_adds_none() {
    let shape = shape(&settings(
        "{ metrics: [ { dimensions: { source_app: 'not (', own: 'not (' } } ], \
         definitions: [ { name: own, value: 'not (' } ] }",
    ));
    assert_eq!(
        difference(&shape, Direction::Server, REQUESTS),
        "-source_app"
    );
    assert_eq!(all_metrics(&shape, Direction::Server).len(), 6);
}

#[test]
fn what_has_no_effect_is_an_error_if_the_configuration_is_strict() {
    let long = "+1".repeat(2000);
    for (inbound, expected) in [
        (
            "{ metrics: [ { dimensions: { own: 'not (' } } ] }".to_owned(),
            "metrics: the value of the label own is not CEL: 1:6",
        ),
        (
            format!("{{ metrics: [ {{ dimensions: {{ own: '1{long}' }} }} ] }}"),
            "metrics: the value of the label own is 4001 bytes long; at most 1024 are allowed",
        ),
        (
            "{ metrics: [ { name: nope } ] }".to_owned(),
            "metrics: there is no metric nope; its settings have no effect",
        ),
        (
            "{ metrics: [ { tags_to_remove: [ own ] } ] }".to_owned(),
            "metrics: there is no label own to remove; only standard ones can be",
        ),
        (
            "{ definitions: [ { name: own, value: \"request.headers.all(h, true)\" } ] }"
                .to_owned(),
            "metrics: the value of the metric own has a macro over something other than a literal list or map",
        ),
    ] {
        let config = TracingConfig::from_yaml(&settings(&inbound)).unwrap();
        assert!(config.clone().metrics_shape().is_ok());
        let error = config.strict(true).metrics_shape().unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn names_are_written_as_prometheus_accepts_them() {
    let shape = shape(&settings(
        "{ metrics: [ { name: my.calls, dimensions: { a-b: request.path, 1x: request.path } }, \
         { name: requests_total, dimensions: { source-app: request.path } } ], \
         definitions: [ { name: my.calls, value: '1' } ] }",
    ));
    assert_eq!(
        all_metrics(&shape, Direction::Server).last(),
        Some(&"istio_my_calls")
    );
    let labels = shape.labels(Direction::Server, "istio_my_calls");
    assert_eq!(labels.collect::<Vec<_>>(), ["_1x", "a_b"]);
    assert_eq!(difference(&shape, Direction::Server, REQUESTS), "");
}

#[test]
fn expressions_can_be_parsed_in_code() {
    let expression =
        Expression::parse("request.url_path.matches('^/items/[[:alnum:]]*$')").unwrap();
    assert_eq!(
        expression.to_string(),
        "request.url_path.matches('^/items/[[:alnum:]]*$')"
    );
    let request = |path: &str| Request::get(path).body(()).unwrap();
    let response = Response::new(());
    for (path, expected) in [
        ("/items/7", "true"),
        ("/items/7/x", "false"),
        ("/items/7?q", "true"),
    ] {
        let value = expression.evaluate(&request(path), &response);
        assert_eq!(value.as_deref(), Some(expected), "{path}");
    }
    let tenant = Expression::parse("request.headers['x-tenant']").unwrap();
    assert_eq!(tenant.evaluate(&request("/"), &response), None);
    let error = Expression::parse(&"a".repeat(1025)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "is 1025 bytes long; at most 1024 are allowed"
    );
}
