//! Expressions against the `cel` crate alone, with the attributes in maps.

use super::{parse::parse, print::print_value, tests};
use crate::metrics::shape::test_exchange::Exchange;
use cel::{Context, Value};
use proptest::prelude::*;
use std::collections::HashMap;

fn map(fields: &[(&str, Value)]) -> Value {
    let fields = fields.iter().cloned();
    let fields: HashMap<&str, Value> = fields.collect();
    Value::Map(fields.into())
}

/// What the crate prints, given the attributes of an exchange as maps. `None` if it fails.
fn printed_by_crate(text: &str, exchange: &Exchange) -> Option<String> {
    let headers = exchange.request_headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), Value::from(value.as_str())));
    let mut context = Context::default();
    let texts = [("method", &exchange.method), ("path", &exchange.path)];
    let texts = texts.into_iter();
    let texts = texts.filter_map(|(name, text)| Some((name, Value::from(text.clone()?))));
    let mut request: Vec<_> = texts.collect();
    request.push(("headers", map(&headers.collect::<Vec<_>>())));
    context.add_variable_from_value("request", map(&request));
    let code = exchange.response_code;
    let code = code.map(|code| ("code", Value::Int(code.into())));
    context.add_variable_from_value("response", map(&code.into_iter().collect::<Vec<_>>()));
    context.add_variable_from_value("connection", map(&[("mtls", Value::Bool(false))]));
    let value = Value::resolve(&parse(text).unwrap(), &context).ok()?;
    let mut printed = String::new();
    print_value(&value, &mut printed).then_some(printed)
}

/// The crate stops at a failure on the left of `&&` and `||`, even where the right side decides.
fn assert_same(text: &str, exchange: &Exchange) {
    let by_crate = printed_by_crate(text, exchange);
    let ours = tests::value(text, exchange);
    let may_succeed = by_crate.is_none() && (text.contains("&&") || text.contains("||"));
    assert!(
        ours == by_crate || may_succeed,
        "{text}: {ours:?}, the crate: {by_crate:?}"
    );
}

fn exchanges() -> [Exchange; 3] {
    let mut get = Exchange::get("/items?q=1");
    get.request_headers = [("accept".to_owned(), "b".to_owned())].into();
    let mut put = Exchange::get("/");
    put.method = Some("PUT".to_owned());
    put.response_code = Some(503);
    put.request_headers.clear();
    let mut none = get.clone();
    none.method = None;
    none.response_code = None;
    [get, put, none]
}

fn operand() -> impl Strategy<Value = String> {
    let operands = [
        "request.method",
        "request.path",
        "response.code",
        "connection.mtls",
        "request.headers.accept",
        "request.nope",
        "'GET'",
        "'b'",
        "''",
        "200",
        "-1",
        "true",
    ];
    prop::sample::select(operands.to_vec()).prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    let texts = [
        "request.method",
        "request.path",
        "request.headers.accept",
        "'GET'",
        "'/'",
    ];
    prop::sample::select(texts.to_vec()).prop_map(str::to_owned)
}

fn comparison() -> impl Strategy<Value = String> {
    let operators = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let functions = prop::sample::select(vec!["startsWith", "endsWith", "contains"]);
    let lists = prop::sample::select(vec!["['GET', 'b']", "[200, 204, 'x']", "[true]", "[]"]);
    prop_oneof![
        (operand(), operators, operand())
            .prop_map(|(a, operator, b)| format!("{a} {operator} {b}")),
        (text(), functions, text()).prop_map(|(a, function, b)| format!("{a}.{function}({b})")),
        (operand(), lists).prop_map(|(a, list)| format!("{a} in {list}")),
        text().prop_map(|a| format!("size({a}) > 4")),
        Just("has(request.headers.accept)".to_owned()),
        Just("connection.mtls".to_owned()),
        Just("true".to_owned()),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    comparison().prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || ({b})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("({a}) ? ({b}) : ({c})")),
        ]
    })
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        operand(),
        (text(), text()).prop_map(|(a, b)| format!("'_' + {a} + {b}")),
        text().prop_map(|a| format!("{a} + string(response.code)")),
        text().prop_map(|a| format!("size({a})")),
        Just("response.code / 100".to_owned()),
        Just("[1, response.code][1]".to_owned()),
        Just("[1, 2].map(n, n + response.code)[1]".to_owned()),
        Just("duration('90s')".to_owned()),
        condition(),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        (condition(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a}) ? ({b}) : ({c})"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_crate_has_the_same_results(text in value()) {
        prop_assume!(text.len() <= 1024 && text.matches(".map(").count() <= 2);
        for exchange in exchanges() {
            assert_same(&text, &exchange);
        }
    }
}

#[test]
fn calls_inside_of_each_other_have_the_same_results() {
    let exchange = &exchanges()[0];
    for text in [
        "size(string(string(request.path)))",
        "string(size(request.path)).size()",
        "request.path.contains(string(response.code - 199))",
        "request.path.startsWith(request.path) ? size(request.path + 'x') : 0",
        "int(double(string(response.code))) + int('7')",
        "string(bytes(request.method))",
        "uint(response.code) > uint(7)",
        "[request.path].exists(p, p.startsWith('/i') && !p.endsWith('x'))",
        "['/i', '/x'].filter(p, request.path.startsWith(p))[0]",
        "{'a': [request.method, 'x']}['a'][0]",
        "timestamp('2020-01-02T03:04:05Z').getHours() + response.code",
        "timestamp(request.method)",
        "startsWith(request.path)",
        "size(request.path, request.path)",
        "request.path.size(1)",
        "-response.code < 0 ? -(response.code) : 1",
    ] {
        assert_same(text, exchange);
    }
}
