//! The cost of evaluating an expression of a metric once a request has ended.

use criterion::{Criterion, criterion_group, criterion_main};
use http::{Request, Response};
use std::hint::black_box;
use tower_b3::metrics::Expression;

/// By shape. The last two need the interpreter.
const EXPRESSIONS: [(&str, &str); 10] = [
    ("attribute", "request.method"),
    ("header", "request.headers['x-tenant']"),
    ("joined texts", "'_' + request.url_path"),
    (
        "condition",
        "request.url_path == '/items' && request.method == 'GET'",
    ),
    ("choice", "(request.method.startsWith('GET') ? 1 : 0)"),
    (
        "choice of choices",
        "response.code < 400 ? request.method : response.code < 500 ? '4xx' : '5xx'",
    ),
    ("list", "response.code in [200, 201, 204] ? 'ok' : 'failed'"),
    (
        "pattern",
        "request.url_path.matches('^/items/[[:alnum:]]*$')",
    ),
    ("function", "size(request.path) > 5 ? 1 : 0"),
    ("fails", "int(request.method)"),
];

fn expressions(criterion: &mut Criterion) {
    let request = Request::get("/items?q=1")
        .header("x-tenant", "acme")
        .body(())
        .unwrap();
    let response = Response::new(());
    let mut group = criterion.benchmark_group("expression");
    for (name, text) in EXPRESSIONS {
        let expression = Expression::parse(text).unwrap();
        group.bench_function(name, |bench| {
            bench.iter(|| expression.evaluate(black_box(&request), black_box(&response)));
        });
    }
    group.finish();
}

criterion_group!(benches, expressions);
criterion_main!(benches);
