//! The whole shop in one process: catalog, webapp and a collector for their spans. It sends a
//! few requests and shows what became of them.
//!
//! ```sh
//! cargo run --example coolstore --all-features
//! ```

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use clap::Parser;
use futures_util::future::{BoxFuture, FutureExt, Shared, pending, select};
use http_body_util::BodyExt;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::{
    error::Error,
    fmt::Write as _,
    io::{self, IsTerminal, Write as _},
    net::SocketAddr,
    process::ExitCode,
    time::Duration,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tower_b3::{
    Tracer, Trust, report::TraceTree, sample::Sampler, tag::Tag, zipkin::ZipkinReporter,
};

mod shop {
    pub mod catalog;
    pub mod collector;
    pub mod serve;
    pub mod webapp;
}

use shop::{
    catalog,
    collector::Collector,
    serve::{self, Traced, serve, stop_signal},
    webapp::{self, CatalogUrl},
};

/// For the spans of a request to arrive.
const ARRIVAL: Duration = Duration::from_secs(5);
/// How long a span waits for others to be sent with it.
const BATCH_AGE: Duration = Duration::from_millis(50);

/// The whole shop in one process. It sends a few requests and prints their traces.
#[derive(Parser)]
#[command(name = "coolstore")]
struct Cli {
    /// End when the traces are printed, instead of serving on until Ctrl-C
    #[arg(long)]
    once: bool,
}

type Failure = Box<dyn Error + Send + Sync>;
type Stop = Shared<BoxFuture<'static, ()>>;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    serve::log("error");
    match run(cli.once).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing can be said on a console that is gone.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(once: bool) -> Result<(), Failure> {
    let (close, closed) = oneshot::channel();
    let stop: Stop = select(Box::pin(stop_signal()?), closed)
        .map(drop)
        .boxed()
        .shared();
    let shop = Shop::open(stop.clone()).await?;
    tokio::select! {
        shown = shop.demonstrate() => shown?,
        () = stop.clone() => {}
    }
    if !once {
        say(&shop.addresses())?;
        stop.await;
    }
    // Nobody listens any more if a signal has come first.
    let _ = close.send(());
    shop.close().await
}

const POINTER: &str = "To see such traces in a real Zipkin, run `cargo run --all-features --example catalog` \
    and `cargo run --all-features --example webapp`, each with \
    `-- --zipkin http://localhost:9411/api/v2/spans`.";

/// A console that is gone is an error here, not a panic.
fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

struct Shop {
    collector: Collector,
    collector_address: SocketAddr,
    catalog: Service,
    webapp: Service,
    client: legacy::Client<HttpConnector, Body>,
}

/// A service with a tracer and a reporter of its own, as in a process of its own.
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
            .max_age(BATCH_AGE)
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

/// A request to webapp, and what is to come of it.
struct Scene {
    what: &'static str,
    path: &'static str,
    header: Option<(&'static str, &'static str)>,
    status: StatusCode,
    /// Of webapp a SERVER and a CLIENT span, of catalog a SERVER span and, where it gets that
    /// far, one for its own work. None at all if the request is not traced.
    spans: usize,
}

const PLAIN: Scene = Scene {
    what: "A plain request",
    path: "/api/catalog",
    header: None,
    status: StatusCode::OK,
    spans: 4,
};
const UNSAMPLED: Scene = Scene {
    what: "At 0 % sampling nothing is traced",
    spans: 0,
    ..PLAIN
};
const FORCED: Scene = Scene {
    what: "At 0 % sampling, but forced",
    header: Some(("x-envoy-force-trace", "true")),
    ..PLAIN
};
const FAILING: Scene = Scene {
    what: "The catalog fails, after POST /blowup",
    status: StatusCode::SERVICE_UNAVAILABLE,
    spans: 3,
    ..PLAIN
};
const TAGGED: Scene = Scene {
    what: "Custom tags: a literal, one of the environment, one of a request header",
    path: "/api/catalog/items/3",
    header: Some(("x-tenant", "acme")),
    ..PLAIN
};

impl Shop {
    async fn open(stop: Stop) -> Result<Shop, Failure> {
        let collector = Collector::default();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let collector_address = listener.local_addr()?;
        // It outlives the services, for their last spans, and ends with the process.
        tokio::spawn(serve(listener, collector.router(), pending()));

        let catalog =
            Service::start("catalog", collector_address, stop.clone(), catalog::router).await?;
        let url: CatalogUrl = format!("http://{}", catalog.address).parse()?;
        let webapp = |traced| webapp::router(traced, url);
        let webapp = Service::start("webapp", collector_address, stop, webapp).await?;
        Ok(Shop {
            collector,
            collector_address,
            catalog,
            webapp,
            client: legacy::Client::builder(TokioExecutor::new()).build_http(),
        })
    }

    async fn demonstrate(&self) -> Result<(), Failure> {
        self.play(&PLAIN).await?;

        self.set_sampler(&Sampler::percentage(0.0)?);
        self.play(&UNSAMPLED).await?;
        self.play(&FORCED).await?;
        self.set_sampler(&Sampler::always());

        self.blow_up(r#"{"fail_percent": 100, "status": 503}"#)
            .await?;
        self.play(&FAILING).await?;
        self.blow_up("{}").await?;

        self.play(&TAGGED).await?;
        Ok(say(POINTER)?)
    }

    fn set_sampler(&self, sampler: &Sampler) {
        for service in [&self.catalog, &self.webapp] {
            service.tracer.set_sampler(sampler.clone());
        }
    }

    /// Sends the request and prints its trace as the collector has it.
    async fn play(&self, scene: &Scene) -> Result<(), Failure> {
        let url = format!("http://{}{}", self.webapp.address, scene.path);
        let mut request = Request::get(url);
        let mut sent = format!("GET {}", scene.path);
        if let Some((name, value)) = scene.header {
            request = request.header(name, value);
            write!(sent, " with {name}: {value}")?;
        }
        let response = self.client.request(request.body(Body::empty())?).await?;
        let status = response.status();
        if status != scene.status {
            return Err(format!("{sent}: the answer is {status}, not {}", scene.status).into());
        }
        let request_id = match response.headers().get("x-request-id") {
            Some(id) => id.to_str()?.to_owned(),
            None => return Err(format!("{sent}: no x-request-id on the answer").into()),
        };
        // Read to its end, which ends webapp's span.
        response.into_body().collect().await?;
        say(&format!("{}\n{sent}: {status}", scene.what))?;
        say(&self.trace(&request_id, scene.spans).await?)?;
        Ok(())
    }

    async fn trace(&self, request_id: &str, spans: usize) -> Result<String, Failure> {
        if spans == 0 {
            self.flush().await?;
            return match self.collector.has_seen(request_id) {
                true => Err(format!("request {request_id} was traced, at 0 % sampling").into()),
                false => Ok("no trace\n".to_owned()),
            };
        }
        let records = self.collector.tree(request_id, spans, ARRIVAL).await?;
        let colored = io::stdout().is_terminal();
        Ok(TraceTree::new(&records).colored(colored).to_string())
    }

    /// Tells the catalog how to misbehave, untraced.
    async fn blow_up(&self, how: &'static str) -> Result<(), Failure> {
        let request = Request::post(format!("http://{}/blowup", self.catalog.address))
            .header("b3", "0")
            .body(Body::from(how))?;
        let status = self.client.request(request).await?.status();
        match status.is_success() {
            true => Ok(()),
            false => Err(format!("POST /blowup {how}: the answer is {status}").into()),
        }
    }

    /// Sends the spans that have finished so far.
    async fn flush(&self) -> Result<(), Failure> {
        for service in [&self.catalog, &self.webapp] {
            if !service.zipkin.flush_async(ARRIVAL).await {
                return Err(format!("spans are not sent within {ARRIVAL:?}").into());
            }
        }
        Ok(())
    }

    fn addresses(&self) -> String {
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
    async fn close(self) -> Result<(), Failure> {
        for service in [self.webapp, self.catalog] {
            service.server.await??;
            let report = service.zipkin.shutdown_async(ARRIVAL).await;
            if report.lost > 0 {
                return Err(report.to_string().into());
            }
        }
        Ok(())
    }
}
