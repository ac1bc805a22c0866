//! webapp and catalog, with a gRPC service beside catalog's routes, and forum, a client in another
//! namespace. All of them count their requests.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::net::TcpListener;

use coolstore::{catalog, traced::Traced, webapp};
use tower_b3::metrics::{Metrics, Workload};
use tower_b3::report::BatchReporter;
use tower_b3::sample::Sampler;
use tower_b3::zipkin::ZipkinReporter;
use tower_b3::{Tracer, Trust};

pub const CATALOG: &str = "catalog.shop.svc.cluster.local";
/// One request in twenty is traced.
const SAMPLED_PERCENT: f64 = 5.0;

pub struct Shop {
    pub webapp: Service,
    pub catalog: Service,
    pub forum: Service,
    /// A catalog for forum on which nothing listens.
    pub refused: SocketAddr,
    /// A catalog for forum that does not say who it is: the gRPC service without layers.
    pub silent: SocketAddr,
}

pub struct Service {
    pub tracer: Tracer,
    pub metrics: Metrics,
    pub reporter: BatchReporter,
    pub addr: SocketAddr,
    /// Where Prometheus gets the metrics.
    pub scraped: SocketAddr,
}

impl Shop {
    pub async fn start(collector: &str) -> Shop {
        let catalog = Service::start("catalog", "shop", collector, &[], |traced| {
            let layer = traced.tracer.server_layer();
            catalog::router(traced).merge(grpc().layer(layer))
        });
        let catalog = catalog.await;
        let to_catalog = [catalog.addr];
        let webapp = Service::start("webapp", "shop", collector, &to_catalog, |traced| {
            let url = format!("http://{}", catalog.addr);
            webapp::router(traced, url.parse().expect("a URL"))
        });
        let webapp = webapp.await;
        let (refused, silent) = (refused().await, serve(grpc()).await);
        let from_forum = [refused, silent];
        let forum = Service::start("forum", "blog", collector, &from_forum, |_| Router::new());
        Shop {
            webapp,
            catalog,
            forum: forum.await,
            refused,
            silent,
        }
    }

    /// The jobs of Prometheus.
    pub fn targets(&self) -> [(&str, SocketAddr); 3] {
        [
            ("webapp", self.webapp.scraped),
            ("catalog", self.catalog.scraped),
            ("forum", self.forum.scraped),
        ]
    }
}

impl Service {
    async fn start(
        name: &'static str,
        namespace: &str,
        collector: &str,
        calls: &[SocketAddr],
        routes: impl FnOnce(Traced) -> Router,
    ) -> Service {
        let workload = Workload::new(name)
            .namespace(namespace)
            .label("app", name)
            .label("version", "v1");
        let reporter = ZipkinReporter::builder(collector).build();
        let reporter = BatchReporter::from(reporter.expect("a reporter"));
        let stats = reporter.clone();
        let mut metrics = Metrics::builder(workload).reporter_stats(move || stats.stats());
        for addr in calls {
            metrics = metrics.service_of(addr.to_string(), CATALOG);
        }
        let metrics = metrics.build();
        let tracer = Tracer::builder(name)
            .sampler(Sampler::percentage(SAMPLED_PERCENT).expect("a percentage"))
            .reporter(reporter.clone())
            .metrics(&metrics)
            .build()
            .expect("a tracer");
        let app = routes(Traced {
            tracer: tracer.clone(),
            reporter: Some(reporter.clone()),
            trust: Trust::everyone(),
        });
        let scraped = Router::new().route_service("/stats/prometheus", metrics.service());
        Service {
            addr: serve(app).await,
            scraped: serve(scraped).await,
            tracer,
            metrics,
            reporter,
        }
    }
}

/// An address on which nothing listens.
pub async fn refused() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("an address")
}

/// Serves until the runtime ends.
pub async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async { axum::serve(listener, app).await });
    addr
}

/// `/shop.Catalog/Items` answers one message, any other method with NOT_FOUND.
fn grpc() -> Router {
    Router::new().route("/shop.Catalog/{method}", post(answer))
}

async fn answer(Path(method): Path<String>, request: Bytes) -> Response {
    assert_eq!(request, MESSAGE.as_slice());
    let kind = (header::CONTENT_TYPE, "application/grpc");
    let status = HeaderName::from_static("grpc-status");
    if method != "Items" {
        return ([kind, (status, "5")], Body::empty()).into_response();
    }
    let trailers = HeaderMap::from_iter([(status, HeaderValue::from_static("0"))]);
    let frames = [
        Frame::data(Bytes::from_static(&MESSAGE)),
        Frame::trailers(trailers),
    ];
    let body = StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>)));
    ([kind], Body::new(body)).into_response()
}

/// A gRPC message of two bytes, not compressed.
pub const MESSAGE: [u8; 7] = [0, 0, 0, 0, 2, 8, 1];
