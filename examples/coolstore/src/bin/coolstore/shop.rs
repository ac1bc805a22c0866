//! The shop: catalog, webapp and the collector of their spans, each on a separate port.

use axum::{Router, body::Body, http::Request};
use coolstore::{
    catalog,
    collector::Collector,
    server::serve,
    traced::Traced,
    webapp::{self, CatalogUrl},
};
use futures_util::future::{BoxFuture, Shared, pending};
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
    pub collector: Collector,
    pub client: legacy::Client<HttpConnector, Body>,
    collector_address: SocketAddr,
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
    pub async fn open(stop: Stop) -> Result<Shop, Failure> {
        let collector = Collector::default();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let collector_address = listener.local_addr()?;
        // The collector must outlive the services to receive their last spans, so it never stops.
        tokio::spawn(serve(listener, collector.router(), pending()));

        let catalog =
            Service::start("catalog", collector_address, stop.clone(), catalog::router).await?;
        let url: CatalogUrl = format!("http://{}", catalog.address).parse()?;
        let webapp = |traced| webapp::router(traced, url);
        let webapp = Service::start("webapp", collector_address, stop, webapp).await?;
        Ok(Shop {
            collector,
            client: legacy::Client::builder(TokioExecutor::new()).build_http(),
            collector_address,
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

    /// Commands to try while the shop is open.
    pub fn addresses(&self) -> String {
        format!(
            "\nThe shop is open until Ctrl-C:\n  \
             curl -i http://{webapp}/api/catalog\n  \
             curl -s http://{webapp}/headers\n  \
             curl -X POST http://{catalog}/blowup -d '{{\"fail_percent\": 50}}'\n  \
             curl -s http://{webapp}/reporter\n  \
             curl -s http://{collector}/api/v2/trace/TRACE_ID",
            webapp = self.webapp.address,
            catalog = self.catalog.address,
            collector = self.collector_address,
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
