//! What Istio's Grafana dashboards, Kiali and our own dashboard ask of Prometheus.

use serde_json::Value;
use test_kit::backends::{Prometheus, eventually};

use super::Stage;
use super::dashboard;
use super::traffic::{Customer, call_grpc, call_nobody};
use std::time::Duration;

const GRAFANA: &str = include_str!("grafana.tsv");
const KIALI: &str = include_str!("kiali.tsv");

const METRICS_PAGE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../src/guide/metrics.md"
));

const SCRAPED: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_of_the_dashboards_and_of_kiali_runs() {
    let name = "every_query_of_the_dashboards_and_of_kiali_runs";
    let Some(stage) = Stage::open(name).await else {
        return;
    };
    // Series that exist at the first scrape have a rate after the second.
    for round in [1.0, 2.0] {
        send(&stage).await;
        for (job, requests) in [("webapp", 60.0), ("catalog", 112.0)] {
            let all = format!("istio_requests_total{{job=\"{job}\",reporter=\"destination\"}}");
            stage.prometheus.wait_for(&all, round * requests).await;
        }
        let all = "istio_requests_total{job=\"forum\"}";
        stage.prometheus.wait_for(all, round * 10.0).await;
    }

    let grafana = answers_of_grafana(&stage.prometheus).await;
    let kiali = answers_of_kiali(&stage.prometheus).await;
    assert_alerts_run(&stage.prometheus).await;
    let own = dashboard::answers(&stage.prometheus).await;
    println!(
        "answered: {grafana} expressions of Istio's dashboards, {kiali} queries of Kiali, {own} of \
         our dashboard"
    );
}

async fn send(stage: &Stage) {
    let (webapp, catalog) = (&stage.shop.webapp, &stage.shop.catalog);
    let customer = Customer::default();
    customer.get(webapp.addr, "/api/catalog", 40, &[200]).await;
    customer
        .get(webapp.addr, "/api/catalog/items/99", 20, &[404])
        .await;
    let blowup = r#"{"fail_percent": 100, "status": 503}"#;
    customer.post(catalog.addr, "/blowup", blowup).await;
    customer.get(catalog.addr, "/items", 10, &[503]).await;
    customer.post(catalog.addr, "/blowup", "{}").await;
    call_grpc(&webapp.tracer, catalog.addr, "Items", 20).await;
    call_grpc(&webapp.tracer, catalog.addr, "Nothing", 20).await;
    let forum = &stage.shop.forum;
    call_nobody(&forum.tracer, stage.shop.refused, 5).await;
    call_grpc(&forum.tracer, stage.shop.silent, "Items", 5).await;
}

/// The alerts of the guide page "Metrics".
async fn assert_alerts_run(prometheus: &Prometheus) {
    let mut blocks = METRICS_PAGE.split("```yaml\n").skip(1);
    let block = blocks.find(|block| block.starts_with("groups:"));
    let (rules, _) = block.expect("alerts").split_once("```").expect("the end");
    let rules: Value = serde_yaml_ng::from_str(rules).expect("YAML");
    let rules = rules["groups"][0]["rules"].as_array().expect("rules");
    assert!(!rules.is_empty());
    for rule in rules {
        let expression = rule["expr"].as_str().expect("an expression");
        let result = prometheus.query(expression).await;
        let fired = result.unwrap_or_else(|error| panic!("{expression}: {error}"));
        // A tenth of what catalog has answered has failed, and no request was slow.
        let fires = rule["alert"] == "RequestsFail";
        assert_eq!(!fired.is_empty(), fires, "{expression}: {fired:#?}");
    }
}

/// The lines of a table, by columns.
fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split('\t').collect())
}

/// Replaces what Grafana replaces. `$__rate_interval` is one that is shorter than this test.
pub fn of_grafana(expression: &str, workload: &str) -> String {
    let service = format!("{workload}.shop.svc.cluster.local");
    [
        ("$__rate_interval", "1m"),
        ("$__interval", "15s"),
        ("$__range", "5m"),
        ("$qrep", "source|destination"),
        ("$service", &service),
        ("$namespace", "shop"),
        ("$workload", workload),
        ("$srccluster", ".*"),
        ("$srcns", ".*"),
        ("$srcwl", ".*"),
        ("$dstcluster", ".*"),
        ("$dstns", ".*"),
        ("$dstwl", ".*"),
        ("$dstsvc", ".*"),
    ]
    .iter()
    .fold(expression.to_owned(), |text, (name, value)| {
        text.replace(name, value)
    })
}

async fn answers_of_grafana(prometheus: &Prometheus) -> usize {
    let mut answered = 0;
    for row in rows(GRAFANA) {
        let [id, expected, expression] = row[..] else {
            panic!("{row:?}");
        };
        let asked = ["webapp", "catalog"].map(|workload| of_grafana(expression, workload));
        let question = Question {
            id,
            endpoint: "query",
            queries: &asked,
            must_answer: expected == "answers",
        };
        answered += usize::from(question.answered(prometheus).await);
    }
    answered
}

async fn answers_of_kiali(prometheus: &Prometheus) -> usize {
    let mut answered = 0;
    for row in rows(KIALI) {
        let [id, expected, endpoint, template] = row[..] else {
            panic!("{row:?}");
        };
        let asked = ["webapp", "catalog"].map(|workload| {
            [
                ("{namespace}", "shop"),
                ("{workload}", workload),
                ("{app}", workload),
                ("{service}", workload),
                ("{cluster}", "Kubernetes"),
                ("{version}", "v1"),
                ("{range}", "60s"),
                ("{limit}", "10"),
                ("{aggregate}", "request_protocol"),
                ("{aggregate_value}", "http"),
            ]
            .iter()
            .fold(template.to_owned(), |text, (name, value)| {
                text.replace(name, value)
            })
        });
        let question = Question {
            id,
            endpoint,
            queries: &asked,
            must_answer: expected == "answers",
        };
        answered += usize::from(question.answered(prometheus).await);
    }
    answered
}

/// The same question about several workloads.
pub struct Question<'a> {
    pub id: &'a str,
    /// Of Prometheus' API.
    pub endpoint: &'a str,
    pub queries: &'a [String],
    pub must_answer: bool,
}

impl Question<'_> {
    /// Whether one of the queries answers; all of them must run.
    pub async fn answered(&self, prometheus: &Prometheus) -> bool {
        let Question { id, queries, .. } = self;
        if !self.must_answer {
            return self.ask(prometheus).await;
        }
        eventually(
            &format!("an answer to {id}"),
            SCRAPED,
            async || match self.ask(prometheus).await {
                true => Ok(true),
                false => Err(queries.join("\n")),
            },
        )
        .await
    }

    async fn ask(&self, prometheus: &Prometheus) -> bool {
        if self.endpoint == "label/__name__/values" {
            let names = prometheus.api(self.endpoint, &[]).await;
            return names.expect("an answer") != Value::Array(Vec::new());
        }
        let mut answered = false;
        for query in self.queries {
            let result = match self.endpoint {
                "query_range" => prometheus.query_range(query).await,
                _ => prometheus.query(query).await,
            };
            let samples = result.unwrap_or_else(|error| panic!("{}: {query}: {error}", self.id));
            answered |= !samples.is_empty();
        }
        answered
    }
}
