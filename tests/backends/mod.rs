//! Real servers around the services under test, each on loopback ports of its own.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test file uses its part of it"
)]

mod envoy;
mod http;
mod jaeger;
mod kafka;
mod process;
mod services;
mod zipkin;

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

pub use envoy::Envoy;
pub use http::Http;
pub use jaeger::{Jaeger, JaegerSpan, read as jaeger_spans};
pub use kafka::Kafka;
pub use process::Process;
pub use services::{SHOP_ZONE, Service, example_path, listening_on, stop};
pub use zipkin::{Span, Zipkin, now_us};

const SWITCH: &str = "TOWER_B3_REAL_SERVERS";

/// One test's Zipkin and what it needs to start more around it.
pub struct Lab {
    dir: PathBuf,
    pub http: Http,
    pub zipkin: Zipkin,
}

impl Lab {
    /// `None` when the real servers are switched off.
    pub async fn open(test: &str) -> Option<Lab> {
        let dir = bench(test)?;
        let http = Http::new();
        let zipkin = Zipkin::start(&dir, &http).await;
        Some(Lab { dir, http, zipkin })
    }

    pub async fn catalog(&self, args: &[&str]) -> Service {
        Service::start(&self.dir, "catalog", &self.zipkin, args).await
    }

    pub async fn webapp(&self, catalog: SocketAddr, args: &[&str]) -> Service {
        let catalog = format!("http://{catalog}");
        let args = [&["--catalog", &catalog], args].concat();
        Service::start(&self.dir, "webapp", &self.zipkin, &args).await
    }

    pub async fn envoy(&self, service: &str, upstream: SocketAddr) -> Envoy {
        self.envoy_of(service, upstream, true).await
    }

    /// One that keeps `b3`, as Envoy does from 1.40 on, or leaves it stale.
    pub async fn envoy_of(&self, service: &str, upstream: SocketAddr, keeps_b3: bool) -> Envoy {
        let zipkin = self.zipkin.addr();
        Envoy::start(&self.dir, &self.http, service, upstream, zipkin, keeps_b3).await
    }

    /// A GET that must succeed; gives the body.
    pub async fn get(&self, addr: SocketAddr, path: &str, headers: &[(&str, &str)]) -> String {
        let url = format!("http://{addr}{path}");
        let answer = self.http.get(&url, headers).await;
        answer.unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Where a test's servers write; `None` when the real servers are switched off.
pub fn bench(test: &str) -> Option<PathBuf> {
    if std::env::var_os(SWITCH).is_none_or(|value| value != "1") {
        say_skipped(test);
        return None;
    }
    Some(empty_dir(test))
}

/// Written past the test harness, which would keep the line of a test that passes to itself.
fn say_skipped(test: &str) {
    let _ = writeln!(
        io::stderr(),
        "{test}: skipped; to run it, `set -a; source <(tests/backends/install.sh jaeger kafka)` and set {SWITCH}=1"
    );
}

fn empty_dir(test: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("real-servers")
        .join(test);
    if dir.exists() {
        fs::remove_dir_all(&dir).expect("the last run's output can be removed");
    }
    fs::create_dir_all(&dir).expect("a directory for the output can be made");
    dir
}

/// The path in the environment variable `name`, which `install.sh` prints.
fn installed(name: &str) -> PathBuf {
    let path = std::env::var_os(name).map(PathBuf::from);
    path.filter(|path| path.is_file()).unwrap_or_else(|| {
        panic!("{name} names no file: `set -a; source <(tests/backends/install.sh jaeger kafka)` sets it")
    })
}

/// The directory in the environment variable `name`, which `install.sh` prints.
fn installed_dir(name: &str) -> PathBuf {
    let path = std::env::var_os(name).map(PathBuf::from);
    path.filter(|path| path.is_dir()).unwrap_or_else(|| {
        panic!("{name} names no directory: `set -a; source <(tests/backends/install.sh jaeger kafka)` sets it")
    })
}

/// Asks again and again until `probe` succeeds; at the deadline panics with what it said last.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(seen) if Instant::now() >= deadline => {
                panic!("{what}: not within {limit:?}; last seen: {seen}")
            }
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}
