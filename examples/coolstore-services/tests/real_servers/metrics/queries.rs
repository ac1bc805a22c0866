//! What Istio's Grafana dashboards, Kiali and our own dashboard ask of Prometheus.

use test_kit::backends::{Prometheus, Sample, eventually};

use super::Stage;
use super::traffic::{Customer, call_grpc, call_nobody};
use std::time::Duration;

const GRAFANA: &str = include_str!("grafana.tsv");
const KIALI: &str = include_str!("kiali.tsv");

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
    println!("answered: {grafana} expressions of Grafana, {kiali} queries of Kiali");
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

/// The lines of a table, by columns.
fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split('\t').collect())
}

/// Replaces what Grafana replaces. `$__rate_interval` is one that is shorter than this test.
fn of_grafana(expression: &str, workload: &str) -> String {
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
        answered += usize::from(runs(prometheus, id, "query", &asked, expected == "answers").await);
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
        answered +=
            usize::from(runs(prometheus, id, endpoint, &asked, expected == "answers").await);
    }
    answered
}

/// Whether one of the queries answers; all of them must run.
async fn runs(
    prometheus: &Prometheus,
    id: &str,
    endpoint: &str,
    queries: &[String],
    must_answer: bool,
) -> bool {
    if endpoint == "label/__name__/values" {
        let names = prometheus.api(endpoint, &[]).await.expect("an answer");
        return names.as_array().is_some_and(|names| !names.is_empty());
    }
    let ask = async || -> Result<bool, String> {
        let mut answered = false;
        for query in queries {
            let result: Result<Vec<Sample>, String> = match endpoint {
                "query_range" => prometheus.query_range(query).await,
                _ => prometheus.query(query).await,
            };
            let samples = result.unwrap_or_else(|error| panic!("{id}: {query}: {error}"));
            answered |= !samples.is_empty();
        }
        Ok(answered)
    };
    if !must_answer {
        return ask().await.is_ok_and(|answered| answered);
    }
    eventually(
        &format!("an answer to {id}"),
        SCRAPED,
        async || match ask().await? {
            true => Ok(true),
            false => Err(queries.join("\n")),
        },
    )
    .await
}
