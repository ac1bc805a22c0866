//! An Envoy in front of one service.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::process::Process;
use super::{Http, eventually, installed};

const READY: Duration = Duration::from_secs(30);
const TEMPLATE: &str = include_str!("envoy.yaml");

pub struct Envoy {
    _process: Process,
    addr: SocketAddr,
}

impl Envoy {
    /// Passes every request on to `upstream` and reports its spans as `service`.
    pub async fn start(
        dir: &Path,
        http: &Http,
        service: &str,
        upstream: SocketAddr,
        zipkin: SocketAddr,
    ) -> Envoy {
        let config = dir.join(format!("{service}.yaml"));
        let admin = dir.join(format!("{service}.admin"));
        fs::write(&config, filled(service, upstream, zipkin))
            .expect("the configuration is written");
        let mut command = Command::new(installed("ENVOY"));
        command
            .args(["--disable-hot-restart", "--concurrency", "1"])
            .args(["--log-level", "warning"])
            .arg("--config-path")
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&admin);
        let mut process = Process::start(dir, service, &mut command);
        let addr = eventually(&format!("{service} listening"), READY, async || {
            process.assert_running();
            listening_on(http, &admin).await
        })
        .await;
        Envoy {
            _process: process,
            addr,
        }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

fn filled(service: &str, upstream: SocketAddr, zipkin: SocketAddr) -> String {
    TEMPLATE
        .replace("@SERVICE@", service)
        .replace("@UPSTREAM_IP@", &upstream.ip().to_string())
        .replace("@UPSTREAM_PORT@", &upstream.port().to_string())
        .replace("@ZIPKIN_IP@", &zipkin.ip().to_string())
        .replace("@ZIPKIN_PORT@", &zipkin.port().to_string())
}

/// Envoy writes its admin address to a file, and that knows the listener's.
async fn listening_on(http: &Http, admin: &Path) -> Result<SocketAddr, String> {
    let admin = fs::read_to_string(admin).map_err(|e| format!("no admin address: {e}"))?;
    http.get(&format!("http://{admin}/ready"), &[]).await?;
    let url = format!("http://{admin}/listeners?format=json");
    let listeners = http.get(&url, &[]).await?;
    socket_addr(&listeners).ok_or_else(|| format!("no address in {listeners}"))
}

fn socket_addr(listeners: &str) -> Option<SocketAddr> {
    let listeners: Value = serde_json::from_str(listeners).ok()?;
    let socket = &listeners["listener_statuses"][0]["local_address"]["socket_address"];
    let ip = socket["address"].as_str()?.parse().ok()?;
    let port = socket["port_value"].as_u64()?.try_into().ok()?;
    Some(SocketAddr::new(ip, port))
}
