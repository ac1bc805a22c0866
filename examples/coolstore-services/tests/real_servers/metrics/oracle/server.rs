//! Requests to a server: over Envoy, and to the server layer around the same routes.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::ServiceExt;
use tower_b3::metrics::{Metrics, Workload};

use super::counted_request::CountedRequest;
use super::envoy::Proxy;
use super::origin::Origin;
use super::{counted, tracer};
use crate::metrics::shop::{MESSAGE, serve};
use crate::parity::connect::sender;

pub struct Case {
    pub name: &'static str,
    sent: Sent,
}

enum Sent {
    /// Over HTTP/1.1: the request line without the version, more headers, and the body.
    Http1(&'static str, &'static str, &'static str),
    /// Over HTTP/2: the path, the content type and the body.
    Http2(&'static str, &'static str, &'static [u8]),
    /// Over HTTP/1.1; the caller goes away once the server has the request.
    Aborted(&'static str),
}

const fn http1(name: &'static str, line: &'static str) -> Case {
    let sent = Sent::Http1(line, "", "");
    Case { name, sent }
}

const fn grpc(name: &'static str, path: &'static str) -> Case {
    let sent = Sent::Http2(path, "application/grpc", &MESSAGE);
    Case { name, sent }
}

pub const CASES: &[Case] = &[
    http1("get", "GET /items?q=1"),
    Case {
        name: "post",
        sent: Sent::Http1("POST /items", "content-length: 5\r\n", "hello"),
    },
    Case {
        name: "post in chunks",
        sent: Sent::Http1(
            "POST /items",
            "transfer-encoding: chunked\r\n",
            "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        ),
    },
    http1("response in chunks", "GET /chunk"),
    http1("big", "GET /big"),
    http1("empty", "GET /empty"),
    http1("head", "HEAD /items"),
    http1("not found", "GET /a/b"),
    http1("forbidden", "GET /forbidden"),
    http1("failed", "GET /500"),
    Case {
        name: "caller went away",
        sent: Sent::Aborted("GET /hang"),
    },
    Case {
        name: "http2 get",
        sent: Sent::Http2("/items", "text/plain", b""),
    },
    Case {
        name: "http2 post",
        sent: Sent::Http2("/items", "text/plain", b"hello"),
    },
    grpc("grpc", "/shop.Catalog/Items"),
    grpc("grpc without trailers", "/shop.Catalog/Missing"),
    grpc("grpc without status", "/shop.Catalog/Unavailable"),
];

pub async fn sent_to_envoy(case: &Case, envoy: &Proxy, origin: &Origin) -> CountedRequest {
    let name = format!("server {}", case.name);
    let connection = send(case, &name, envoy.listener("server"), origin).await;
    let request = envoy.counted_request(&name).await;
    drop(connection);
    request
}

pub async fn sent_to_layer(case: &Case, origin: &Origin) -> CountedRequest {
    let metrics = Metrics::builder(Workload::new("webapp")).build();
    let routes = origin.routes().layer(tracer(&metrics).server_layer());
    let addr = serve(routes).await;
    let name = format!("server {}", case.name);
    let connection = send(case, &name, addr, origin).await;
    let request = counted(&name, &metrics).await;
    drop(connection);
    request
}

/// The connection, which stays open unless the case closes it.
async fn send(case: &Case, name: &str, addr: SocketAddr, origin: &Origin) -> Option<TcpStream> {
    match case.sent {
        Sent::Http1(line, headers, body) => {
            let mut stream = connect(addr, name, line, headers, body).await;
            // Until the body is complete there may be more; the rest need not be read.
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).await.expect("a response");
            assert!(read > 0, "{name}: no response");
            Some(stream)
        }
        Sent::Aborted(line) => {
            let arrived = origin.next_hanging();
            let stream = connect(addr, name, line, "", "").await;
            arrived.await;
            drop(stream);
            None
        }
        Sent::Http2(path, kind, body) => {
            let request = hyper::Request::post(format!("http://catalog:8080{path}"))
                .version(hyper::Version::HTTP_2)
                .header("content-type", kind)
                .header("x-case", name)
                .header("te", "trailers")
                .body(Full::from(body));
            let sender = sender(addr, true);
            let response = sender.oneshot(request.expect("a request")).await;
            response
                .expect("a response")
                .collect()
                .await
                .expect("a body");
            None
        }
    }
}

async fn connect(addr: SocketAddr, name: &str, line: &str, headers: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.expect("a connection");
    // With an id, because the server layer would return one that it has generated.
    let request = format!(
        "{line} HTTP/1.1\r\nHost: catalog:8080\r\nx-case: {name}\r\n\
         x-request-id: 0f1c2d3e-4f50-4162-8374-8596a7b8c9d0\r\n{headers}\r\n{body}"
    );
    let written = stream.write_all(request.as_bytes()).await;
    written.expect("the request is sent");
    stream
}
