//! A Prometheus that scrapes the servers of a test, and its query API.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::Http;
use super::logged_process::LoggedProcess;
use super::setup::{eventually, installed_file};

const READY: Duration = Duration::from_secs(30);
const SCRAPED: Duration = Duration::from_secs(30);

pub struct Prometheus {
    _process: LoggedProcess,
    http: Http,
    addr: SocketAddr,
}

/// A series of an answer, with its last value.
#[derive(Debug)]
pub struct Sample {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Sample {
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

impl Prometheus {
    /// Scrapes `/stats/prometheus` of these addresses once a second, and keeps exemplars.
    pub async fn start(dir: &Path, http: &Http, targets: &[(&str, SocketAddr)]) -> Prometheus {
        let jobs: Vec<Value> = targets.iter().map(job).collect();
        // JSON is YAML.
        let config = json!({
            "global": { "scrape_interval": "1s", "scrape_timeout": "1s" },
            "scrape_configs": jobs,
        });
        let path = dir.join("prometheus.yml");
        fs::write(&path, config.to_string()).expect("the configuration is written");
        let mut command = Command::new(installed_file("PROMETHEUS"));
        command
            .arg(format!("--config.file={}", path.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                dir.join("tsdb").display()
            ))
            .args(["--web.listen-address=127.0.0.1:0"])
            .args(["--enable-feature=exemplar-storage"]);
        let mut process = LoggedProcess::start(dir, "prometheus", &mut command);
        let addr = eventually("Prometheus ready", READY, async || {
            process.assert_running();
            ready_at(http, &process.stderr()).await
        })
        .await;
        Prometheus {
            _process: process,
            http: http.clone(),
            addr,
        }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The present values of an expression.
    pub async fn query(&self, expression: &str) -> Result<Vec<Sample>, String> {
        let data = self.api("query", &[("query", expression)]).await?;
        Ok(samples(&data))
    }

    /// The last values of an expression over the last minute.
    pub async fn query_range(&self, expression: &str) -> Result<Vec<Sample>, String> {
        let now = super::now_us() / 1_000_000;
        let parameters = [
            ("query", expression),
            ("start", &(now - 60).to_string()),
            ("end", &(now + 1).to_string()),
            ("step", "5"),
        ];
        let data = self.api("query_range", &parameters).await?;
        Ok(samples(&data))
    }

    /// The exemplars of the last ten minutes.
    pub async fn exemplars(&self, expression: &str) -> Result<Vec<Value>, String> {
        let now = super::now_us() / 1_000_000;
        let parameters = [
            ("query", expression),
            ("start", &(now - 600).to_string()),
            ("end", &(now + 1).to_string()),
        ];
        let data = self.api("query_exemplars", &parameters).await?;
        let series = data.as_array().into_iter().flatten();
        let exemplars = series.flat_map(|one| one["exemplars"].as_array().cloned());
        Ok(exemplars.flatten().collect())
    }

    /// Waits until the sum of an expression is this, which includes that it has been scraped.
    pub async fn wait_for(&self, expression: &str, expected: f64) {
        eventually(&format!("{expression} = {expected}"), SCRAPED, async || {
            let samples = self.query(expression).await?;
            let sum: f64 = samples.iter().map(|sample| sample.value).sum();
            match sum == expected {
                true => Ok(()),
                false => Err(format!("{sum}: {samples:#?}")),
            }
        })
        .await;
    }

    /// The field `data` of an answer of the API v1.
    pub async fn api(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
        let parameters: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", percent_encoded(value)))
            .collect();
        let url = format!("{}/api/v1/{path}?{}", self.url(), parameters.join("&"));
        let answer = self.http.get(&url, &[]).await?;
        let mut answer: Value =
            serde_json::from_str(&answer).map_err(|error| format!("{error} in {answer}"))?;
        Ok(answer["data"].take())
    }

    /// What `promtool check metrics` says about a text.
    pub fn check_metrics(text: &str) -> Output {
        let promtool = installed_file("PROMETHEUS").with_file_name("promtool");
        let mut child = Command::new(promtool)
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(text.as_bytes()).expect("promtool reads");
        drop(stdin);
        child.wait_with_output().expect("promtool ends")
    }
}

fn job((name, addr): &(&str, SocketAddr)) -> Value {
    json!({
        "job_name": name,
        "metrics_path": "/stats/prometheus",
        "static_configs": [{ "targets": [addr.to_string()] }],
    })
}

/// Prometheus logs the port that the system chose.
async fn ready_at(http: &Http, log: &str) -> Result<SocketAddr, String> {
    let (_, rest) = log
        .split_once("msg=\"Listening on\" address=")
        .ok_or("not listening")?;
    let addr = rest.split_whitespace().next().unwrap_or_default();
    http.get(&format!("http://{addr}/-/ready"), &[]).await?;
    addr.parse().map_err(|error| format!("{addr}: {error}"))
}

fn samples(data: &Value) -> Vec<Sample> {
    let series = data["result"].as_array().into_iter().flatten();
    let sample = |one: &Value| {
        let last = one["values"].as_array().and_then(|values| values.last());
        let value = last.unwrap_or(&one["value"])[1].as_str()?.parse().ok()?;
        let labels = one["metric"].as_object().into_iter().flatten();
        let labels = labels.filter_map(|(name, value)| {
            let value = value.as_str()?.to_owned();
            Some((name.clone(), value))
        });
        Some(Sample {
            labels: labels.collect(),
            value,
        })
    };
    series.filter_map(sample).collect()
}

fn percent_encoded(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' => (byte as char).to_string(),
        other => format!("%{other:02X}"),
    });
    encoded.collect()
}
