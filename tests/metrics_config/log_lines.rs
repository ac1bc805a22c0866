//! Settings without effect are logged.

use super::{case, documents, shape};
use test_kit::log;
use tower_b3::{Direction, config::TracingConfig};

#[test]
fn annotations_without_effect_are_logged_in_one_line() {
    log::start();
    shape(&case("scene-annotations.yaml"));
    let lines = log::lines("settings of Envoy without effect");
    let expected = "INFO metrics: settings of Envoy without effect: annotation \
         sidecar.istio.io/extraStatTags, proxyStatsMatcher";
    assert!(lines.iter().any(|line| line == expected), "{lines:?}");
}

#[test]
fn an_expression_that_cannot_be_parsed_is_a_warning() {
    log::start();
    shape(
        "
kind: Telemetry
spec:
  metrics:
  - overrides:
    - match: { metric: REQUEST_COUNT }
      tagOverrides: { unparsable: { value: '1 +' } }
",
    );
    let lines = log::lines("the label unparsable");
    let [line] = &lines[..] else {
        panic!("{lines:?}");
    };
    let start = "WARN metrics: the value of the label unparsable is not CEL: 1:4: ";
    assert!(line.starts_with(start), "{line}");
    assert!(line.ends_with("; it is left out"), "{line}");
}

#[test]
fn a_metric_of_two_kinds_is_a_warning() {
    log::start();
    let shape = shape(
        "
telemetry:
  v2:
    prometheus:
      configOverride:
        inboundSidecar: { definitions: [ { name: two-kinds, type: GAUGE, value: response.code } ] }
        outboundSidecar: { definitions: [ { name: two_kinds, value: '1' } ] }
",
    );
    assert_eq!(
        log::lines("two_kinds"),
        [
            "WARN metrics: the metric istio_two_kinds is a gauge inbound and a counter outbound; the \
             outbound one is not recorded"
        ]
    );
    let name = |name: &&str| *name == "istio_two_kinds";
    assert_eq!(shape.metrics(Direction::Server).filter(name).count(), 1);
    assert_eq!(shape.metrics(Direction::Client).filter(name).count(), 0);
}

#[test]
fn the_documents_of_the_task_pages_are_used_without_a_warning() {
    let mut texts = documents("docs-telemetry.yaml");
    // Its metric is defined elsewhere.
    texts.retain(|text| !text.contains("customMetric: get_calls"));
    assert_eq!(texts.len(), 10);
    for name in [
        "docs-config-override.iop.yaml",
        "docs-classify.wasmplugin.yaml",
        "scene-add-dimensions.iop.yaml",
        "scene-add-dimensions.telemetry.yaml",
        "scene-annotations.yaml",
        "scene-attribute-gen.envoyfilter.yaml",
        "scene-new-attribute.iop.yaml",
        "scene-new-metric.iop.yaml",
        "scene-stats-filter.envoyfilter.yaml",
    ] {
        texts.push(case(name));
    }
    for text in texts {
        let config = TracingConfig::from_yaml(&text).unwrap().strict(true);
        // What would be a warning is an error now.
        config.metrics_shape().unwrap();
    }
}
