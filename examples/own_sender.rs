//! A custom sender: a hyper client in a tower stack with a timeout and a concurrency limit. It also
//! runs without a collector: the outcome is printed in either case.
//!
//!     cargo run -p tower-b3 --example own_sender -- http://localhost:9411/api/v2/spans

use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use std::{error::Error, time::Duration};
use tower::ServiceBuilder;
use tower_b3::{
    Tracer,
    report::{BatchOptions, BatchReporter, HttpOptions, MessageBody, TowerSender},
    zipkin::JsonEncoder,
};

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1);
    let url = url
        .as_deref()
        .unwrap_or("http://localhost:9411/api/v2/spans");

    let http = Client::builder(TokioExecutor::new()).build_http::<MessageBody>();
    let http = ServiceBuilder::new()
        .concurrency_limit(4)
        .timeout(Duration::from_secs(2))
        .service(http);
    let sender = TowerSender::new(HttpOptions::new(url).header("x-tenant", "shop"), http)?;
    let reporter = BatchReporter::builder(JsonEncoder, sender)
        .options(BatchOptions::new().retry_for(Duration::from_secs(1)))
        .build()?;

    let tracer = Tracer::builder("nightly")
        .reporter(reporter.clone())
        .build()?;
    tracer
        .span("reconcile")
        .in_scope(|| tower_b3::tag("invoices", "12"));

    println!("{}", reporter.shutdown(Duration::from_secs(5)));
    if let Some(error) = reporter.stats().last_error {
        println!("{}", error.message);
    }
    Ok(())
}
