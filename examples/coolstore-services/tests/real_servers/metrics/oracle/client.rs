//! Requests of a client: over Envoy, as a sidecar of the caller, and through the client layer.

use axum::body::Body;
use http_body_util::BodyExt;
use hyper::{Request, Version};
use tokio::time::timeout;
use tower::{Layer, ServiceBuilder, ServiceExt};
use tower_b3::metrics::{Metrics, Workload};

use super::counted_request::CountedRequest;
use super::envoy::{Proxy, TIMEOUT};
use super::origin::Origin;
use super::{OBSERVED, counted, tracer};
use crate::metrics::shop::MESSAGE;
use crate::parity::connect::sender_of;

pub struct Case {
    pub name: &'static str,
    /// The name of Envoy's listener for this upstream.
    upstream: &'static str,
    path: &'static str,
    body: &'static [u8],
    is_grpc: bool,
    /// The caller goes away once the server has the request.
    gives_up: bool,
}

const GET: Case = Case {
    name: "get",
    upstream: "sidecar",
    path: "/items",
    body: b"",
    is_grpc: false,
    gives_up: false,
};

const GRPC: Case = Case {
    name: "grpc",
    path: "/shop.Catalog/Items",
    body: &MESSAGE,
    is_grpc: true,
    ..GET
};

pub const CASES: &[Case] = &[
    GET,
    Case {
        name: "post",
        body: b"hello",
        ..GET
    },
    Case {
        name: "response in chunks",
        path: "/chunk",
        ..GET
    },
    Case {
        name: "big",
        path: "/big",
        ..GET
    },
    Case {
        name: "empty",
        path: "/empty",
        ..GET
    },
    Case {
        name: "failed",
        path: "/500",
        ..GET
    },
    Case {
        name: "refused",
        upstream: "refused",
        ..GET
    },
    Case {
        name: "closed",
        upstream: "closing",
        ..GET
    },
    Case {
        name: "timeout",
        path: "/hang",
        ..GET
    },
    Case {
        name: "caller went away",
        path: "/hang",
        gives_up: true,
        ..GET
    },
    GRPC,
    Case {
        name: "grpc without trailers",
        path: "/shop.Catalog/Missing",
        ..GRPC
    },
    Case {
        name: "grpc without status",
        path: "/shop.Catalog/Unavailable",
        ..GRPC
    },
    Case {
        name: "grpc refused",
        upstream: "refused",
        ..GRPC
    },
];

impl Case {
    fn request(&self, name: &str) -> Request<Body> {
        let (method, version) = match (self.is_grpc, self.body.is_empty()) {
            (true, _) => ("POST", Version::HTTP_2),
            (false, true) => ("GET", Version::HTTP_11),
            (false, false) => ("POST", Version::HTTP_11),
        };
        let mut request = Request::builder()
            .method(method)
            .version(version)
            .uri(format!("http://catalog:8080{}", self.path))
            .header("x-case", name);
        if self.is_grpc {
            request = request.header("content-type", "application/grpc");
            request = request.header("te", "trailers");
        }
        request.body(Body::from(self.body)).expect("a request")
    }
}

pub async fn sent_by_envoy(case: &Case, envoy: &Proxy, origin: &Origin) -> CountedRequest {
    let name = format!("client {}", case.name);
    let sender = sender_of(envoy.listener(case.upstream), case.is_grpc);
    let request = case.request(&name);
    let exchange = async {
        let response = sender.oneshot(request).await.expect("Envoy answers");
        response.collect().await.expect("a body");
    };
    finish(case, origin, exchange).await;
    envoy.counted_request(&name).await
}

pub async fn sent_by_layer(case: &Case, origin: &Origin) -> CountedRequest {
    let name = format!("client {}", case.name);
    let metrics = Metrics::builder(Workload::new("webapp")).build();
    let addr = match case.upstream {
        "refused" => origin.refused,
        "closing" => origin.closing,
        _ => origin.addr,
    };
    // The timeout belongs to the client, as Envoy's to the sidecar.
    let client = ServiceBuilder::new()
        .timeout(TIMEOUT)
        .service(sender_of(addr, case.is_grpc));
    let client = tracer(&metrics).client_layer().layer(client);
    let request = case.request(&name);
    let exchange = async {
        if let Ok(response) = client.oneshot(request).await {
            response.collect().await.expect("a body");
        }
    };
    finish(case, origin, exchange).await;
    counted(&name, &metrics).await
}

/// Runs the exchange to its end, or drops it once the server has the request.
async fn finish(case: &Case, origin: &Origin, exchange: impl Future<Output = ()>) {
    if case.gives_up {
        let arrived = origin.next_hanging();
        tokio::select! {
            () = exchange => panic!("{}: an end", case.name),
            () = arrived => {}
        }
    } else {
        let ended = timeout(OBSERVED, exchange).await;
        ended.unwrap_or_else(|_| panic!("{}: no end", case.name));
    }
}
