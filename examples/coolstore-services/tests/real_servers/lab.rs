//! webapp and catalog with a separate Zipkin, and Envoys in front of them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use test_kit::backends::{Envoy, Http, LoggedProcess, Zipkin, eventually, listening_on};
use test_kit::command;

use crate::test_dir;

const READY: Duration = Duration::from_secs(20);
const STOPPED: Duration = Duration::from_secs(20);

/// The value of the environment variable that a custom tag is read from.
pub const SHOP_ZONE: &str = "zone-1";

/// The Zipkin of a test, and the settings for starting services and Envoys.
pub struct Lab {
    dir: PathBuf,
    http: Http,
    pub zipkin: Zipkin,
}

impl Lab {
    /// `None` if the real servers are switched off.
    pub async fn open(test: &str) -> Option<Lab> {
        let dir = test_dir(test)?;
        let http = Http::default();
        let zipkin = Zipkin::start(&dir, &http).await;
        Some(Lab { dir, http, zipkin })
    }

    pub async fn catalog(&self, args: &[&str]) -> Service {
        let program = env!("CARGO_BIN_EXE_catalog");
        self.service("catalog", program, args).await
    }

    pub async fn webapp(&self, catalog: SocketAddr, args: &[&str]) -> Service {
        let catalog = format!("http://{catalog}");
        let args = [&["--catalog", &catalog], args].concat();
        self.service("webapp", WEBAPP, &args).await
    }

    async fn service(&self, name: &str, program: &str, args: &[&str]) -> Service {
        let collector = self.zipkin.collector();
        let environment = [("SHOP_ZONE", SHOP_ZONE)];
        Service::start(&self.dir, name, program, &collector, args, &environment).await
    }

    pub async fn envoy(&self, service: &str, upstream: SocketAddr) -> Envoy {
        self.envoy_of(service, upstream, true).await
    }

    /// An Envoy that preserves the `b3` format, as from 1.40 on, or leaves `b3` stale beside `x-b3-*`.
    pub async fn envoy_of(&self, service: &str, upstream: SocketAddr, keeps_b3: bool) -> Envoy {
        let zipkin = self.zipkin.addr();
        Envoy::start(&self.dir, &self.http, service, upstream, zipkin, keeps_b3).await
    }

    /// Sends a GET request that must succeed, and returns the body.
    pub async fn get(&self, addr: SocketAddr, path: &str, headers: &[(&str, &str)]) -> String {
        let url = format!("http://{addr}{path}");
        let body = self.http.get(&url, headers).await;
        body.unwrap_or_else(|error| panic!("{error}"))
    }
}

const WEBAPP: &str = env!("CARGO_BIN_EXE_webapp");

/// Starts webapp or catalog as a process.
pub struct Service {
    process: LoggedProcess,
    addr: SocketAddr,
}

impl Service {
    /// Starts webapp, which reports to the Zipkin at this URL.
    pub async fn webapp(
        dir: &Path,
        collector: &str,
        args: &[&str],
        environment: &[(&str, &str)],
    ) -> Service {
        Service::start(dir, "webapp", WEBAPP, collector, args, environment).await
    }

    async fn start(
        dir: &Path,
        name: &str,
        program: &str,
        collector: &str,
        args: &[&str],
        environment: &[(&str, &str)],
    ) -> Service {
        let mut command = command(program, &["--listen", "127.0.0.1:0", "--zipkin", collector]);
        command.args(args).envs(environment.iter().copied());
        let mut process = LoggedProcess::start(dir, name, &mut command);
        let addr = eventually(&format!("{name} listening"), READY, async || {
            process.assert_running();
            listening_on(&process.stdout())
        })
        .await;
        Service { process, addr }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// Stops the services at once, as an orchestrator does, and checks how they end.
pub async fn stop<const N: usize>(services: [Service; N]) {
    for service in &services {
        service.process.terminate();
    }
    for mut service in services {
        let status = service.process.exit_status(STOPPED).await;
        assert!(status.success(), "stopped with {status}");
        let stdout = service.process.stdout();
        assert_eq!(stdout.lines().count(), 1, "on stdout: {stdout:?}");
    }
}
