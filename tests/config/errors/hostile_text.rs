//! Text from documents and variables is escaped and truncated in errors.

use super::error;
use tower_b3::config::{ConfigError, TracingConfig};

/// Whether a terminal or a reader could take this character for something other than text.
fn misleads(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{202e}' | '\u{2066}')
}

/// The error of reading the document, or of its collector.
fn error_in(text: String) -> ConfigError {
    let config = TracingConfig::from_yaml(&text).map(|config| config.strict(true));
    let config = config.and_then(|config| config.collector().map(|_| config));
    config.unwrap_err()
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn errors_in_tags(hostile: &str) -> Vec<ConfigError> {
    let json = quoted(hostile);
    let tag = |inside: &str| {
        error_in(format!(
            "{{ tracing: {{ customTags: {{ t: {inside} }} }} }}"
        ))
    };
    let (operator, variable) = (
        quoted(&format!("%{hostile}%")),
        quoted(&format!("={hostile}")),
    );
    vec![
        tag(&format!("{{ {json}: {{}} }}")),
        tag(&format!("{{ formatter: {{ value: {operator} }} }}")),
        tag(&format!("{{ header: {{ name: {json} }} }}")),
        tag(&format!("{{ environment: {{ name: {variable} }} }}")),
        error_in(format!("{{ tracing: {{ customTags: {{ {json}: 1 }} }} }}")),
    ]
}

fn errors_in_fields(hostile: &str) -> Vec<ConfigError> {
    let json = quoted(hostile);
    vec![
        error_in(format!("{{ tracing: {{ {json}: 1 }} }}")),
        error_in(format!("{{ tracing: {{ sampling: {json} }} }}")),
        error_in(format!(
            "{{ tracing: {{ zipkin: {{ address: {json} }} }} }}"
        )),
        error_in(format!("{{ tracing: {{ http: {{ name: {json} }} }} }}")),
        error_in(format!(
            "{{ tracing: {{ http: {{ name: zipkin, typedConfig: {{ collectorCluster: {json} }} }} }} }}"
        )),
    ]
}

fn errors_in_providers(hostile: &str) -> Vec<ConfigError> {
    let json = quoted(hostile);
    let provider = |inside: &str| {
        error_in(format!(
            "{{ defaultProviders: {{ tracing: [ {json} ] }}, \
             extensionProviders: [ {{ name: {json}, {inside} }} ] }}"
        ))
    };
    vec![
        provider(&format!("zipkin: {{ service: {json}, port: 1 }}")),
        provider(&format!("{json}: {{}}")),
    ]
}

/// The names of a document and of a file, and a text that is no document.
fn errors_in_sources(hostile: &str) -> Vec<ConfigError> {
    let json = quoted(hostile);
    vec![
        error_in(format!(
            "{{ kind: Telemetry, metadata: {{ name: {json}, namespace: {json} }}, spec: {{ tracing: [ {{ a: 1 }} ] }} }}"
        )),
        error_in(hostile.to_owned()),
        TracingConfig::from_file(format!("/none/{hostile}")).unwrap_err(),
    ]
}

fn errors_in_variables(hostile: &str) -> Vec<ConfigError> {
    let names = [
        "OTEL_TRACES_SAMPLER",
        "OTEL_PROPAGATORS",
        "OTEL_TRACES_EXPORTER",
    ];
    let error = |name| {
        TracingConfig::from_vars(|variable| (variable == name).then(|| hostile.to_owned()))
            .unwrap_err()
    };
    names.map(error).into()
}

#[test]
fn text_from_documents_is_escaped_and_truncated() {
    for hostile in [
        "a\nERROR forged",
        "\u{1b}[2J\u{1b}]0;title\u{7}",
        "\u{9b}31m\u{85}",
        "cba\u{202e}\u{2066}\u{2028}",
        &"long\n".repeat(2_000),
    ] {
        let errors = [
            errors_in_tags(hostile),
            errors_in_fields(hostile),
            errors_in_providers(hostile),
            errors_in_sources(hostile),
            errors_in_variables(hostile),
        ];
        for error in errors.concat() {
            for text in [
                error.to_string(),
                error.path().to_owned(),
                error.reason().to_owned(),
            ] {
                assert!(!text.contains(misleads), "{text:?}");
                assert!(text.chars().count() < 1_500, "{text:?}");
            }
        }
    }
    assert_eq!(
        error("{ tracing: { \"a\\nb\": 1 } }").split(':').next(),
        Some(r#"`tracing."a\nb"`"#)
    );
}
