//! The programs webapp and catalog, with `--metrics`, in one Prometheus.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use test_kit::backends::{Http, LoggedProcess, Prometheus, eventually};
use test_kit::command;

use super::traffic::Customer;

const UNSAMPLED: [&str; 2] = ["--sampling", "0"];
const STARTED: Duration = Duration::from_secs(20);

pub struct Program {
    _process: LoggedProcess,
    pub addr: SocketAddr,
    pub scraped: SocketAddr,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_scrapes_both_programs() {
    let Some(dir) = crate::test_dir("prometheus_scrapes_both_programs") else {
        return;
    };
    let catalog = start(&dir, "catalog", env!("CARGO_BIN_EXE_catalog"), &UNSAMPLED).await;
    let url = format!("http://{}", catalog.addr);
    let args = [&UNSAMPLED[..], &["--catalog", &url]].concat();
    let webapp = start(&dir, "webapp", env!("CARGO_BIN_EXE_webapp"), &args).await;
    let targets = [("webapp", webapp.scraped), ("catalog", catalog.scraped)];
    let prometheus = Prometheus::start(&dir, &Http::default(), &targets).await;

    let customer = Customer::default();
    let all = "/api/catalog";
    customer.get(webapp.addr, all, 300, &[200]).await;

    for reporter in ["source", "destination"] {
        let labels = [
            format!("reporter=\"{reporter}\""),
            "source_workload=\"webapp\"".to_owned(),
            "source_workload_namespace=\"shop\"".to_owned(),
            "destination_workload=\"catalog\"".to_owned(),
            "response_code=\"200\"".to_owned(),
        ];
        let expression = format!("istio_requests_total{{{}}}", labels.join(","));
        prometheus.wait_for(&expression, 300.0).await;
    }
    let served = "istio_requests_total{job=\"webapp\",reporter=\"destination\"}";
    prometheus.wait_for(served, 300.0).await;
    prometheus
        .wait_for("istio_build{component=\"proxy\"}", 2.0)
        .await;
}

pub async fn start(dir: &Path, name: &str, program: &str, args: &[&str]) -> Program {
    let free = "127.0.0.1:0";
    let mut command = command(program, &["--listen", free, "--metrics", free]);
    command
        .args(args)
        .env("POD_NAMESPACE", "shop")
        .env("ISTIO_META_WORKLOAD_NAME", name);
    let mut process = LoggedProcess::start(dir, name, &mut command);
    let [addr, scraped] = eventually(&format!("{name} listening"), STARTED, async || {
        process.assert_running();
        let stdout = process.stdout();
        let address = |prefix: &str| {
            let mut lines = stdout.lines();
            let url = lines.find_map(|line| line.strip_prefix(prefix));
            let addr = url.and_then(|url| url.split('/').next()?.parse().ok());
            addr.ok_or_else(|| format!("{prefix}: not in {stdout:?}"))
        };
        Ok::<_, String>([
            address("listening on http://")?,
            address("metrics on http://")?,
        ])
    })
    .await;
    Program {
        _process: process,
        addr,
        scraped,
    }
}
