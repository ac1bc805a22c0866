//! The dashboard in `examples/istio`: each of its queries and variables answers.

use serde_json::Value;
use test_kit::backends::Prometheus;

use super::queries::{Question, of_grafana};

const DASHBOARD: &str = include_str!("../../../../istio/dashboard.json");

/// How many queries and variables answer: all of them.
pub async fn answers(prometheus: &Prometheus) -> usize {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let mut answered = 0;
    for panel in list(&dashboard["panels"]) {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().expect("an expression");
            ask(prometheus, &panel["title"], expression).await;
            answered += 1;
        }
    }
    for variable in list(&dashboard["templating"]["list"]) {
        let Some(query) = variable["query"]["query"].as_str() else {
            continue;
        };
        let (function, rest) = query.split_once('(').expect("a function");
        let inner = rest.strip_suffix(')').expect("a function");
        let values = match (function, inner.rsplit_once(", ")) {
            ("query_result", _) => inner.to_owned(),
            ("label_values", Some((metric, label))) => format!("count({metric}) by ({label})"),
            _ => panic!("not label_values(metric, label) or query_result(query): {query}"),
        };
        ask(prometheus, &variable["name"], &values).await;
        answered += 1;
    }
    answered
}

async fn ask(prometheus: &Prometheus, title: &Value, expression: &str) {
    let expression = expression
        .replace("$job", ".*")
        .replace("$namespace", ".*")
        .replace("$workload", ".*");
    let question = Question {
        id: title.as_str().expect("a title"),
        endpoint: "query",
        queries: &[of_grafana(&expression, "")],
        must_answer: true,
    };
    question.answered(prometheus).await;
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("a list").iter()
}
