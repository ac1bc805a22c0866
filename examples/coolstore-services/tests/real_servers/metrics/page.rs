//! The commands of the guide page "From a metric to a trace to a log line", as they stand there, but for
//! the addresses.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use test_kit::backends::{Http, Prometheus, Zipkin, eventually};

use super::programs::start;

const PAGE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../src/guide/metric_trace_log.md"
));
const SHOWN: Duration = Duration::from_secs(20);

/// The commands of a section, in the order of the page.
fn commands(section: &str) -> Vec<&'static str> {
    let mut sections = PAGE.split("\n## ");
    let section = sections.find(|text| text.starts_with(section));
    let blocks = section.expect("the section").split("```sh\n").skip(1);
    let commands: Vec<&str> = blocks
        .map(|block| block.split_once("```").expect("the block's end").0)
        .collect();
    assert!(!commands.is_empty());
    commands
}

/// What a command prints; the addresses of the page are replaced by those of the test.
struct Shell<'a> {
    dir: &'a Path,
    addresses: [(&'static str, SocketAddr); 5],
}

impl Shell<'_> {
    fn run(&self, command: &str, trace_id: &str) -> String {
        let replace =
            |text: String, (page, here): &(&str, SocketAddr)| text.replace(page, &here.to_string());
        let command = self.addresses.iter().fold(command.to_owned(), replace);
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &command])
            .env("TRACE_ID", trace_id)
            .current_dir(self.dir)
            .output()
            .expect("bash runs");
        let text = String::from_utf8(output.stdout).expect("text");
        let error = String::from_utf8_lossy(&output.stderr);
        // `grep` that finds nothing.
        let found_nothing = output.status.code() == Some(1) && error.is_empty();
        assert!(
            output.status.success() || found_nothing,
            "{command}: {error}"
        );
        text
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_the_page_lead_from_the_metric_to_the_log_line() {
    let name = "the_commands_of_the_page_lead_from_the_metric_to_the_log_line";
    let Some(dir) = crate::test_dir(name) else {
        return;
    };
    let http = Http::default();
    let zipkin = Zipkin::start(&dir, &http).await;
    let collector = zipkin.collector();
    let args = ["--zipkin", &collector, "--log-format", "json"];
    let catalog = start(&dir, "catalog", env!("CARGO_BIN_EXE_catalog"), &args).await;
    let url = format!("http://{}", catalog.addr);
    let args = [&args[..], &["--catalog", &url]].concat();
    let webapp = start(&dir, "webapp", env!("CARGO_BIN_EXE_webapp"), &args).await;
    let targets = [("webapp", webapp.scraped), ("catalog", catalog.scraped)];
    let prometheus = Prometheus::start(&dir, &http, &targets).await;
    for name in ["webapp", "catalog"] {
        let (log, stderr) = (format!("{name}.log"), format!("{name}.stderr"));
        std::os::unix::fs::symlink(dir.join(stderr), dir.join(log)).expect("a link");
    }
    let shell = Shell {
        dir: &dir,
        addresses: [
            ("127.0.0.1:8081", catalog.addr),
            ("127.0.0.1:8080", webapp.addr),
            ("127.0.0.1:15020", catalog.scraped),
            ("127.0.0.1:9090", prometheus.addr()),
            ("127.0.0.1:9411", zipkin.addr()),
        ],
    };

    let traffic = PAGE
        .split("```sh\n")
        .find(|block| block.contains("/blowup"));
    let traffic = traffic.expect("the traffic").split_once("```");
    shell.run(traffic.expect("the block's end").0, "");
    let trace_id = shell.slow_trace().await;
    shell.show_trace(&trace_id).await;
    shell.show_log_lines(&trace_id);
}

impl Shell<'_> {
    /// The trace of a slow request, from the metric.
    async fn slow_trace(&self) -> String {
        let [by_service, by_prometheus] = commands("The metric")[..] else {
            panic!("not two commands");
        };
        let shown = self.run(by_service, "");
        assert!(shown.contains(" # {trace_id=\""), "{shown}");
        eventually("an exemplar", SHOWN, async || {
            let trace_id = self.run(by_prometheus, "").trim().to_owned();
            match trace_id.len() {
                32 => Ok(trace_id),
                _ => Err(trace_id),
            }
        })
        .await
    }

    async fn show_trace(&self, trace_id: &str) {
        let [command] = commands("The trace")[..] else {
            panic!("not one command");
        };
        let expected = ["webapp.shop\tCLIENT\t", "catalog.shop\tSERVER\t"];
        eventually("the trace", SHOWN, async || {
            let spans = self.run(command, trace_id);
            match expected.iter().all(|span| spans.contains(span)) {
                true => Ok(()),
                false => Err(spans),
            }
        })
        .await;
    }

    fn show_log_lines(&self, trace_id: &str) {
        let [command] = commands("The log line")[..] else {
            panic!("not one command");
        };
        let lines = self.run(command, trace_id);
        // Both services have answered.
        assert!(lines.matches("\"answered\"").count() >= 2, "{lines}");
        let all = lines.lines().all(|line| line.contains(trace_id));
        assert!(all, "{lines}");
    }
}
