//! The services as processes: options, headers, routes, output and shutdown.

mod headers;
mod metrics;
mod options;
mod processes;
mod routes;

use serde_json::Value;
use test_kit::{Process, http::get};

const CATALOG: &str = env!("CARGO_BIN_EXE_catalog");
const WEBAPP: &str = env!("CARGO_BIN_EXE_webapp");

/// Both services; webapp calls the catalog.
struct Shop {
    catalog: Process,
    webapp: Process,
}

impl Shop {
    fn open(args: &[&str]) -> Shop {
        let catalog = Process::listen(CATALOG, args);
        let url = format!("http://{}", catalog.address());
        let webapp = Process::listen(WEBAPP, &[&["--catalog", &url], args].concat());
        Shop { catalog, webapp }
    }

    /// What webapp sends to the catalog for a request with these headers.
    fn injected(&self, headers: &[(&str, &str)]) -> Value {
        let answer = get(self.webapp.address(), "/headers", headers);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["headers"].clone()
    }
}
