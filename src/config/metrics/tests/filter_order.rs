//! The order of filters that generate the same attribute.

use super::*;

/// Later documents come later in the chain, after plugins of an earlier phase or a higher priority.
#[test]
fn the_last_filter_that_matches_sets_the_attribute() {
    let plugin = |spec: &str, value: &str| {
        format!(
            "kind: WasmPlugin\nspec:\n  {spec}\n  pluginConfig: {{ attributes: [ {{ output_attribute: istio_x, \
             match: [ {{ value: {value} }} ] }} ] }}\n---\n"
        )
    };
    let label = "kind: Telemetry\nspec: { metrics: [ { overrides: [ { tagOverrides: { x: { value: istio_x } } } ] } ] }";
    for (first, second, expected) in [
        ("", "", "b"),
        ("priority: 10", "", "b"),
        ("", "priority: 10", "a"),
        ("priority: -1", "", "b"),
        ("", "priority: -1", "a"),
        ("priority: 0", "", "b"),
        ("priority: null", "priority: 0", "a"),
        ("priority: '9'", "priority: '10'", "a"),
        ("priority: 2147483647", "priority: -2147483648", "b"),
        ("priority: -2147483648", "priority: 2147483647", "a"),
        ("phase: AUTHN", "priority: 10", "b"),
        ("", "phase: STATS\n  priority: -10", "a"),
        ("phase: STATS", "phase: AUTHZ", "a"),
        ("phase: AUTHZ", "phase: AUTHN", "a"),
        ("phase: 1\n  priority: 1", "phase: AUTHN", "b"),
        ("", "match: []", "b"),
        // For a waypoint.
        ("", "targetRefs: [ { kind: Gateway, name: waypoint } ]", "a"),
        ("", "targetRef: { kind: Gateway, name: waypoint }", "a"),
        // The more specific level is later, unless the priority says otherwise.
        ("selector: { matchLabels: { a: b } }", "", "a"),
        (
            "selector: { matchLabels: { a: b } }\n  priority: 1",
            "",
            "b",
        ),
    ] {
        let plugins = plugin(first, "a") + &plugin(second, "b");
        let values = computed(&format!("{plugins}{label}"), &inbound("/"));
        assert_eq!(values["x"], expected, "{plugins}");
    }
    let plugins = plugin("priority: 2", "a") + &plugin("priority: 3", "b") + &plugin("", "c");
    let plugins = plugins + &plugin("priority: 1", "d");
    let values = computed(&format!("{plugins}{label}"), &inbound("/"));
    assert_eq!(values["x"], "c");
}

/// The scene's filter patches the chain, in which the plugin is already.
#[test]
fn envoy_filters_generate_attributes_after_plugins() {
    let filter = file("scene-attribute-gen.envoyfilter.yaml");
    let plugin = "kind: WasmPlugin\nspec: { pluginConfig: { attributes: [ { output_attribute: istio_operationId, \
                  match: [ { value: other } ] } ] } }";
    let label = "kind: Telemetry\nspec: { metrics: [ { overrides: [ { tagOverrides: { x: { value: istio_operationId } } \
                 } ] } ] }";
    for (path, expected) in [("/items", "getitems"), ("/nope", "other")] {
        for text in [[&filter, plugin, label], [plugin, &filter, label]] {
            let values = computed(&text.join("\n---\n"), &Exchange::get(path));
            assert_eq!(values["x"], expected);
        }
    }
}

/// With `INSERT_BEFORE`, a filter that is applied later is nearer to the stats filter.
#[test]
fn envoy_filters_are_applied_from_the_lowest_priority_to_the_highest() {
    let filter = |priority: &str, value: &str| {
        let filter = file("scene-attribute-gen.envoyfilter.yaml");
        let spec = format!("spec:\n  priority: {priority}\n");
        filter
            .replacen("spec:\n", &spec, 1)
            .replace("getitems", value)
    };
    let label = "kind: Telemetry\nspec: { metrics: [ { overrides: [ { tagOverrides: { x: { value: istio_operationId } } \
                 } ] } ] }";
    for (first, second, expected) in [
        ("0", "0", "b"),
        ("1", "0", "a"),
        ("-1", "0", "b"),
        ("0", "-10", "a"),
    ] {
        let text = [filter(first, "a"), filter(second, "b"), label.to_owned()];
        let values = computed(&text.join("\n---\n"), &Exchange::get("/items"));
        assert_eq!(values["x"], expected, "{first} {second}");
    }
}
