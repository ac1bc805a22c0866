//! Values in both vocabularies, how they are printed, limits, and which shapes are fast.

use super::{Expression, Scope};
use crate::{
    direction::Direction,
    metrics::shape::test_exchange::{Exchange, Workload},
};
use proptest::prelude::*;

/// The printed result, or `None` if the evaluation fails.
pub(super) fn value(text: &str, exchange: &Exchange) -> Option<String> {
    let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let scope = Scope {
        exchange,
        generated: &[],
    };
    let mut printed = String::new();
    expression.print(scope, &mut printed).then_some(printed)
}

pub(super) fn exchange() -> Exchange {
    let own = Workload::of(
        &[("MESH_ID", "cluster.local"), ("WORKLOAD_NAME", "webapp")],
        &[("app", "webapp"), ("version", "v1")],
    );
    let peer = Workload::of(
        &[
            ("NAME", "catalog-1"),
            ("NAMESPACE", "istioinaction"),
            ("WORKLOAD_NAME", "catalog"),
            ("CLUSTER_ID", "Kubernetes"),
            ("ISTIO_VERSION", "1.17.8"),
            (
                "OWNER",
                "kubernetes://apis/apps/v1/namespaces/istioinaction/deployments/catalog",
            ),
        ],
        &[
            ("service.istio.io/canonical-name", "items"),
            ("service.istio.io/canonical-revision", "stable"),
            ("app", "catalog"),
            ("version", "v2"),
            ("role", "x"),
        ],
    );
    Exchange {
        node: own,
        peer: Some(peer),
        ..Exchange::get("/items?q=1")
    }
}

/// Names since Istio 1.24 and from before, and their value.
const VOCABULARY: &[(&[&str], &str)] = &[
    (
        &[
            "xds.node.metadata['MESH_ID']",
            "node.metadata['MESH_ID']",
            "node.metadata.MESH_ID",
        ],
        "cluster.local",
    ),
    (
        &[
            "xds.node.metadata.LABELS.app",
            "node.metadata['LABELS']['app']",
        ],
        "webapp",
    ),
    (
        &[
            "filter_state.upstream_peer.workload",
            "filter_state['upstream_peer']['workload']",
            "upstream_peer.workload_name",
        ],
        "catalog",
    ),
    (
        &[
            "filter_state.upstream_peer.cluster",
            "upstream_peer.cluster_id",
        ],
        "Kubernetes",
    ),
    (&["filter_state.upstream_peer.service"], "items"),
    (&["filter_state.upstream_peer.revision"], "stable"),
    (&["filter_state.upstream_peer.type"], "deployment"),
    (&["upstream_peer.istio_version"], "1.17.8"),
    (
        &[
            "upstream_peer.labels['role']",
            "upstream_peer.labels['role'].value",
        ],
        "x",
    ),
    (&["xds.listener_direction", "listener_direction"], "2"),
    (&["destination.address"], "10.0.0.9:8080"),
    (
        &[
            "string(destination.port)",
            "destination.port",
            "upstream.port",
        ],
        "8080",
    ),
    (&["source.port"], "40000"),
];

#[test]
fn both_vocabularies_are_read() {
    for (texts, expected) in VOCABULARY {
        for text in *texts {
            let value = value(text, &exchange());
            assert_eq!(value.as_deref(), Some(*expected), "{text}");
        }
    }
}

#[test]
fn a_peer_is_on_one_side_only() {
    let as_server = Exchange {
        direction: Direction::Server,
        ..exchange()
    };
    assert_eq!(value("upstream_peer.name", &as_server), None);
    assert_eq!(
        value("downstream_peer.name", &as_server).unwrap(),
        "catalog-1"
    );
    assert_eq!(value("downstream_peer.name", &exchange()), None);
    assert_eq!(
        value("has(filter_state.upstream_peer)", &as_server).unwrap(),
        "false"
    );
    assert_eq!(
        value("has(filter_state.upstream_peer)", &exchange()).unwrap(),
        "true"
    );
    assert_eq!(value("source.port", &as_server).unwrap(), "8080");
    assert_eq!(value("upstream.port", &as_server), None);
    assert_eq!(value("xds.listener_direction", &as_server).unwrap(), "1");
}

/// Expressions and their results as Envoy prints them.
const PRINTED: &[(&str, &str)] = &[
    ("1.5", "1.5"),
    ("2.0", "2"),
    ("1e10", "1e+10"),
    ("0.00001", "1e-05"),
    ("123456789.0", "1.23457e+08"),
    ("1.0 / 3.0", "0.333333"),
    ("18446744073709551615u", "18446744073709551615"),
    ("-7", "-7"),
    ("-response.code", "-200"),
    ("-(1.5)", "-1.5"),
    ("string(response.code == 200)", "true"),
    ("[1, 2].filter(n, n > 1).map(n, n + 1)[0]", "3"),
    ("duration('90s')", "1m30s"),
    ("duration('1h')", "1h"),
    ("duration('0s')", "0"),
    ("duration('-1500ms')", "-1.5s"),
    ("duration('3661s')", "1h1m1s"),
    ("request.duration", "2.5ms"),
    ("request.time", "2020-01-01T00:00:00.5+00:00"),
    (
        "timestamp('2020-01-01T02:00:00+02:00')",
        "2020-01-01T00:00:00+00:00",
    ),
    ("request.duration > duration('1s') ? 1 : 0", "0"),
    ("size('äöü')", "3"),
    ("'a' + \"b\" + 'c'", "abc"),
    ("'_' + request.method", "_GET"),
    ("request.method + request.scheme", "GEThttp"),
    ("response.code + response.code", "400"),
    ("request.method + string(response.code)", "GET200"),
    ("string(connection.mtls)", "false"),
    ("string(request.duration)", "0.002500s"),
    ("string(duration('-90s'))", "-90s"),
    ("string(duration('1ns'))", "0.000000001s"),
    ("string(request.time)", "2020-01-01T00:00:00.500Z"),
    ("string(1e10) + '!'", "1e+10!"),
    ("int(' 7 ') + int(true)", "8"),
    ("int(request.time)", "1577836800"),
    ("response.code == '200'", "false"),
    ("response.code != '200'", "true"),
    ("request.headers == 'x'", "false"),
    ("'GET' == request.method", "true"),
    ("connection.mtls == false", "true"),
    ("connection.mtls ? 'mTLS' : request.scheme", "http"),
    ("request.method in ['PUT', 'GET', 1]", "true"),
    ("response.code in ['200', 201]", "false"),
    ("{200: 'ok', 404: 'no'}[response.code]", "ok"),
    ("upstream.request_attempt_count", "1"),
    (
        "has(request.headers.nope) ? 'a' : size(request.path) > 5 ? request.method : 'b'",
        "GET",
    ),
    (
        "size(request.headers['nope']) > 3 || request.method == 'GET'",
        "true",
    ),
    (
        "int(request.method) > 3 && request.method == 'PUT'",
        "false",
    ),
    ("response.code in [200, 201]", "true"),
    ("'x-a' in request.headers", "true"),
    ("'x-b' in request.headers", "false"),
    ("[1, 2, 3].exists(n, n == 2)", "true"),
    ("['GET', 'PUT'].exists(m, request.method == m)", "true"),
    ("['a'].map(request, request + '!')[0]", "a!"),
    ("[['a']].map(request, 'a' in request)[0]", "true"),
    ("['x-a'].map(n, 'x-a' in request.headers)[0]", "true"),
    ("request.url_path.matches('^/items/?$')", "true"),
    ("matches(request.url_path, 'tems')", "true"),
    ("!(request.method == 'GET')", "false"),
    ("response.code == 404 || request.method == 'GET'", "true"),
    (
        "request.headers['nope'] == 'x' || request.method == 'GET'",
        "true",
    ),
    (
        "request.headers['nope'] == 'x' && request.method == 'PUT'",
        "false",
    ),
    ("request.headers[':authority']", "catalog.istioinaction:80"),
    ("request.headers['Host']", "catalog.istioinaction:80"),
];

#[test]
fn results_are_printed_as_envoy_prints_them() {
    for (text, expected) in PRINTED {
        assert_eq!(
            value(text, &exchange()).as_deref(),
            Some(*expected),
            "{text}"
        );
    }
}

#[test]
fn what_cannot_be_evaluated_fails() {
    for text in [
        "cannot_evaluate",
        "request.nope",
        "request.headers['nope']",
        "response.headers['x'] == 'y'",
        "'_' + response.code",
        "response.code + 'x'",
        "int('x')",
        "1 / 0",
        "9223372036854775807 + 1",
        "-(-9223372036854775807 - 1)",
        "[1][7]",
        "request.method > 1",
        "request.method.contains(1)",
        "request.method ? 1 : 0",
        "'true' ? 1 : 0",
        "response.code == 404 || request.method",
        "response.code == 404 ? 1 : request.headers['nope']",
        "{200: 'ok'}[500]",
        "{200: 'ok'}[response.code + 1]",
        "max(1, 2)",
        "filter_state['wasm.istio_operationId']",
        "istio_operationId",
        "plugin_name",
        "unknown_function(1)",
    ] {
        assert_eq!(value(text, &exchange()), None, "{text}");
    }
}

#[test]
fn what_is_not_supported_is_refused_with_a_reason() {
    for (text, reason) in [
        ("cannot _ parse | {{ .N }}", "is not CEL"),
        ("", "is not CEL"),
        ("request.method ==", "is not CEL"),
        ("has(request)", "is not CEL"),
        (
            "request.headers.exists(h, h == 'x')",
            "has a macro over something other than a literal list",
        ),
        ("size(request.headers)", "reads all of `request.headers`"),
        (
            "[1].exists(n, n == 1).map(n, n)",
            "has a macro over something other than a literal list",
        ),
        (
            "'x'.matches(request.path)",
            "with a pattern that is not a literal",
        ),
        ("'x'.matches('(')", "is not a pattern"),
        ("Account{user: 1}", "makes a message"),
        (
            "[1].exists(a, [1].exists(b, [1].exists(c, true)))",
            "has more than 2 macros",
        ),
    ] {
        let error = Expression::parse(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn common_shapes_are_evaluated_without_the_interpreter() {
    for text in [
        "'lit'",
        "1",
        "request.url_path",
        "request.headers['x-a']",
        "upstream_peer.istio_version",
        "node.metadata['MESH_ID']",
        "(request.method.startsWith('GET') ? 1 : 0)",
        "request.url_path == '/items' && request.method == 'GET'",
        "response.code >= 200 && response.code <= 299",
        "'_' + xds.node.metadata['LABELS'].app",
        "has(request.host)",
        "string(destination.port)",
        "request.method + string(response.code)",
        "request.url_path.matches('^/items/[[:alnum:]]*$')",
        "cannot_evaluate",
        "duration('1s')",
        "response.code < 400 ? 'ok' : response.code < 500 ? request.method : '5xx'",
        "'x-a' in request.headers ? request.headers['x-a'] : 'none'",
        "response.code in [200, 204] && !connection.mtls",
        "request.method == request.headers['x-method']",
    ] {
        assert!(Expression::parse(text).unwrap().is_fast(), "{text}");
    }
    for text in [
        "string(request.duration)",
        "request.method + request.scheme",
        "response.code < 400 ? 'ok' : string(response.code / 100)",
    ] {
        assert!(!Expression::parse(text).unwrap().is_fast(), "{text}");
    }
}

#[test]
fn a_text_is_not_a_condition() {
    let exchange = exchange();
    let scope = Scope {
        exchange: &exchange,
        generated: &[],
    };
    for (text, expected) in [
        ("true", Some(true)),
        ("'true'", None),
        ("request.method", None),
        ("connection.mtls", Some(false)),
        ("response.code == 200 ? true : false", Some(true)),
        ("response.code == 200 ? 'true' : 'false'", None),
        ("size(request.method) == 3", Some(true)),
        ("size(request.method)", None),
    ] {
        let expression = Expression::parse(text).unwrap();
        assert_eq!(expression.holds(scope), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        if let Ok(expression) = Expression::parse(&text) {
            let exchange = exchange();
            expression.print(Scope { exchange: &exchange, generated: &[] }, &mut String::new());
        }
    }

    #[test]
    fn no_mixture_of_words_panics(words in proptest::collection::vec(
        prop::sample::select(vec![
            "request.path", "response.code", "'a'", "1", "1u", "2.5", "true", "null", "x",
            "(", ")", "[", "]", "{", "}", ",", ":", "?", "+", "-", "*", "/", "%", "!", "==", "<",
            "&&", "||", " in ", ".map(x,", ".exists(x,", ".matches(", "has(", "size(", "duration('1s')",
        ]),
        0..12,
    )) {
        let text = words.concat();
        if let Ok(expression) = Expression::parse(&text) {
            let exchange = exchange();
            expression.print(Scope { exchange: &exchange, generated: &[] }, &mut String::new());
        }
    }
}
