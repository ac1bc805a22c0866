//! The metrics of webapp and catalog in a real Prometheus, and what Istio's dashboards, Kiali's graph and
//! a real Envoy say about the same requests.

mod counts;
mod dashboard;
mod graph;
mod oracle;
mod page;
mod programs;
mod queries;
mod shop;
mod traffic;

use std::path::PathBuf;
use test_kit::backends::{Http, Prometheus, Zipkin};

use shop::Shop;

/// The shop of a test, with the Zipkin that gets its spans and the Prometheus that scrapes it.
struct Stage {
    dir: PathBuf,
    http: Http,
    zipkin: Zipkin,
    shop: Shop,
    prometheus: Prometheus,
}

impl Stage {
    /// `None` if the real servers are switched off.
    async fn open(test: &str) -> Option<Stage> {
        let dir = crate::test_dir(test)?;
        let http = Http::default();
        let zipkin = Zipkin::start(&dir, &http).await;
        let shop = Shop::start(&zipkin.collector()).await;
        let prometheus = Prometheus::start(&dir, &http, &shop.targets()).await;
        Some(Stage {
            dir,
            http,
            zipkin,
            shop,
            prometheus,
        })
    }
}
