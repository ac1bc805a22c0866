//! The shop: catalog, webapp and the collector of their spans with its page, each on a separate port.

use crate::traces::Traces;
use axum::{Router, body::Body, http::Request};
use coolstore::{
    catalog,
    server::serve,
    traced::Traced,
    webapp::{self, CatalogUrl},
};
use futures_util::future::{BoxFuture, Shared};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::{error::Error, io, net::SocketAddr, time::Duration};
use tokio::{net::TcpListener, task::JoinHandle};
use tower_b3::{
    Tracer, Trust, report::BatchOptions, sample::Sampler, tags::Tag, zipkin::ZipkinReporter,
};

/// How long spans may take to reach the collector.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a span waits for others to be sent with it.
const MAX_BATCH_AGE: Duration = Duration::from_millis(50);

pub type Failure = Box<dyn Error + Send + Sync>;
/// Ready when the services are to stop.
pub type Stop = Shared<BoxFuture<'static, ()>>;

pub struct Shop {
    pub traces: Traces,
    pub client: legacy::Client<HttpConnector, Body>,
    catalog: Service,
    webapp: Service,
}

/// A service with its own tracer and reporter, as in a separate process.
struct Service {
    tracer: Tracer,
    zipkin: ZipkinReporter,
    address: SocketAddr,
    server: JoinHandle<io::Result<()>>,
}

impl Service {
    async fn start(
        name: &'static str,
        collector: SocketAddr,
        stop: Stop,
        app: impl FnOnce(Traced) -> Router,
    ) -> Result<Service, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let zipkin = ZipkinReporter::builder(format!("http://{collector}/api/v2/spans"))
            .options(BatchOptions::new().max_age(MAX_BATCH_AGE))
            .build()?;
        let tracer = Tracer::builder(name)
            .address(address)
            .tag(Tag::literal("custom_tag", "Test Tag"))
            .tag(Tag::environment("zone", "SHOP_ZONE").default_value("here"))
            .tag(Tag::request_header("tenant", "x-tenant"))
            .reporter(zipkin.clone())
            .build()?;
        let app = app(Traced {
            tracer: tracer.clone(),
            reporter: Some(zipkin.clone().into()),
            trust: Trust::everyone(),
        });
        Ok(Service {
            server: tokio::spawn(serve(listener, app, stop)),
            tracer,
            zipkin,
            address,
        })
    }
}

impl Shop {
    /// `usual_port`: whether the page is to have Zipkin's port, if that is free.
    pub async fn open(stop: Stop, usual_port: bool) -> Result<Shop, Failure> {
        let traces = Traces::open(usual_port).await?;
        let collector = traces.address;
        let catalog = Service::start("catalog", collector, stop.clone(), catalog::router).await?;
        let url: CatalogUrl = format!("http://{}", catalog.address).parse()?;
        let webapp = |traced| webapp::router(traced, url);
        let webapp = Service::start("webapp", collector, stop, webapp).await?;
        Ok(Shop {
            traces,
            client: legacy::Client::builder(TokioExecutor::new()).build_http(),
            catalog,
            webapp,
        })
    }

    pub fn webapp_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.webapp.address)
    }

    pub fn set_sampler(&self, sampler: &Sampler) {
        for service in [&self.catalog, &self.webapp] {
            service.tracer.set_sampler(sampler.clone());
        }
    }

    /// Sends `POST /blowup` to the catalog. `b3: 0` keeps it out of the traces.
    pub async fn blow_up(&self, settings: &'static str) -> Result<(), Failure> {
        let request = Request::post(format!("http://{}/blowup", self.catalog.address))
            .header("b3", "0")
            .body(Body::from(settings))?;
        let status = self.client.request(request).await?.status();
        match status.is_success() {
            true => Ok(()),
            false => Err(format!("POST /blowup {settings}: the status is {status}").into()),
        }
    }

    /// Sends all spans that have finished so far to the collector.
    pub async fn flush(&self) -> Result<(), Failure> {
        for service in [&self.catalog, &self.webapp] {
            if !service.zipkin.flush_async(DELIVERY_TIMEOUT).await {
                return Err(format!("spans were not sent within {DELIVERY_TIMEOUT:?}").into());
            }
        }
        Ok(())
    }

    /// The page's URL, and commands to try while the shop is open.
    pub fn invitation(&self) -> String {
        let page = self.traces.address;
        let moved = match self.traces.is_elsewhere {
            true => " (port 9411 is not free)",
            false => "",
        };
        let (webapp, catalog) = (self.webapp.address, self.catalog.address);
        format!(
            "See these traces, and new ones as they arrive: http://{page}/{moved}

A plain request:
  curl http://{webapp}/api/catalog
A forced request, traced at any sampling percentage:
  curl -H 'x-envoy-force-trace: true' http://{webapp}/api/catalog
A request with a tag from a header:
  curl -H 'x-tenant: acme' http://{webapp}/api/catalog/items/3
A failing request (the catalog is told to fail, then to recover):
  curl -H 'b3: 0' -d '{{\"fail_percent\": 100}}' http://{catalog}/blowup
  curl http://{webapp}/api/catalog
  curl -H 'b3: 0' -d '{{}}' http://{catalog}/blowup

The shop is open until Ctrl-C."
        )
    }

    /// Waits for the services, which have been told to stop, and sends their last spans.
    pub async fn close(self) -> Result<(), Failure> {
        for service in [self.webapp, self.catalog] {
            service.server.await??;
            let report = service.zipkin.shutdown_async(DELIVERY_TIMEOUT).await;
            if report.lost > 0 {
                return Err(report.to_string().into());
            }
        }
        Ok(())
    }
}
