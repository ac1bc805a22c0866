//! Requests to the services of the shop.

use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, Version};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tower::{Layer, ServiceExt};
use tower_b3::Tracer;

use super::shop::MESSAGE;

const AT_ONCE: usize = 8;

/// A client without tracing: somebody outside of the shop.
#[derive(Clone)]
pub struct Customer(Client<HttpConnector, Full<Bytes>>);

impl Default for Customer {
    fn default() -> Customer {
        Customer(Client::builder(TokioExecutor::new()).build_http())
    }
}

impl Customer {
    /// Sends this many GET requests that are answered with this status.
    pub async fn get(&self, addr: SocketAddr, path: &str, times: usize, status: &[u16]) {
        let url = format!("http://{addr}{path}");
        shared(times, async |_| {
            let request = Request::get(&url).body(Full::default()).expect("a request");
            let response = self.0.request(request).await.expect("a response");
            let answered = response.status().as_u16();
            assert!(status.contains(&answered), "{url}: {answered}");
            response.collect().await.expect("a body");
        })
        .await;
    }

    pub async fn post(&self, addr: SocketAddr, path: &str, body: &'static str) {
        let request = Request::post(format!("http://{addr}{path}")).body(Full::from(body));
        let response = self.0.request(request.expect("a request")).await;
        let response = response.expect("a response");
        assert_eq!(response.status(), 200);
        response.collect().await.expect("a body");
    }
}

/// Calls this many times a gRPC method, through the client layer of a tracer.
pub async fn call_grpc(tracer: &Tracer, addr: SocketAddr, method: &str, times: usize) {
    let client = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http();
    let client = tracer.client_layer().layer(client);
    let url = format!("http://{addr}/shop.Catalog/{method}");
    shared(times, async |_| {
        let request = Request::post(&url)
            .version(Version::HTTP_2)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Body::from(MESSAGE.as_slice()));
        let response = client.clone().oneshot(request.expect("a request")).await;
        finish(response.expect("a response")).await;
    })
    .await;
}

/// Sends GET requests through the client layer to an address on which nothing listens.
pub async fn call_nobody(tracer: &Tracer, addr: SocketAddr, times: usize) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let client = tracer.client_layer().layer(client);
    for _ in 0..times {
        let request = Request::get(format!("http://{addr}/items")).body(Body::empty());
        let result = client.clone().oneshot(request.expect("a request")).await;
        assert!(result.is_err());
    }
}

async fn finish<B>(response: Response<B>)
where
    B: hyper::body::Body,
    B::Error: std::fmt::Debug,
{
    assert_eq!(response.status(), 200);
    response.into_body().collect().await.expect("a body");
}

/// Calls `send` this many times, several at once.
async fn shared(times: usize, send: impl AsyncFn(usize)) {
    let part = |first: usize| {
        let send = &send;
        async move {
            for number in (first..times).step_by(AT_ONCE) {
                send(number).await;
            }
        }
    };
    join_all((0..AT_ONCE).map(part)).await;
}
