//! A real Envoy: in front of one service, or as a test configures it.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::Http;
use super::logged_process::LoggedProcess;
use super::setup::{eventually, installed_file};

const READY: Duration = Duration::from_secs(30);
const TEMPLATE: &str = include_str!("envoy.yaml");

pub struct Envoy {
    _process: LoggedProcess,
    admin: String,
    listeners: BTreeMap<String, SocketAddr>,
}

impl Envoy {
    /// Proxies every request to `upstream` and reports its spans as `service`. A request with `b3` is
    /// sent on in that format, or with a stale `b3` beside new `x-b3-*`, as every Envoy before 1.40 does.
    pub async fn start(
        dir: &Path,
        http: &Http,
        service: &str,
        upstream: SocketAddr,
        zipkin: SocketAddr,
        keeps_b3: bool,
    ) -> Envoy {
        let config = filled(service, upstream, zipkin, keeps_b3);
        Envoy::run(dir, http, service, &config, &[]).await
    }

    /// Starts Envoy with this configuration, in YAML or JSON.
    pub async fn run(
        dir: &Path,
        http: &Http,
        name: &str,
        config: &str,
        environment: &[(&str, &str)],
    ) -> Envoy {
        let path = dir.join(format!("{name}.yaml"));
        let admin = dir.join(format!("{name}.admin"));
        fs::write(&path, config).expect("the configuration is written");
        // An Envoy of the same name may have run before.
        if admin.exists() {
            fs::remove_file(&admin).expect("the old admin address is removed");
        }
        let mut command = Command::new(installed_file("ENVOY"));
        command
            .args(["--disable-hot-restart", "--concurrency", "1"])
            .args(["--log-level", "warning"])
            // By default, an access log is written after ten seconds.
            .args(["--file-flush-interval-msec", "200"])
            .arg("--config-path")
            .arg(&path)
            .arg("--admin-address-path")
            .arg(&admin)
            .envs(environment.iter().copied());
        let mut process = LoggedProcess::start(dir, name, &mut command);
        let (admin, listeners) = eventually(&format!("{name} listening"), READY, async || {
            process.assert_running();
            listening_on(http, &admin).await
        })
        .await;
        Envoy {
            _process: process,
            admin,
            listeners,
        }
    }

    /// The address of its only listener.
    pub fn addr(&self) -> SocketAddr {
        let mut all = self.listeners.values();
        match (all.next(), all.next()) {
            (Some(addr), None) => *addr,
            _ => panic!("not one listener: {:?}", self.listeners),
        }
    }

    pub fn listener(&self, name: &str) -> SocketAddr {
        let addr = self.listeners.get(name);
        *addr.unwrap_or_else(|| panic!("no listener {name:?} in {:?}", self.listeners))
    }

    /// Its statistics, as Prometheus would get them.
    pub async fn prometheus(&self, http: &Http) -> Result<String, String> {
        let url = format!("http://{}/stats/prometheus", self.admin);
        http.get(&url, &[]).await
    }

    /// The value of a counter.
    pub async fn stat(&self, http: &Http, name: &str) -> Result<u64, String> {
        let url = format!("http://{}/stats?filter=^{name}$", self.admin);
        let text = http.get(&url, &[]).await?;
        let value = text.trim().rsplit(' ').next().unwrap_or_default();
        value.parse().map_err(|_| format!("no number in {text:?}"))
    }
}

fn filled(service: &str, upstream: SocketAddr, zipkin: SocketAddr, keeps_b3: bool) -> String {
    TEMPLATE
        .replace("@KEEPS_B3@", &keeps_b3.to_string())
        .replace("@SERVICE@", service)
        .replace("@UPSTREAM_IP@", &upstream.ip().to_string())
        .replace("@UPSTREAM_PORT@", &upstream.port().to_string())
        .replace("@ZIPKIN_IP@", &zipkin.ip().to_string())
        .replace("@ZIPKIN_PORT@", &zipkin.port().to_string())
}

/// Envoy writes the address of its admin server to a file, and that server lists the listeners'
/// addresses.
async fn listening_on(
    http: &Http,
    admin: &Path,
) -> Result<(String, BTreeMap<String, SocketAddr>), String> {
    let admin = fs::read_to_string(admin).map_err(|e| format!("no admin address: {e}"))?;
    http.get(&format!("http://{admin}/ready"), &[]).await?;
    let url = format!("http://{admin}/listeners?format=json");
    let text = http.get(&url, &[]).await?;
    let all: Value = serde_json::from_str(&text).map_err(|e| format!("{e} in {text}"))?;
    let all = all["listener_statuses"].as_array().into_iter().flatten();
    let listeners: BTreeMap<_, _> = all.filter_map(listener).collect();
    match listeners.is_empty() {
        true => Err(format!("no address in {text}")),
        false => Ok((admin, listeners)),
    }
}

/// A listener that has a port.
fn listener(status: &Value) -> Option<(String, SocketAddr)> {
    let socket = &status["local_address"]["socket_address"];
    let ip = socket["address"].as_str()?.parse().ok()?;
    let port = socket["port_value"].as_u64()?.try_into().ok()?;
    let name = status["name"].as_str()?.to_owned();
    Some((name, SocketAddr::new(ip, port)))
}
