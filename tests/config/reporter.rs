//! The reporter of a configuration, and where it sends spans.

#[cfg(feature = "otlp")]
use crate::environment::environment;
use crate::{documents, read};
use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};
use tower_b3::{Tracer, config::TracingConfig};

/// More than enough for anything here.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request that the collector got.
struct Received {
    path: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

/// A collector that accepts everything on its first connection.
fn collector() -> (SocketAddr, Receiver<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut stream = BufReader::new(stream);
        while let Some(came) = read_request(&mut stream) {
            let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
            stream.get_mut().write_all(answer).unwrap();
            let _ = sender.send(came);
        }
    });
    (address, receiver)
}

fn read_request(stream: &mut impl BufRead) -> Option<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let path = lines.first()?.split(' ').nth(1)?.to_owned();
    let headers: HashMap<String, String> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    Some(Received {
        path,
        headers,
        body,
    })
}

/// Sends one span by this configuration, and returns what the collector gets.
fn sent(config: &TracingConfig, came: &Receiver<Received>) -> Received {
    let reporter = config.reporter().unwrap().unwrap();
    let tracer = Tracer::builder("webapp")
        .sampler(tower_b3::sample::Sampler::always())
        .config(config)
        .reporter(reporter.clone())
        .build()
        .unwrap();
    drop(tracer.span("reconcile"));
    assert!(reporter.flush(PATIENCE));
    let came = came.recv_timeout(PATIENCE).unwrap();
    assert_eq!(reporter.shutdown(PATIENCE).lost, 0);
    came
}

#[test]
fn spans_go_to_the_address_of_a_proxy_config() {
    let (address, came) = collector();
    let text = documents()["scene-1-operator.yaml"].1.clone();
    let config = read(&text.replace("zipkin.istio-system:9411", &address.to_string()));
    let came = sent(&config, &came);
    assert_eq!(came.path, "/api/v2/spans");
    assert_eq!(came.headers["content-type"], "application/json");
    let spans: serde_json::Value = serde_json::from_slice(&came.body).unwrap();
    assert_eq!(spans[0]["traceId"].as_str().unwrap().len(), 32);
    assert_eq!(spans[0]["localEndpoint"]["serviceName"], "webapp");
    assert!(spans[0].get("shared").is_none());
}

#[test]
fn spans_go_to_a_provider_with_its_path_and_headers() {
    let (address, came) = collector();
    let config = read(&format!(
        "
extensionProviders:
- name: zipkin
  zipkin:
    service: {}
    port: {}
    path: zipkin/spans
    timeout: 9.5s
    headers:
    - {{ name: x-scope, value: shop }}
    - {{ name: x-path, envName: PATH }}
defaultProviders: {{ tracing: [ zipkin ] }}
",
        address.ip(),
        address.port()
    ));
    let shown = format!("{config:?}");
    assert!(
        !shown.contains("\"shop\""),
        "a header may be a secret: {shown}"
    );
    let came = sent(&config, &came);
    assert_eq!(came.path, "/zipkin/spans");
    assert_eq!(came.headers["x-scope"], "shop");
    assert_eq!(came.headers["x-path"], std::env::var("PATH").unwrap());
}

#[test]
fn spans_go_to_the_collector_of_a_bootstrap() {
    let (address, came) = collector();
    let text = documents()["scene-8-wrong-path.yaml"].1.clone();
    let text = text
        .replace("zipkin.istio-system:9411", &address.to_string())
        .replace("HTTP_JSON", "HTTP_PROTO");
    let came = sent(&read(&text), &came);
    assert_eq!(came.path, "/zipkin/api/v1/spans");
    assert_eq!(came.headers["content-type"], "application/x-protobuf");
}

#[cfg(feature = "otlp")]
#[test]
fn spans_go_to_an_opentelemetry_provider() {
    let (address, came) = collector();
    let text = documents()["scene-9-opentelemetry.yaml"].1.clone();
    let text = text
        .replace(
            "opentelemetry-collector.observability.svc.cluster.local",
            &address.ip().to_string(),
        )
        .replace("4318", &address.port().to_string());
    let came = sent(&read(&text), &came);
    assert_eq!(came.path, "/v1/traces");
    assert_eq!(came.headers["custom-header"], "custom value");
    assert_eq!(came.headers["content-type"], "application/x-protobuf");
}

#[cfg(feature = "otlp")]
#[test]
fn an_opentelemetry_provider_without_http_uses_grpc() {
    let config = read(&documents()["scene-9-opentelemetry-grpc.yaml"].1);
    let reporter = config.reporter().unwrap().unwrap();
    reporter.shutdown(Duration::ZERO);
}

#[test]
fn there_is_no_reporter_without_a_collector() {
    for name in [
        "scene-5-telemetry.yaml",
        "scene-9-datadog.yaml",
        "tracing-off.yaml",
    ] {
        assert!(
            read(&documents()[name].1).reporter().unwrap().is_none(),
            "{name}"
        );
    }
}

#[test]
fn a_reporter_that_cannot_be_started_is_an_error() {
    let provider = |settings: &str| {
        format!(
            "defaultProviders: {{ tracing: [ a ] }}\nextensionProviders: [ {{ name: a, {settings} }} ]"
        )
    };
    let mut table = vec![
        (
            provider(
                "zipkin: { service: a, port: 1, headers: [ { name: x, envName: TOWER_B3_NOT_SET } ] }",
            ),
            "cannot send spans to http://a:1/api/v2/spans: the header `x` takes its value from \
             `TOWER_B3_NOT_SET`, which is not set in the environment",
        ),
        (
            provider("zipkin: { service: a, port: 1, headers: [ { name: host, value: b } ] }"),
            "cannot send spans to http://a:1/api/v2/spans: header: host is set by the sender",
        ),
        (
            "tracing: { zipkin: { address: '$(HOST_IP):9411' } }".to_owned(),
            "`tracing.zipkin.address`: $(HOST_IP) is not set in the environment",
        ),
    ];
    let tls = "tracing: { zipkin: { address: 'zipkin:9411' }, tlsSettings: { mode: SIMPLE, caCertificates: no/such.pem } }";
    if cfg!(feature = "tls") {
        table.push((tls.to_owned(), "cannot send spans to https://zipkin:9411/api/v2/spans: no/such.pem: No such file or directory (os error 2)"));
        table.push((
            tls.replace("no/such.pem", "/"),
            "cannot send spans to https://zipkin:9411/api/v2/spans: /: not a regular file",
        ));
    } else {
        table.push((
            tls.to_owned(),
            "cannot send spans to https://zipkin:9411/api/v2/spans: https requires the cargo feature `tls`",
        ));
    }
    if !cfg!(feature = "otlp") {
        table.push((
            provider("opentelemetry: { service: a, port: 1, http: {} }"),
            "cannot send spans to http://a:1: OpenTelemetry requires the cargo feature `otlp`",
        ));
    }
    for (text, expected) in table {
        let error = read(&text).reporter().unwrap_err().to_string();
        assert_eq!(error, expected);
    }
}

#[cfg(feature = "otlp")]
#[test]
fn a_reporter_is_redirected_or_keeps_its_collector() {
    let to = |address: &str| {
        read(&format!(
            "tracing: {{ zipkin: {{ address: '{address}' }} }}"
        ))
    };
    let reporter = to("127.0.0.1:1").reporter().unwrap().unwrap();
    reporter.redirect(&to("127.0.0.1:2")).unwrap();
    let nowhere = read("tracing: { sampling: 1 }");
    let error = reporter.redirect(&nowhere).unwrap_err().to_string();
    assert!(error.contains("no collector is configured"), "{error}");
    let otlp = environment("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:3").unwrap();
    let error = reporter.redirect(&otlp).unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot send spans to http://127.0.0.1:3/v1/traces: the format of the spans cannot be \
         changed while the reporter runs"
    );
    reporter.shutdown(Duration::from_secs(1));

    // OTLP has the same format over HTTP and gRPC.
    let reporter = otlp.reporter().unwrap().unwrap();
    let grpc = environment(
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:3\nOTEL_EXPORTER_OTLP_PROTOCOL=grpc",
    );
    reporter.redirect(&grpc.unwrap()).unwrap();
    let error = reporter.redirect(&to("127.0.0.1:2")).unwrap_err();
    assert!(error.to_string().contains("cannot be changed"), "{error}");
    reporter.shutdown(Duration::from_secs(1));
}
