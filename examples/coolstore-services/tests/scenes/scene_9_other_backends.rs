//! Scene 9: other collectors, and providers that are not supported.

use crate::stage::Stage;
use crate::trace::assert_whole;

const ZIPKIN: &str = include_str!("documents/telemetry-zipkin.yaml");
const OTLP_HTTP: &str = include_str!("documents/telemetry-otlp-http.yaml");
const OTLP_GRPC: &str = include_str!("documents/telemetry-otlp-grpc.yaml");
const COLLECTOR: &str = "opentelemetry-collector.observability.svc.cluster.local";

type Headers = &'static [(&'static str, &'static str)];

/// The provider, its document, and the trace headers of that system.
const UNSUPPORTED: [(&str, &str, Headers); 3] = [
    (
        "lightstep",
        include_str!("documents/lightstep.yaml"),
        &[("x-ot-span-context", "463ac35c9f6413ad;a2fb4a1d1a96d312;1")],
    ),
    (
        "datadog",
        include_str!("documents/datadog.yaml"),
        &[
            ("x-datadog-trace-id", "5208512171318403364"),
            ("x-datadog-parent-id", "2345"),
            ("x-datadog-sampling-priority", "1"),
        ],
    ),
    (
        "stackdriver",
        include_str!("documents/stackdriver.yaml"),
        &[
            (
                "x-cloud-trace-context",
                "105445aa7843bc8bf206b12000100000/1;o=1",
            ),
            ("grpc-trace-bin", "AABn3+ma"),
        ],
    ),
];

const B3: Headers = &[
    ("x-request-id", "6f4bbdb1-8a0c-4b3a-9d43-0a1b2c3d4e5f"),
    ("x-b3-traceid", "463ac35c9f6413ad48485a3953bb6124"),
    ("x-b3-spanid", "a2fb4a1d1a96d312"),
    ("x-b3-sampled", "1"),
];

#[tokio::test]
async fn an_unsupported_provider_logs_an_error_and_forwards_headers() {
    let Some(stage) = Stage::open("scene-9-unsupported").await else {
        return;
    };
    for (provider, document, own) in UNSUPPORTED {
        let document = stage.document(provider, &[document]);
        let shop = stage.shop(&format!("9-{provider}"), &document).await;
        for service in [&shop.webapp, &shop.catalog] {
            let errors = service.log(&["ERROR"]);
            assert_eq!(errors.len(), 1, "{errors:#?}");
            for word in [provider, "x-request-id", "x-b3-", own[0].0] {
                assert!(errors[0].contains(word), "no {word} in {errors:?}");
            }
        }

        let sent = [B3, own].concat();
        let headers = shop.headers(&stage, &sent).await;

        for (name, value) in sent {
            assert_eq!(headers[name], value, "{name} with {provider}");
        }
        // Without incoming headers, none are sent.
        let headers = shop.headers(&stage, &[]).await;
        assert!(headers.get("x-b3-traceid").is_none(), "{headers}");
        shop.close().await;
    }
    for collector in stage.both() {
        let services = collector.services().await;
        for (provider, _, _) in UNSUPPORTED {
            let seen = services.iter().find(|service| service.ends_with(provider));
            assert_eq!(seen, None, "{}", collector.name());
        }
    }
}

#[tokio::test]
async fn the_telemetry_api_selects_zipkin() {
    let Some(stage) = Stage::open("scene-9-zipkin").await else {
        return;
    };
    for collector in stage.both() {
        let addr = collector.addr();
        let document = stage
            .document("telemetry-zipkin", &[ZIPKIN])
            .with(
                "zipkin.istio-system.svc.cluster.local",
                &addr.ip().to_string(),
            )
            .with("9411", &addr.port().to_string());
        let shop = stage.shop("9-zipkin", &document).await;

        shop.visit(&stage, &[]).await;

        let (webapp, catalog) = (&shop.webapp.name, &shop.catalog.name);
        let traces = collector.traces(webapp, 1, 5).await;
        assert_whole(&traces[0], webapp, catalog);
        shop.close().await;
    }
}

#[tokio::test]
async fn the_telemetry_api_selects_opentelemetry() {
    let Some(stage) = Stage::open("scene-9-opentelemetry").await else {
        return;
    };
    let jaeger = stage.jaeger();
    let server = stage.asked_jaeger();
    for (name, document, from, to) in [
        ("9-otlp-http", OTLP_HTTP, "port: 4318", server.otlp_port()),
        ("9-otlp-grpc", OTLP_GRPC, "port: 4317", server.grpc_port()),
    ] {
        let document = stage
            .document(name, &[document])
            .with(COLLECTOR, "127.0.0.1")
            .with(from, &format!("port: {to}"));
        let shop = stage.shop(name, &document).await;

        shop.visit(&stage, &[]).await;

        let (webapp, catalog) = (&shop.webapp.name, &shop.catalog.name);
        let traces = jaeger.traces(webapp, 1, 5).await;
        assert_whole(&traces[0], webapp, catalog);
        shop.close().await;
    }
}
