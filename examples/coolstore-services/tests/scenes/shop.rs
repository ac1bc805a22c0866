//! webapp and catalog, configured by a document.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use test_kit::backends::{LoggedProcess, eventually, listening_on};
use test_kit::command;

use super::document::Document;
use super::stage::Stage;

const READY: Duration = Duration::from_secs(20);
const STOPPED: Duration = Duration::from_secs(20);

/// The value of the environment variable that a custom tag is read from.
pub const SHOP_ZONE: &str = "zone-1";

/// The programs, by name.
const CATALOG: (&str, &str) = ("catalog", env!("CARGO_BIN_EXE_catalog"));
const WEBAPP: (&str, &str) = ("webapp", env!("CARGO_BIN_EXE_webapp"));

pub struct Shop {
    pub webapp: Service,
    pub catalog: Service,
}

impl Shop {
    pub async fn open(dir: &Path, name: &str, webapp: &Document, catalog: &Document) -> Shop {
        let catalog = Service::start(dir, CATALOG, name, catalog, &[]).await;
        let url = format!("http://{}", catalog.addr);
        let webapp = Service::start(dir, WEBAPP, name, webapp, &["--catalog", &url]).await;
        Shop { webapp, catalog }
    }

    /// Requests the catalogue from webapp.
    pub async fn visit(&self, stage: &Stage, headers: &[(&str, &str)]) {
        stage.get(self.webapp.addr, "/api/catalog", headers).await;
    }

    /// What webapp sends to the catalog for a request with these headers.
    pub async fn headers(&self, stage: &Stage, headers: &[(&str, &str)]) -> Value {
        let answer = stage.get(self.webapp.addr, "/headers", headers).await;
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        answer["headers"].clone()
    }

    /// Stops both services as an orchestrator does; they send their remaining spans.
    pub async fn close(self) {
        self.webapp.process.terminate();
        self.catalog.process.terminate();
        for mut service in [self.webapp, self.catalog] {
            let status = service.process.exit_status(STOPPED).await;
            assert!(status.success(), "{} stopped with {status}", service.name);
        }
    }
}

pub struct Service {
    /// The service name in its spans.
    pub name: String,
    pub addr: SocketAddr,
    process: LoggedProcess,
    stderr: PathBuf,
}

impl Service {
    async fn start(
        dir: &Path,
        (program, path): (&str, &str),
        name: &str,
        document: &Document,
        args: &[&str],
    ) -> Service {
        let name = format!("{program}-{name}");
        let mut command = command(path, &["--listen", "127.0.0.1:0", "--service", &name]);
        command
            .args(["--config", document.path()])
            .args(args)
            .env("SHOP_ZONE", SHOP_ZONE);
        let mut process = LoggedProcess::start(dir, &name, &mut command);
        let addr = eventually(&format!("{name} listening"), READY, async || {
            process.assert_running();
            listening_on(&process.stdout())
        })
        .await;
        Service {
            stderr: dir.join(format!("{name}.stderr")),
            name,
            addr,
            process,
        }
    }

    /// The counters of its reporter.
    pub async fn stats(&self, stage: &Stage) -> Value {
        let stats = stage.get(self.addr, "/reporter", &[]).await;
        serde_json::from_str(&stats).expect("JSON")
    }

    /// The lines of its log that contain all these words.
    pub fn log(&self, words: &[&str]) -> Vec<String> {
        let log = std::fs::read_to_string(&self.stderr).expect("a log");
        let lines = log
            .lines()
            .filter(|line| words.iter().all(|word| line.contains(word)));
        lines.map(str::to_owned).collect()
    }
}
