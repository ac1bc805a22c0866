//! The services under test: the examples `webapp` and `catalog`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::Process;
use super::{Zipkin, eventually};

const READY: Duration = Duration::from_secs(20);
const STOPPED: Duration = Duration::from_secs(20);

/// For the tag that comes from the environment.
pub const SHOP_ZONE: &str = "zone-1";

pub struct Service {
    process: Process,
    addr: SocketAddr,
}

impl Service {
    pub async fn start(dir: &Path, example: &str, zipkin: &Zipkin, args: &[&str]) -> Service {
        let environment = [("SHOP_ZONE", SHOP_ZONE)];
        Service::run(dir, example, &zipkin.collector(), args, &environment).await
    }

    /// Reports to the collector at this URL.
    pub async fn run(
        dir: &Path,
        example: &str,
        collector: &str,
        args: &[&str],
        environment: &[(&str, &str)],
    ) -> Service {
        let mut command = Command::new(example_path(example));
        command
            .args(["--listen", "127.0.0.1:0"])
            .args(["--zipkin", collector])
            .args(args)
            .envs(environment.iter().copied());
        let mut process = Process::start(dir, example, &mut command);
        let addr = eventually(&format!("{example} listening"), READY, async || {
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

/// Stops the services as an orchestrator does, all at once, and sees that they end well.
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

/// The examples lie beside the directory of the test's own executable.
pub fn example_path(example: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let profile = test.ancestors().nth(2).expect("a target directory");
    let path = profile
        .join("examples")
        .join(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.is_file(),
        "{} is not there; `cargo build --examples --all-features` makes it",
        path.display()
    );
    path
}

/// Where a service listens, as it says on stdout.
pub fn listening_on(stdout: &str) -> Result<SocketAddr, String> {
    let line = stdout.strip_suffix('\n');
    line.and_then(|line| line.strip_prefix("listening on http://"))
        .and_then(|addr| addr.parse().ok())
        .ok_or_else(|| format!("{stdout:?} on stdout"))
}
