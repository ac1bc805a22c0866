//! Access logs by Istio's configuration.

use crate::{
    common::{Script, TestTracer, drain, get, now, sent_headers},
    log::PATIENCE,
};
use http::{Request, Response};
use std::{
    convert::Infallible,
    fs,
    future::ready,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};
use test_kit::log;
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, Tracer,
    config::{ConfigError, Documents, TracingConfig, Workload},
};

/// Files in a directory of a test's own.
pub struct Files(pub PathBuf);

impl Files {
    pub fn new() -> Files {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let (process, number) = (std::process::id(), NEXT.fetch_add(1, SeqCst));
        let path = std::env::temp_dir().join(format!("tower-b3-access-log-{process}-{number}"));
        fs::create_dir(&path).unwrap();
        Files(path)
    }

    /// What a file contains; empty if it does not exist.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_default()
    }

    /// Replaces `DIR` in a document.
    pub fn config(&self, text: &str) -> TracingConfig {
        TracingConfig::from_yaml(&self.text(text)).unwrap()
    }

    pub fn text(&self, text: &str) -> String {
        text.replace("DIR", self.0.to_str().unwrap())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Serves a request that sends another one, and returns what the files contain then.
pub fn exchange(tracer: &Tracer, files: &Files, names: &[&str]) -> Vec<String> {
    let client = tracer.client_layer();
    let mut server = tracer.server_layer().layer(service_fn(|_: Request<()>| {
        sent_headers(&client, get("http://catalog/called", ""));
        ready(Ok::<_, Infallible>(Response::new(Script::default())))
    }));
    let request = get("/served", "x-tenant: a|x-tenant: b");
    drain(now(server.call(request)).unwrap().body_mut()).unwrap();
    assert!(tracer.flush(PATIENCE));
    names.iter().map(|name| files.read(name)).collect()
}

/// What the files contain after a request to a service with this configuration.
pub fn written(text: &str, names: &[&str]) -> Vec<String> {
    let files = Files::new();
    let config = files.config(text);
    let test = TestTracer::of(|tracer| tracer.config(&config));
    let contents = exchange(&test.tracer, &files, names);
    test.spans.take_all();
    contents
}

#[test]
fn the_file_the_format_and_the_encoding_of_a_mesh_config() {
    let text = "
accessLogFile: DIR/log
accessLogFormat: '%REQ(:PATH)% %RESPONSE_CODE%'
";
    assert_eq!(written(text, &["log"]), ["/called 200\n/served 200\n"]);
    let json = r#"
meshConfig:
  accessLogFile: DIR/log
  accessLogEncoding: JSON
  accessLogFormat: |
    { "path": "%REQ(:PATH)%", "nested": { "status": "%RESPONSE_CODE%", "none": "%REQ(x-none)%" } }
"#;
    assert_eq!(
        written(json, &["log"]),
        [concat!(
            "{\"nested\":{\"none\":null,\"status\":200},\"path\":\"/called\"}\n",
            "{\"nested\":{\"none\":null,\"status\":200},\"path\":\"/served\"}\n",
        )]
    );
    let defaults = written("accessLogFile: DIR/log\naccessLogEncoding: JSON", &["log"]);
    let line = defaults[0].lines().next().unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["response_code_details"], "via_upstream");
    assert_eq!(line.as_object().unwrap().len(), 24);
    let defaults = written("accessLogFile: DIR/log", &["log"]);
    assert!(
        defaults[0].contains(" 200 - via_upstream - \"-\" 0 0 "),
        "{defaults:?}"
    );
    // Without a file there is no log.
    assert_eq!(
        written("accessLogFile: ''\nenableTracing: true", &["log"]),
        [""]
    );
}

const PROVIDERS: &str = "
extensionProviders:
- name: text
  envoyFileAccessLog: { path: DIR/text, logFormat: { text: '%REQ(:PATH)%' } }
- name: labels
  envoyFileAccessLog: { path: DIR/labels, omitEmptyValues: true, logFormat: { labels: { p: '%REQ(:PATH)%', n: '%REQ(x-none)%' } } }
- name: otel
  envoyOtelAls: { service: otel, port: 4317 }
- name: zipkin
  zipkin: { service: zipkin, port: 9411 }
";

fn telemetry(name: &str, namespace: &str, rest: &str) -> String {
    format!(
        "
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {{ name: {name}, namespace: {namespace} }}
spec: {{ {rest} }}
"
    )
}

#[test]
fn the_providers_of_a_telemetry_by_direction() {
    let with = |logging: &str| {
        let root = telemetry("mesh", "istio-system", &format!("accessLogging: {logging}"));
        let [text, labels]: [String; 2] =
            written(&format!("{PROVIDERS}{root}"), &["text", "labels"])
                .try_into()
                .unwrap();
        (text, labels)
    };
    let (text, labels) = with("[{ providers: [{ name: text }, { name: LABELS }] }]");
    assert_eq!(text, "/called\n/served\n");
    assert_eq!(labels, "{\"p\":\"/called\"}\n{\"p\":\"/served\"}\n");
    let (text, labels) = with("[{ providers: [{ name: text }], match: { mode: SERVER } }]");
    assert_eq!((text.as_str(), labels.as_str()), ("/served\n", ""));
    let (text, labels) = with(
        "[{ providers: [{ name: text }, { name: labels }] }, { providers: [{ name: text }], match: { mode: CLIENT }, disabled: true }]",
    );
    assert_eq!(text, "/served\n");
    assert_eq!(labels.lines().count(), 2);
    let (text, labels) = with("[{ providers: [{ name: text }] }, { disabled: true }]");
    assert_eq!((text.as_str(), labels.as_str()), ("", ""));
}

/// The levels override each other as Istio merges them.
#[test]
fn a_workload_and_its_namespace_override_the_mesh() {
    let files = Files::new();
    let root = telemetry(
        "mesh",
        "istio-system",
        "accessLogging: [{ providers: [{ name: text }] }]",
    );
    let shop = telemetry(
        "shop",
        "shop",
        "accessLogging: [{ disabled: true, match: { mode: CLIENT } }]",
    );
    let cart = telemetry(
        "cart",
        "shop",
        "selector: { matchLabels: { app: cart } }, accessLogging: [{ providers: [{ name: labels }] }]",
    );
    let text = files.text(&format!("{PROVIDERS}{root}{shop}{cart}"));
    let documents = Documents::parse(&text).unwrap();
    let mut seen = String::new();
    for (workload, expected) in [
        (Workload::new("other"), ["/called\n/served\n", ""]),
        (Workload::new("shop"), ["/served\n", ""]),
        (
            Workload::new("shop").label("app", "cart"),
            ["", "{\"p\":\"/called\"}\n{\"p\":\"/served\"}\n"],
        ),
    ] {
        let config = documents.for_workload(&workload).unwrap();
        let test = TestTracer::of(|tracer| tracer.config(&config));
        let contents = exchange(&test.tracer, &files, &["text", "labels"]);
        test.spans.take_all();
        seen.push_str(expected[0]);
        assert_eq!(contents, [seen.as_str(), expected[1]], "{workload:?}");
    }
}

#[test]
fn default_providers_and_the_built_in_one() {
    let defaults = "defaultProviders: { accessLogging: [text] }";
    let contents = written(&format!("{PROVIDERS}{defaults}"), &["text", "labels"]);
    assert_eq!(contents, ["/called\n/served\n", ""]);
    // The built-in provider has the mesh's format, and here the path that a document gives it.
    let text = format!(
        "
accessLogFormat: '%PROTOCOL%'
extensionProviders: [{{ name: envoy, envoyFileAccessLog: {{ path: DIR/log }} }}]
{}",
        telemetry(
            "mesh",
            "istio-system",
            "accessLogging: [{ providers: [{ name: envoy }] }]"
        )
    );
    assert_eq!(written(&text, &["log"]), ["HTTP/1.1\nHTTP/1.1\n"]);
    // It is what `accessLogFile` stands for, so a Telemetry can turn that off.
    let off = telemetry(
        "mesh",
        "istio-system",
        "accessLogging: [{ disabled: true }]",
    );
    assert_eq!(
        written(&format!("accessLogFile: DIR/log{off}"), &["log"]),
        [""]
    );
}

#[test]
fn what_is_not_supported_is_logged_or_an_error_if_strict() {
    log::start();
    for (logging, reason) in [
        (
            "[{ providers: [{ name: otel }] }]",
            "the provider otel (envoyOtelAls) is not supported",
        ),
        (
            "[{ providers: [{ name: zipkin }] }]",
            "the provider zipkin (zipkin) is not supported",
        ),
        (
            "[{ providers: [{ name: nobody }] }]",
            "the provider nobody is not defined in `extensionProviders`",
        ),
        #[cfg(not(feature = "metrics-config"))]
        (
            "[{ providers: [{ name: text }], filter: { expression: 'response.code >= 400' } }]",
            "the filter \"response.code >= 400\" is not evaluated without the feature `metrics-config`",
        ),
    ] {
        let root = telemetry("mesh", "istio-system", &format!("accessLogging: {logging}"));
        let text = format!("{PROVIDERS}{root}");
        assert_eq!(written(&text, &["text"]), [""]);
        let expected = format!("access log: {reason}; its lines are not written");
        assert!(!log::lines(&expected).is_empty(), "{expected}");
        let config = Files::new().config(&text).strict(true);
        let error = Tracer::builder("shop").config(&config).build().unwrap_err();
        assert_eq!(error.to_string(), reason);
    }
}

#[test]
fn a_telemetry_about_access_logs_alone_does_not_change_sampling() {
    let logging = "accessLogging: [{ providers: [{ name: envoy }] }]";
    let config = Files::new().config(&telemetry("mesh", "istio-system", logging));
    assert_eq!(config.sampling(Direction::Server), 100.0);
}

#[test]
fn merging_a_configuration_with_itself_changes_nothing() {
    let root = telemetry(
        "mesh",
        "istio-system",
        "accessLogging: [{ providers: [{ name: text }] }]",
    );
    let config = Files::new().config(&format!("{PROVIDERS}{root}"));
    assert_eq!(config.clone().over(config.clone()), config);
}

#[track_caller]
fn error(text: &str) -> ConfigError {
    TracingConfig::from_yaml(text).unwrap_err()
}

/// The error of a tracer that is built by this configuration, which is strict.
#[track_caller]
fn strict(text: &str) -> String {
    let config = TracingConfig::from_yaml(text).unwrap().strict(true);
    let error = Tracer::builder("shop").config(&config).build().unwrap_err();
    error.to_string()
}

#[test]
fn errors_name_the_field() {
    let logging = |logging: &str| {
        let text = telemetry("mesh", "istio-system", &format!("accessLogging: {logging}"));
        error(&text).to_string()
    };
    let title = "Telemetry istio-system/mesh";
    assert_eq!(
        logging("[{ provider: [] }]").split(';').next().unwrap(),
        format!("{title}: `spec.accessLogging[0].provider`: unknown field")
    );
    assert!(logging("[{ disabled: maybe }]").contains("`spec.accessLogging[0].disabled`"));
    assert!(logging("[{ match: { mode: BOTH } }]").contains("CLIENT_AND_SERVER"));
    assert!(logging("[{ filter: { expr: a } }]").contains("`spec.accessLogging[0].filter.expr`"));
    assert_eq!(
        strict("accessLogFile: /dev/stdout\naccessLogFormat: '%NONSENSE%'"),
        "`accessLogFormat`: %NONSENSE% is not known here"
    );
    assert_eq!(
        strict(
            "accessLogFile: /dev/stdout\naccessLogEncoding: JSON\naccessLogFormat: '%PROTOCOL%'"
        ),
        "`accessLogFormat`: not JSON: line 2, column 1: did not find expected <document start>"
    );
    assert!(
        error("accessLogFile: a\naccessLogEncoding: XML")
            .to_string()
            .contains("`TEXT`, `JSON`")
    );
    // The error of a provider comes up when it is used.
    let provider = |format: &str, used: &str| {
        format!(
            "extensionProviders: [{{ name: log, envoyFileAccessLog: {{ logFormat: {format} }} }}]\ndefaultProviders: {{ accessLogging: [{used}] }}"
        )
    };
    let unused = TracingConfig::from_yaml(&provider("{ text: '%NO%' }", "envoy")).unwrap();
    let tracer = Tracer::builder("shop").config(&unused.strict(true));
    tracer.build().unwrap();
    assert_eq!(
        strict(&provider("{ text: '%NO%' }", "log")),
        "`extensionProviders[0].envoyFileAccessLog.logFormat.text`: %NO% is not known here"
    );
    assert!(
        strict(&provider("{ labels: { a: '%DURATION:3%' } }", "log"))
            .contains("logFormat.labels`: %DURATION% takes neither an argument nor a length")
    );
}
