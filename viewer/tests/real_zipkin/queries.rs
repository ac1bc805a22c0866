//! What both are asked.

use crate::{
    common::{Client, now},
    compare::BAD_TRACE,
};
use http::Method;
use serde_json::Value;

const SEARCHES: [&str; 36] = [
    "serviceName=web",
    "serviceName=WEB",
    "serviceName=none",
    "serviceName=",
    "serviceName=web&spanName=get+%2F",
    "spanName=call+cart",
    "spanName=CALL+cart",
    "spanName=all",
    "spanName=",
    "serviceName=cart&spanName=get+%2F",
    "remoteServiceName=db",
    "remoteServiceName=DB",
    "serviceName=web&remoteServiceName=db",
    "remoteServiceName=",
    "annotationQuery=error",
    "annotationQuery=checked",
    "annotationQuery=error%3Dtimeout",
    "annotationQuery=error%3Dother",
    "annotationQuery=checked%3Dx",
    "annotationQuery=http.path%3D%2Fstock%2F1",
    "annotationQuery=error+and+checked",
    "annotationQuery=http.path%3D%2Fcart%2F2+and+error",
    "serviceName=web&annotationQuery=checked",
    "serviceName=cart&annotationQuery=checked+and+error",
    "annotationQuery=",
    "annotationQuery=+error+and+checked+",
    "annotationQuery=error%3Dtimeout+and+error",
    "annotationQuery=error+and+error%3Dno",
    "annotationQuery=and",
    "annotationQuery=%3Dx",
    "minDuration=950",
    "minDuration=1&maxDuration=100",
    "minDuration=900&maxDuration=910",
    "serviceName=cart&minDuration=399",
    "serviceName=cart&minDuration=901",
    "minDuration=9223372036854775807",
];

const INVALID: [&str; 13] = [
    "limit=0",
    "limit=-1",
    "endTs=0",
    "endTs=-1",
    "lookback=0",
    "lookback=-1",
    "minDuration=0",
    "minDuration=-1",
    "maxDuration=5",
    "minDuration=5&maxDuration=4",
    "minDuration=&limit=1&endTs=1000",
    "lookback=&endTs=5",
    "endTs=&lookback=1",
];

const NOT_NUMBERS: [&str; 7] = [
    "limit=x",
    "limit=",
    "limit=99999999999",
    "endTs=x",
    "lookback=x",
    "minDuration=x",
    "minDuration=1&maxDuration=1.5",
];

const PATHS: [&str; 34] = [
    "/api/v2/services",
    "/api/v2/spans?serviceName=",
    "/api/v2/spans?serviceName=WEB",
    "/api/v2/spans?serviceName=none",
    "/api/v2/remoteServices?serviceName=",
    "/api/v2/remoteServices?serviceName=Stock",
    "/api/v2/autocompleteValues?key=none",
    "/api/v2/autocompleteValues?key=",
    "/api/v2/dependencies?endTs=0",
    "/api/v2/dependencies?endTs=-5",
    "/api/v2/dependencies?endTs=5",
    "/api/v2/dependencies?endTs=5&lookback=0",
    "/api/v2/autocompleteKeys",
    "/api/v2/trace/zz",
    "/api/v2/trace/AB",
    "/api/v2/trace/0",
    "/api/v2/trace/ffff",
    "/api/v2/trace/0000000000000000000000000000ffff",
    "/api/v2/trace/5001",
    "/api/v2/trace/0000000000005001",
    "/api/v2/trace/00000000000000080000000000005001",
    "/api/v2/trace/00000000000000010000000000005001",
    "/api/v2/trace/%205001%20",
    "/api/v2/trace/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "/api/v2/trace/..%2f..",
    "/api/v2/traceMany?traceIds=",
    "/api/v2/traceMany?traceIds=5001",
    "/api/v2/traceMany?traceIds=5001,5001",
    "/api/v2/traceMany?traceIds=5001,005001",
    "/api/v2/traceMany?traceIds=5001,zz",
    "/api/v2/traceMany?traceIds=5001,,5002",
    "/api/v2/traceMany?traceIds=5001,5002",
    "/api/v2/traceMany?traceIds=5001,ffff",
    "/api/v2/traceMany?traceIds=ffff,fffe",
];

const PATHS_FOR_PEOPLE: [&str; 21] = [
    "/health",
    "/zipkin/config.json",
    "/api/v2/nothing",
    "/nothing",
    "/api/v2/trace/",
    "/api/v2/trace/a/b",
    "/api/v2/services/",
    "/api/v1/services",
    "/api/v2/spans",
    "/api/v2/remoteServices",
    "/api/v2/autocompleteValues",
    "/api/v2/dependencies",
    "/api/v2/dependencies?endTs=x",
    "/api/v2/traceMany",
    "/info",
    "/metrics",
    "/prometheus",
    "/config.json",
    "/zipkin",
    "/zipkin/",
    "/",
];

pub struct Query {
    pub name: String,
    pub method: Method,
    pub path: String,
    /// Whether a body is for programs. The texts of errors and of status pages are not.
    pub compares_body: bool,
}

impl Query {
    fn get(name: impl Into<String>, path: impl Into<String>) -> Query {
        Query {
            name: name.into(),
            method: Method::GET,
            path: path.into(),
            compares_body: true,
        }
    }

    fn without_body(mut self) -> Query {
        self.compares_body = false;
        self
    }
}

/// The window that has all traces.
fn everything() -> String {
    let end = now() / 1000 + 60_000;
    format!("endTs={end}&lookback={}&limit=10000", end - 1)
}

/// All queries. For the ids and names of traces, Zipkin is asked.
pub async fn all(zipkin: &Client) -> Vec<Query> {
    let everything = everything();
    let mut queries: Vec<Query> = parameters(&everything);
    queries.extend(paths());
    let traces = zipkin
        .get(&format!("/api/v2/traces?{everything}"))
        .await
        .json();
    for trace in traces.as_array().unwrap() {
        let id = trace[0]["traceId"].as_str().unwrap();
        if id != BAD_TRACE {
            queries.push(Query::get(
                format!("trace {id}"),
                format!("/api/v2/trace/{id}"),
            ));
        }
    }
    let services = zipkin.get("/api/v2/services").await.json();
    for service in services
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
    {
        let encoded: String = form_urlencoded::byte_serialize(service.as_bytes()).collect();
        for list in ["spans", "remoteServices"] {
            let path = format!("/api/v2/{list}?serviceName={encoded}");
            queries.push(Query::get(format!("{list} of {service:?}"), path));
        }
        let path = format!("/api/v2/traces?{everything}&serviceName={encoded}");
        queries.push(Query::get(format!("traces of {service:?}"), path));
    }
    queries
}

fn parameters(everything: &str) -> Vec<Query> {
    let searches = SEARCHES.map(|search| {
        Query::get(
            format!("traces?{search}"),
            format!("/api/v2/traces?{everything}&{search}"),
        )
    });
    let mut queries = Vec::from(searches);
    queries.extend(INVALID.map(|search| {
        Query::get(
            format!("traces?{search}"),
            format!("/api/v2/traces?{search}"),
        )
    }));
    queries.extend(NOT_NUMBERS.map(|search| {
        Query::get(
            format!("traces?{search}"),
            format!("/api/v2/traces?{search}"),
        )
        .without_body()
    }));
    let seconds_ago = |seconds: u64| now() / 1000 - seconds * 1000;
    for (from, to) in [(10, 5), (30, 20), (75, 1), (200, 100)] {
        let window = format!("endTs={}&lookback={}", seconds_ago(to), (from - to) * 1000);
        let name = format!("from {from} s to {to} s ago");
        queries.push(Query::get(
            format!("traces {name}"),
            format!("/api/v2/traces?{window}&limit=1000"),
        ));
        queries.push(Query::get(
            format!("dependencies {name}"),
            format!("/api/v2/dependencies?{window}"),
        ));
    }
    let end = now() / 1000 + 60_000;
    let path = format!("/api/v2/dependencies?endTs={end}&lookback={}", end - 1);
    queries.push(Query::get("dependencies", path));
    queries
}

fn paths() -> Vec<Query> {
    let mut queries: Vec<Query> = PATHS.iter().map(|path| Query::get(*path, *path)).collect();
    queries.extend(PATHS_FOR_PEOPLE.map(|path| Query::get(path, path).without_body()));
    for (method, path) in [
        (Method::POST, "/api/v2/traces"),
        (Method::DELETE, "/api/v2/traces"),
        (Method::HEAD, "/api/v2/services"),
        (Method::OPTIONS, "/api/v2/spans"),
        (Method::TRACE, "/api/v2/spans"),
    ] {
        let mut query = Query::get(format!("{method} {path}"), path).without_body();
        query.method = method;
        queries.push(query);
    }
    queries
}
