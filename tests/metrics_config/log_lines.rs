//! What has no effect is logged.

use super::{case, shape};
use test_kit::log::LogBuffer;

/// The lines that reading the shape of this text logs.
fn logged(text: &str) -> String {
    let log = LogBuffer::default();
    let subscriber = tracing_subscriber::fmt()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || shape(text));
    log.text()
}

#[test]
fn annotations_without_effect_are_named_in_one_line() {
    assert_eq!(
        logged(&case("scene-annotations.yaml")),
        " INFO metrics: settings of Envoy without effect: annotation sidecar.istio.io/extraStatTags, \
         proxyStatsMatcher\n"
    );
}

#[test]
fn a_setting_that_changes_nothing_is_a_warning() {
    let text = "
kind: Telemetry
spec:
  metrics:
  - overrides:
    - match: { metric: REQUEST_COUNT }
      tagOverrides: { own: { value: '1 +' } }
";
    let log = logged(text);
    assert!(
        log.starts_with(" WARN metrics: the value of the label own is not CEL: 1:4: "),
        "{log}"
    );
    assert!(log.ends_with("; it is left out\n"), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
}

#[test]
fn the_documents_of_the_task_pages_are_used_without_a_warning() {
    for name in [
        "docs-telemetry.yaml",
        "docs-config-override.iop.yaml",
        "docs-classify.wasmplugin.yaml",
        "scene-add-dimensions.iop.yaml",
        "scene-add-dimensions.telemetry.yaml",
        "scene-attribute-gen.envoyfilter.yaml",
        "scene-new-attribute.iop.yaml",
        "scene-new-metric.iop.yaml",
        "scene-stats-filter.envoyfilter.yaml",
    ] {
        let log = logged(&case(name));
        let own_metric = "metrics: there is no metric get_calls; its settings have no effect";
        let lines: Vec<&str> = log
            .lines()
            .filter(|line| !line.contains(own_metric))
            .collect();
        assert!(lines.is_empty(), "{name}: {lines:?}");
    }
}
