//! Documents as in practice and in Istio's documentation.

use super::{
    REQUESTS, STANDARD_LABELS, all_metrics, case, difference, differences, documents, shape,
};
use std::time::Duration;
use tower_b3::{Direction, config::TracingConfig, metrics::MetricsShape};

const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);

#[test]
fn without_settings_there_are_istios_standard_metrics() {
    let shape = TracingConfig::default().metrics_shape().unwrap();
    for direction in [Direction::Server, Direction::Client] {
        assert_eq!(
            all_metrics(&shape, direction),
            [
                REQUESTS,
                "istio_request_duration_milliseconds",
                "istio_request_bytes",
                "istio_response_bytes",
                "istio_request_messages_total",
                "istio_response_messages_total",
            ]
        );
        let labels: Vec<&str> = shape.labels(direction, REQUESTS).collect();
        assert_eq!(labels, STANDARD_LABELS);
        assert_eq!(shape.reporting_interval(direction), DEFAULT_INTERVAL);
    }
    assert_eq!(shape.buckets("istio_request_bytes"), None);
    assert_eq!(shape.eviction_interval(), None);
    assert!(!shape.host_header_fallback(Direction::Server));
    assert!(shape.host_header_fallback(Direction::Client));
}

#[test]
fn dimensions_are_added_and_removed_by_all_three_forms() {
    let operator = shape(&case("scene-add-dimensions.iop.yaml"));
    let telemetry = shape(&case("scene-add-dimensions.telemetry.yaml"));
    for shape in [&operator, &telemetry] {
        let expected = "-request_protocol +source_mesh_id +upstream_proxy_version";
        assert_eq!(differences(shape, REQUESTS), [expected; 2]);
        assert_eq!(differences(shape, "istio_request_bytes"), [""; 2]);
    }
    let filters = documents("scene-stats-filter.envoyfilter.yaml");
    let expected = [
        ["", ""],
        [
            "",
            "-request_protocol +source_mesh_id +upstream_proxy_version",
        ],
        ["", "+upstream_operation"],
    ];
    assert_eq!(filters.len(), expected.len());
    for (filter, expected) in filters.iter().zip(expected) {
        assert_eq!(differences(&shape(filter), REQUESTS), expected, "{filter}");
    }
    let all = shape(&filters.join("\n---\n"));
    let expected = "-request_protocol +source_mesh_id +upstream_operation +upstream_proxy_version";
    assert_eq!(difference(&all, Direction::Client, REQUESTS), expected);
}

#[test]
fn a_metric_is_defined() {
    let shape = shape(&case("scene-new-metric.iop.yaml"));
    for direction in [Direction::Server, Direction::Client] {
        assert_eq!(
            all_metrics(&shape, direction).last(),
            Some(&"istio_get_calls")
        );
        assert_eq!(shape.labels(direction, "istio_get_calls").count(), 0);
    }
}

#[test]
fn an_attribute_is_generated_and_used() {
    let text = format!(
        "{}\n---\n{}",
        case("scene-attribute-gen.envoyfilter.yaml"),
        case("scene-new-attribute.iop.yaml")
    );
    assert_eq!(
        differences(&shape(&text), REQUESTS),
        ["", "+upstream_operation"]
    );
    shape(&case("scene-attribute-gen.envoyfilter.yaml"));
    shape(&case("scene-new-attribute.iop.yaml"));

    let classes = documents("docs-telemetry.yaml");
    let classes = classes.iter().find(|text| text.contains("name: classes"));
    let text = format!(
        "{}\n---\n{}",
        case("docs-classify.wasmplugin.yaml"),
        classes.unwrap()
    );
    assert_eq!(
        differences(&shape(&text), REQUESTS),
        ["+request_operation", ""]
    );
}

#[test]
fn the_settings_of_the_task_page_are_read() {
    let shape = shape(&case("docs-config-override.iop.yaml"));
    assert_eq!(
        differences(&shape, REQUESTS),
        [
            "+destination_port +request_host",
            "-source_principal -destination_principal +request_host"
        ]
    );
    assert_eq!(differences(&shape, "istio_request_bytes"), ["", "none"]);
    assert_eq!(
        all_metrics(&shape, Direction::Client),
        [
            REQUESTS,
            "istio_request_duration_milliseconds",
            "istio_response_bytes",
            "istio_request_messages_total",
            "istio_response_messages_total",
            "istio_slow_calls",
            "istio_reply_size",
            "istio_last_code",
        ]
    );
    // An entry without a name also applies to user-defined metrics, but removes nothing from them.
    assert_eq!(
        shape
            .labels(Direction::Client, "istio_slow_calls")
            .collect::<Vec<_>>(),
        ["request_host"]
    );
    let ten = Duration::from_secs(10);
    assert_eq!(shape.reporting_interval(Direction::Server), ten);
    assert_eq!(
        shape.reporting_interval(Direction::Client),
        DEFAULT_INTERVAL
    );
}

/// A Telemetry by its name, the labels of `istio_requests_total` in both directions, and those of
/// `istio_request_duration_milliseconds`.
const TELEMETRY: &[(&str, [&str; 2], [&str; 2])] = &[
    ("drop-one-tag", ["-grpc_response_status"; 2], [""; 2]),
    (
        "tag-by-peer",
        ["+caller_app", "+callee_app"],
        ["+caller_app", "+callee_app"],
    ),
    ("nothing", ["none"; 2], ["none"; 2]),
    ("no-counts", ["none"; 2], [""; 2]),
    ("no-client-counts", ["", "none"], [""; 2]),
    ("no-server-counts", ["none", ""], [""; 2]),
    ("slow-reports", [""; 2], [""; 2]),
    (
        "host-and-port",
        ["+request_host +request_method", "+destination_port"],
        [""; 2],
    ),
    ("classes", ["+request_operation", ""], [""; 2]),
    ("own-metric", [""; 2], [""; 2]),
    (
        "everything-but-duration",
        ["-source_principal -destination_principal"; 2],
        ["none"; 2],
    ),
];

#[test]
fn telemetry_resources_shape_the_metrics() {
    let documents = documents("docs-telemetry.yaml");
    assert_eq!(documents.len(), TELEMETRY.len());
    for ((name, requests, durations), document) in TELEMETRY.iter().zip(&documents) {
        assert!(document.contains(name), "{document}");
        let shape = shape(document);
        assert_eq!(differences(&shape, REQUESTS), *requests, "{name}");
        let duration = "istio_request_duration_milliseconds";
        assert_eq!(differences(&shape, duration), *durations, "{name}");
        let interval = match *name {
            "slow-reports" => Duration::from_secs(10),
            _ => DEFAULT_INTERVAL,
        };
        assert_eq!(shape.reporting_interval(Direction::Server), interval);
    }
    shape(&case("docs-telemetry.yaml"));
}

#[test]
fn a_telemetry_shapes_a_metric_that_another_document_defines() {
    let own = documents("docs-telemetry.yaml");
    let own = own
        .iter()
        .find(|text| text.contains("name: own-metric"))
        .unwrap();
    let shape = shape(&format!(
        "{}\n---\n{own}",
        case("scene-new-metric.iop.yaml")
    ));
    let labels = shape.labels(Direction::Server, "istio_get_calls");
    assert_eq!(labels.collect::<Vec<_>>(), ["request_path"]);
}

#[test]
fn buckets_and_eviction_come_from_annotations() {
    let all = shape(&case("scene-annotations.yaml"));
    let bounds = [1., 5., 10., 50., 100., 500., 1000., 5000., 10000.];
    assert_eq!(all.buckets("istio_request_bytes"), Some(&bounds[..]));

    let pod = |annotations: &str| {
        shape(&format!(
            "kind: Pod\nmetadata: {{ name: webapp, annotations: {{ {annotations} }} }}"
        ))
    };
    let buckets = "sidecar.istio.io/statsHistogramBuckets: \
        '{\"istio\":[1],\"istiocustom.istio_request_bytes\":[2],\"istio_response_bytes\":[3],\"cluster.\":[4]}'";
    let shape = pod(buckets);
    // Envoy takes the first prefix that matches.
    assert_eq!(shape.buckets("istio_request_bytes"), Some(&[1.][..]));
    assert_eq!(shape.buckets("istio_response_bytes"), Some(&[1.][..]));
    for (text, expected) in [
        ("300s", 300),
        ("5m", 300),
        ("1h", 3600),
        ("1h30m", 5400),
        ("5m0s", 300),
        ("1.5h", 5400),
    ] {
        let shape = pod(&format!("sidecar.istio.io/statsEvictionInterval: {text}"));
        assert_eq!(
            shape.eviction_interval(),
            Some(Duration::from_secs(expected))
        );
    }
    let shape = pod("sidecar.istio.io/statsEvictionInterval: 7s");
    assert_eq!(shape.eviction_interval(), None);
    for flush in ["3500ms", "3.5s", "3s500000µs"] {
        let shape = pod(&format!(
            "sidecar.istio.io/statsEvictionInterval: 7s, sidecar.istio.io/statsFlushInterval: {flush}"
        ));
        assert_eq!(shape.eviction_interval(), Some(Duration::from_secs(7)));
    }
}

#[test]
fn settings_of_metrics_alone_do_not_set_istios_defaults_for_tracing() {
    let config = TracingConfig::from_yaml(&case("scene-add-dimensions.telemetry.yaml")).unwrap();
    assert_eq!(config.sampling(Direction::Server), 100.0);
    let config = TracingConfig::from_yaml(
        "{ kind: Telemetry, spec: { tracing: [ {} ], metrics: [ { reportingInterval: 1s } ] } }",
    )
    .unwrap();
    assert_eq!(config.sampling(Direction::Server), 1.0);
}

#[test]
fn json_and_both_ways_of_writing_names_are_read() {
    let json = r#"{ "apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator", "spec": { "values":
        { "telemetry": { "v2": { "prometheus": { "configOverride": { "inboundSidecar": {
            "tcpReportingDuration": "2.5s",
            "disableHostHeaderFallback": "false",
            "metrics": [ { "name": "requests_total", "tagsToRemove": ["reporter"],
                           "dimensions": { "n": 1, "yes": true } } ]
        } } } } } } } }"#;
    let shape = shape(json);
    assert_eq!(
        difference(&shape, Direction::Server, REQUESTS),
        "-reporter +n +yes"
    );
    let interval = shape.reporting_interval(Direction::Server);
    assert_eq!(interval, Duration::from_millis(2500));
    assert!(shape.host_header_fallback(Direction::Server));
}

#[test]
fn settings_for_gateways_and_waypoints_are_not_used() {
    let standard = shape("kind: Telemetry\nspec: { metrics: [ {} ] }");
    let filter = |context: &str, settings: &str| {
        format!(
            "{{ kind: EnvoyFilter, spec: {{ configPatches: [ {{ applyTo: HTTP_FILTER, match: {{ context: \
             {context} }}, patch: {{ value: {{ typed_config: {{ '@type': t/stats.PluginConfig, {settings} \
             }} }} }} }} ] }} }}"
        )
    };
    let settings = "reporter: SERVER_GATEWAY, metrics: [ { name: requests_total, drop: true } ]";
    for text in [
        format!(
            "{{ telemetry: {{ v2: {{ prometheus: {{ configOverride: {{ gateway: {{ {settings} }} }} }} }} }} }}"
        ),
        filter("GATEWAY", settings),
        filter("WAYPOINT", settings),
    ] {
        let shape = shape(&text);
        for direction in [Direction::Server, Direction::Client] {
            let names = all_metrics(&shape, direction);
            assert_eq!(names, all_metrics(&standard, direction), "{text}");
        }
    }
}

/// The shape of a server with these settings of the stats filter.
fn inbound(settings: &str) -> MetricsShape {
    shape(&format!(
        "{{ telemetry: {{ v2: {{ prometheus: {{ configOverride: {{ inboundSidecar: {settings} }} }} }} }} }}"
    ))
}

#[test]
fn labels_of_other_metrics_are_not_added_to_those_of_grpc_messages() {
    let dimensions = "request_protocol: \"'x'\", response_code: \"'y'\", source_app: \"'z'\"";
    let of_filter = inbound(&format!(
        "{{ metrics: [ {{ dimensions: {{ {dimensions} }} }} ] }}"
    ));
    let of_telemetry = shape(
        "
kind: Telemetry
spec:
  metrics:
  - overrides:
    - match: { metric: ALL_METRICS }
      tagOverrides: { request_protocol: { value: \"'x'\" }, response_code: { value: \"'y'\" } }
",
    );
    for shape in [of_filter, of_telemetry] {
        for metric in all_metrics(&shape, Direction::Server) {
            assert_eq!(
                difference(&shape, Direction::Server, metric),
                "",
                "{metric}"
            );
        }
        let labels = shape.labels(Direction::Server, "istio_request_messages_total");
        assert_eq!(labels.count(), 20);
    }
}

#[test]
fn a_metric_is_dropped_by_the_name_that_it_is_defined_with() {
    let definitions = "definitions: [ { name: get-calls, value: '1' }, { name: 1st, value: '1' } ]";
    for (drops, left) in [
        ("", 2),
        ("{ name: get-calls, drop: true }", 1),
        ("{ name: get_calls, drop: true }", 1),
        (
            "{ name: get-calls, drop: true }, { name: 1st, drop: true }",
            0,
        ),
    ] {
        let shape = inbound(&format!("{{ {definitions}, metrics: [ {drops} ] }}"));
        let own = all_metrics(&shape, Direction::Server).len() - 6;
        assert_eq!(own, left, "{drops}");
    }
}
