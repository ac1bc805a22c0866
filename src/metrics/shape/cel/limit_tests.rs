//! Long, deep and costly expressions.

use super::{
    Expression,
    parse::parse,
    rewrite::Rewriter,
    tests::{exchange, value},
    tree::parts,
};
use crate::metrics::shape::test_exchange::Exchange;
use cel::{
    IdedExpr,
    common::ast::{Expr, operators},
};

#[test]
fn long_and_deep_expressions_are_refused() {
    let chain = |count: usize| format!("1{}", "+1".repeat(count));
    for (text, reason) in [
        (chain(2000), "is 4001 bytes long; at most 1024 are allowed"),
        (
            chain(511),
            "has more than 64 operators inside of each other",
        ),
        (format!("a{}", ".a".repeat(511)), "64 operators"),
        (format!("a{}", "['a']".repeat(200)), "64 operators"),
        (format!("{}a", "!".repeat(1000)), ""),
        (
            format!("{}1{}", "(".repeat(500), ")".repeat(500)),
            "is nested too deeply",
        ),
        (
            format!("{}1{}", "[".repeat(500), "]".repeat(500)),
            "is nested too deeply",
        ),
        (format!("{}1", "a?1:".repeat(200)), "is nested too deeply"),
        (
            format!("{}1{}", "[1,2].map(x,".repeat(20), ")".repeat(20)),
            "macros",
        ),
    ] {
        match Expression::parse(&text) {
            Ok(_) => assert_eq!(reason, "", "{text}"),
            Err(error) => assert!(error.to_string().contains(reason), "{text}: {error}"),
        }
    }
    // The deepest that is allowed is evaluated on an ordinary stack.
    let deepest = chain(16);
    assert_eq!(value(&deepest, &exchange()).unwrap(), "17");
    let refused = Expression::parse(&chain(17)).unwrap_err().to_string();
    assert_eq!(refused, "has more than 16 operators inside of each other");
    let conditions = format!("response.code != 1{}", " && response.code != 2".repeat(40));
    assert_eq!(value(&conditions, &exchange()).unwrap(), "true");
    let nested = format!("{}request.method{}", "(".repeat(31), ")".repeat(31));
    assert_eq!(value(&nested, &exchange()).unwrap(), "GET");
}

#[test]
fn a_part_for_the_interpreter_has_a_limit_of_its_own() {
    let chain = format!("1{}", "+response.code".repeat(10));
    let text = format!("{chain} > 1 && {chain} > 2 && {chain} > 3");
    assert_eq!(value(&text, &exchange()).unwrap(), "true");
    let text = format!(
        "request.method == 'GET' && {} > 3",
        "+1".repeat(17).replacen('+', "", 1)
    );
    let refused = Expression::parse(&text).unwrap_err().to_string();
    assert_eq!(refused, "has more than 16 operators inside of each other");
}

#[test]
fn macros_run_a_hundred_times_at_most() {
    let list = |count: usize| format!("[{}]", vec!["1"; count].join(","));
    for (text, is_allowed) in [
        (format!("{}.exists(a, a == 2)", list(100)), true),
        (format!("{}.exists(a, a == 2)", list(101)), false),
        (
            format!("{}.exists(a, {}.exists(b, a == b + 1))", list(10), list(10)),
            true,
        ),
        (
            format!("{}.exists(a, {}.exists(b, a == b + 1))", list(11), list(10)),
            false,
        ),
        (format!("{}.map(a, a).map(b, b)[0] == 2", list(60)), true),
        (format!("{}.map(a, a).map(b, b)[0] == 2", list(101)), false),
    ] {
        match Expression::parse(&text) {
            Ok(_) => {
                assert!(is_allowed, "{text}");
                assert_eq!(value(&text, &exchange()).unwrap(), "false", "{text}");
            }
            Err(error) => {
                assert!(!is_allowed, "{text}: {error}");
                assert_eq!(error.to_string(), "has macros over more than 100 elements");
            }
        }
    }
}

#[test]
fn texts_and_lists_do_not_grow_without_bound_in_macros() {
    for element in ["request.path", "[request.path, 1, 2, 3]"] {
        let sum = |name: &str| format!("({})", [name; 6].join("+"));
        let text = format!(
            "[{element}].map(a, {}).map(b, {})[0]",
            [sum("a").as_str(); 6].join("+"),
            [sum("b").as_str(); 6].join("+"),
        );
        let long = Exchange::get(&"/".repeat(100));
        assert_eq!(value(&text, &long), None, "{element}");
    }
    assert_eq!(
        value("['a'].map(a, a + 'b').map(b, b + 'c')[0]", &exchange()).unwrap(),
        "abc"
    );
}

#[test]
fn large_patterns_are_refused() {
    for text in [
        "request.path.matches('(a{1000}){1000}')",
        "size(request.path) > 1 && (request.path + 'x').matches('(\\\\w{100}){50}')",
    ] {
        let refused = Expression::parse(text).unwrap_err().to_string();
        assert!(refused.ends_with("which is too large"), "{refused}");
    }
}

/// The interpreter evaluates the argument of a call twice if it is the only one.
#[test]
fn no_call_has_one_argument() {
    fn assert_none(expression: &IdedExpr, text: &str) {
        if let Expr::Call(call) = &expression.expr {
            let is_operator = matches!(
                call.func_name.as_str(),
                operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE
            );
            assert!(call.args.len() != 1 || is_operator, "{text}: {call:?}");
        }
        for part in parts(expression) {
            assert_none(part, text);
        }
    }
    for text in [
        "size(string(string(request.path)))",
        "request.path.contains(request.path.contains('x'))",
        "-(-(-response.code))",
        "[1].exists(n, string(n).startsWith(string(response.code)))",
    ] {
        let mut expression = parse(text).unwrap();
        Rewriter::new(&[]).rewrite(&mut expression).unwrap();
        assert_none(&expression, text);
    }
}
