//! The metrics that the services serve.

use crate::{CATALOG, WEBAPP};
use std::{fs, net::SocketAddr};
use test_kit::{Process, eventually, http::get, refusal};

const METRICS: [&str; 4] = ["--sampling", "0", "--metrics", "127.0.0.1:0"];

/// Where a service serves its metrics, by what it printed.
fn metrics_address(process: &Process) -> SocketAddr {
    eventually("the address of the metrics", || {
        let stdout = process.stdout();
        let mut lines = stdout.lines().map(str::to_owned);
        let url =
            lines.find_map(|line| Some(line.strip_prefix("metrics on http://")?.to_owned()))?;
        url.strip_suffix("/metrics")?.parse().ok()
    })
}

/// The value of the only series of a metric with these labels.
fn value(process: &Process, metric: &str, labels: &[&str]) -> Option<String> {
    let answer = get(metrics_address(process), "/stats/prometheus", &[]);
    assert_eq!(answer.status, 200);
    let text = answer.text();
    let mut lines = text.lines().filter(|line| {
        line.starts_with(&format!("{metric}{{")) && labels.iter().all(|label| line.contains(label))
    });
    let line = lines.next()?;
    assert_eq!(lines.next(), None, "{text}");
    Some(line.rsplit_once(' ')?.1.to_owned())
}

fn environment(workload: &'static str) -> [(&'static str, &'static str); 2] {
    [
        ("POD_NAMESPACE", "shop"),
        ("ISTIO_META_WORKLOAD_NAME", workload),
    ]
}

fn start(program: &str, workload: &'static str, args: &[&str]) -> Process {
    let args = [&["--listen", "127.0.0.1:0"], args].concat();
    Process::start(program, &args, &environment(workload))
}

#[test]
fn both_services_count_a_request_under_each_others_names() {
    let catalog = start(CATALOG, "catalog", &METRICS);
    let url = format!("http://{}", catalog.address());
    let webapp = start(
        WEBAPP,
        "webapp",
        &[&METRICS[..], &["--catalog", &url]].concat(),
    );
    for _ in 0..3 {
        assert_eq!(get(webapp.address(), "/api/catalog", &[]).status, 200);
    }
    let between = [
        "source_workload=\"webapp\"",
        "destination_workload=\"catalog\"",
        "destination_workload_namespace=\"shop\"",
        "response_code=\"200\"",
    ];
    for (process, reporter) in [(&webapp, "source"), (&catalog, "destination")] {
        let reporter = format!("reporter=\"{reporter}\"");
        let labels = [&between[..], &[&reporter]].concat();
        eventually("three requests", || {
            let count = value(process, "istio_requests_total", &labels)?;
            (count == "3").then_some(())
        });
        let answer = get(metrics_address(process), "/metrics", &[]);
        assert!(answer.text().contains("istio_build{"), "{answer:?}");
    }
}

#[test]
fn the_documents_shape_the_metrics() {
    let path = std::env::temp_dir().join(format!("coolstore-metrics-{}.yaml", std::process::id()));
    let document = |label: &str| {
        format!(
            "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {{ name: labels, namespace: shop }}
spec:
  metrics:
  - providers: [ {{ name: prometheus }} ]
    overrides:
    - match: {{ metric: REQUEST_COUNT }}
      tagOverrides:
        {label}: {{ value: request.method }}
"
        )
    };
    fs::write(&path, document("method")).expect("the document is written");
    let config = ["--config", path.to_str().expect("a path in UTF-8")];
    let catalog = start(CATALOG, "catalog", &[&METRICS[..], &config].concat());
    let count = |label: &str| {
        get(catalog.address(), "/items", &[]);
        value(&catalog, "istio_requests_total", &[label])
    };
    eventually("the label of the file", || count("method=\"GET\""));
    fs::write(&path, document("verb")).expect("the document is written");
    eventually("the label of the changed file", || count("verb=\"GET\""));
    fs::remove_file(&path).expect("the document is removed");
}

#[test]
fn an_address_of_metrics_that_is_taken_is_refused() {
    let running = Process::listen(CATALOG, &[]);
    let taken = running.address().to_string();
    for address in ["metrics", &taken] {
        let args = ["--listen", "127.0.0.1:0", "--metrics", address];
        let error = refusal(CATALOG, &args);
        assert!(error.contains("--metrics <ADDR>"), "{error}");
        assert!(error.contains(address), "{error}");
    }
}
