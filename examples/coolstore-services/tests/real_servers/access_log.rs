//! The access log beside that of the real Envoy in front of the same server, in the same formats.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use axum::{Router, serve};
use serde_json::{Value, json};
use test_kit::backends::{Envoy, Http, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower_b3::access_log::{AccessLog, AccessLogFormat, JsonFormat};
use tower_b3::sample::Sampler;
use tower_b3::{Direction, Tracer};

use crate::test_dir;

const WRITTEN: Duration = Duration::from_secs(20);

/// What Envoy and a service can both know of an exchange.
const FIELDS: [(&str, &str); 18] = [
    ("absent", "%REQ(x-none)%"),
    ("absent in text", "<%REQ(x-none)%>"),
    ("alternative", "%REQ(x-none?X-HOSTILE):9%"),
    ("authority", "%REQ(:AUTHORITY)%"),
    ("bytes received", "%BYTES_RECEIVED%"),
    ("bytes sent", "%BYTES_SENT%"),
    ("code", "%RESPONSE_CODE%"),
    ("details", "%RESPONSE_CODE_DETAILS%"),
    ("flags", "%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%"),
    ("grpc", "%GRPC_STATUS%"),
    ("grpc number", "%GRPC_STATUS(NUMBER)%"),
    ("hostile", "%REQ(x-hostile)%"),
    ("method", "%REQ(:METHOD)%"),
    ("path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
    ("path only", "%PATH(NQ)%"),
    ("percent", "100%%"),
    ("protocol", "%PROTOCOL%"),
    ("request id", "%REQ(X-REQUEST-ID)%"),
];

/// Each on a connection of its own, byte by byte as a hostile client sends it.
const REQUESTS: [&[u8]; 8] = [
    b"GET /plain HTTP/1.1\r\nhost: shop:8080\r\nuser-agent: curl/8\r\n\r\n",
    b"GET /query?a=1&b=%20 HTTP/1.1\r\nhost: shop\r\nx-forwarded-for: 203.0.113.9\r\n\r\n",
    b"POST /body HTTP/1.1\r\nhost: shop\r\ncontent-length: 5\r\n\r\nhello",
    b"HEAD /head HTTP/1.1\r\nhost: shop\r\n\r\n",
    b"GET /missing HTTP/1.1\r\nhost: shop\r\nx-hostile: \r\n\r\n",
    b"GET /broken HTTP/1.1\r\nhost: shop\r\nx-hostile: \"quotes\" \\ and\ttabs \xc3\xa9 </>\r\n\r\n",
    b"GET /bytes HTTP/1.1\r\nhost: shop\r\nuser-agent: \xe9\xff\r\nx-hostile: \"\xe9\xff\" \\ \t \xc3\xa9\r\n\r\n",
    b"POST /grpc HTTP/1.1\r\nhost: shop\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n",
];

async fn answer(request: Request<Body>) -> Response<Body> {
    let mut response = Response::new(Body::from("hello"));
    match request.uri().path() {
        "/missing" => *response.status_mut() = StatusCode::NOT_FOUND,
        "/broken" => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
        "/grpc" => {
            *response.body_mut() = Body::empty();
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
            headers.insert("grpc-status", HeaderValue::from_static("5"));
        }
        _ => {}
    }
    response
}

/// The server, with logs in these formats.
async fn server(dir: &Path) -> (SocketAddr, [AccessLog; 2]) {
    let log = |name: &str, format| {
        let log = AccessLog::builder().format(format);
        let log = log.direction(Direction::Server);
        log.file(dir.join(name)).start().expect("a log")
    };
    let json = AccessLogFormat::json(JsonFormat::object(FIELDS)).expect("a format");
    let logs = [
        log("service.text", AccessLogFormat::envoy()),
        log("service.json", json),
    ];
    let [text, json] = logs.clone();
    // No request is sampled.
    let tracer = Tracer::builder("shop").sampler(Sampler::never());
    let tracer = tracer.observer(text).observer(json);
    let tracer = tracer.build().expect("a tracer");
    let layer = tracer.server_layer().echo_request_id(false);
    let app = Router::new().fallback(answer).layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async { serve(listener, app).await });
    (addr, logs)
}

fn envoy(upstream: SocketAddr, dir: &Path) -> Value {
    let file = |name: &str, format: Value| {
        json!({
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": dir.join(name),
                "log_format": format,
            },
        })
    };
    let fields: serde_json::Map<String, Value> = FIELDS
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let json = file("envoy.json", json!({ "json_format": fields }));
    let mut text = file("envoy.text", Value::Null);
    text["typed_config"]
        .as_object_mut()
        .expect("an object")
        .remove("log_format");
    let socket = |addr: SocketAddr| json!({ "socket_address": { "address": addr.ip(), "port_value": addr.port() } });
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "all",
        "access_log": [text, json],
        "route_config": { "virtual_hosts": [{
            "name": "all", "domains": ["*"],
            "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "shop" } }],
        }] },
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
        }],
    });
    json!({
        "admin": { "address": socket(([127, 0, 0, 1], 0).into()) },
        "static_resources": {
            "listeners": [{
                "name": "all",
                "address": socket(([127, 0, 0, 1], 0).into()),
                "filter_chains": [{ "filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": manager,
                }] }],
            }],
            "clusters": [{
                "name": "shop",
                "type": "STATIC",
                "load_assignment": {
                    "cluster_name": "shop",
                    "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": socket(upstream) } }] }],
                },
            }],
        },
    })
}

/// Sends a request and reads until the response is there and Envoy closes the connection.
async fn send(addr: SocketAddr, request: &[u8]) {
    let mut request = request.to_vec();
    let end_of_line = request.windows(2).position(|bytes| bytes == b"\r\n");
    let at = end_of_line.expect("a request line") + 2;
    request.splice(at..at, *b"connection: close\r\n");
    let mut socket = TcpStream::connect(addr).await.expect("a connection");
    socket.write_all(&request).await.expect("sent");
    let mut response = Vec::new();
    socket.read_to_end(&mut response).await.expect("received");
    assert!(
        response.starts_with(b"HTTP/1.1 "),
        "{}",
        response.escape_ascii()
    );
}

/// The lines of a file, once all are there.
async fn lines(path: &Path) -> Vec<Vec<u8>> {
    let what = path.display().to_string();
    eventually(&what, WRITTEN, async || {
        let bytes = fs::read(path).map_err(|error| error.to_string())?;
        let lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        match lines.len() == REQUESTS.len() && bytes.ends_with(b"\n") {
            true => Ok(lines.into_iter().map(<[u8]>::to_vec).collect()),
            false => Err(format!("{} lines", lines.len())),
        }
    })
    .await
}

/// A line of the default format without the time, the durations and the upstream. What remains of the
/// last three are quotes and spaces.
fn masked(line: &[u8]) -> String {
    let line = line.escape_ascii().to_string().replace("\\\"", "\"");
    let mut parts: Vec<&str> = line.split('"').collect();
    // [time] "request" code flags received sent duration service-time "…" …
    parts[0] = "[time] ";
    let numbers: Vec<&str> = parts[2].split(' ').collect();
    let numbers = numbers[..5].join(" ");
    parts[2] = &numbers;
    let upstream = parts.len() - 2;
    parts[upstream] = "upstream";
    parts.join("\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_those_of_envoy_in_front_of_the_service() {
    let Some(dir) = test_dir("access-log") else {
        return;
    };
    for name in ["service.text", "service.json", "envoy.text", "envoy.json"] {
        let _ = fs::remove_file(dir.join(name));
    }
    let (upstream, logs) = server(&dir).await;
    let config = envoy(upstream, &dir).to_string();
    let envoy = Envoy::run(&dir, &Http::default(), "access-log", &config, &[]).await;
    for request in REQUESTS {
        send(envoy.addr(), request).await;
    }
    tokio::task::spawn_blocking(move || {
        assert!(logs.iter().all(|log| log.flush(WRITTEN)));
    })
    .await
    .expect("flushed");

    let (ours, envoys) = (
        lines(&dir.join("service.json")).await,
        lines(&dir.join("envoy.json")).await,
    );
    for (ours, envoys) in ours.iter().zip(&envoys) {
        // Byte by byte, so that the escapes and the order of names are the same too.
        assert_eq!(
            ours.escape_ascii().to_string(),
            envoys.escape_ascii().to_string()
        );
    }
    let (ours, envoys) = (
        lines(&dir.join("service.text")).await,
        lines(&dir.join("envoy.text")).await,
    );
    for (ours, envoys) in ours.iter().zip(&envoys) {
        assert_eq!(masked(ours), masked(envoys));
    }
}
