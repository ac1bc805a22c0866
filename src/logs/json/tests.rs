//! Where the ids are put in a JSON line, and which members are left out.

use super::*;
use crate::{
    context::{Sampling, TraceContext},
    id::RequestId,
    logs::LogField,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn ids(request_id: &str) -> Ids {
    let context = TraceContext::new(
        "463ac35c9f6413ad48485a3953bb6124".parse().unwrap(),
        "a2fb4a1d1a96d312".parse().unwrap(),
        None,
        Sampling::Deny,
    );
    let request_id: Option<RequestId> = request_id.parse().ok();
    Ids::new(Some(context), request_id.as_ref())
}

fn with_ids(line: &str, fields: &LogFields, ids: &Ids) -> String {
    let mut written = String::new();
    write_with_ids(line, fields, ids, &mut written).unwrap();
    written
}

const ADDED: &str =
    r#""trace_id":"463ac35c9f6413ad48485a3953bb6124","span_id":"a2fb4a1d1a96d312","sampled":false"#;

#[test]
fn ids_come_first_and_the_rest_stays_as_it_is() {
    for (line, rest) in [
        ("{}\n", "}\n"),
        ("{ }", "}"),
        (r#"{"a":1}"#, r#","a":1}"#),
        (
            "{\n  \"a\": 1,\n  \"b\": [1, {\"trace_id\": 2}]\n}\n",
            ",\n  \"a\": 1,\n  \"b\": [1, {\"trace_id\": 2}]\n}\n",
        ),
        (
            r#"{"fields":{"trace_id":"x"},"a":"\"}{,trace_id"}"#,
            r#","fields":{"trace_id":"x"},"a":"\"}{,trace_id"}"#,
        ),
        // The parent id has no value, so the line's own is no duplicate.
        (r#"{"parent_id":1}"#, r#","parent_id":1}"#),
        (r#"{"a":1,"trace_id":"x","b":2}"#, r#","a":1,"b":2}"#),
        (
            r#"{"trace_id":{"a":[1,2]},"span_id":"\\","sampled":1}"#,
            "}",
        ),
        (r#"{ "trace_id" : "x" , "a":1 }"#, r#", "a":1 }"#),
        // Not JSON, and not made worse.
        (r#"{"a":"unfinished"#, r#","a":"unfinished"#),
        (r#"{"a":"\"#, r#","a":"\"#),
        (r#"{"a"]}"#, r#","a"]}"#),
        ("{", ""),
    ] {
        let written = with_ids(line, &LogFields::default(), &ids(""));
        assert_eq!(written, format!("{{{ADDED}{rest}"), "{line}");
    }
}

#[test]
fn a_line_that_is_no_object_has_the_ids_in_front() {
    let fields = LogFields::only([LogField::Sampled]);
    for (line, written) in [
        ("text\n", "sampled=false text\n"),
        ("[{}]", "sampled=false [{}]"),
        ("", ""),
    ] {
        assert_eq!(with_ids(line, &fields, &ids("")), written);
    }
}

#[test]
fn names_and_request_ids_are_escaped() {
    let fields = LogFields::only([LogField::RequestId]).name(LogField::RequestId, "a\"\n\u{1}ä");
    let line = with_ids(r#"{"a\"\n\u0001ä":1,"b":2}"#, &fields, &ids(r#""\u0041{,"#));
    let read: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(read, json!({"a\"\n\u{1}ä": r#""\u0041{,"#, "b": 2}));
}

/// Any JSON, with names that collide.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[\"\\\\{}\\[\\],:]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object(inner).prop_map(Value::from),
        ]
    })
}

fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof![
        Just("trace_id".to_owned()),
        Just("sampled".to_owned()),
        Just("odd \"name\"\u{7}".to_owned()),
        any::<String>(),
    ];
    proptest::collection::vec((name, value), 0..5).prop_map(Map::from_iter)
}

proptest! {
    #[test]
    fn every_object_gains_the_ids_and_loses_only_its_own(
        object in object(value()),
        pretty: bool,
        request_id in "[!-~]{1,40}",
    ) {
        let line = match pretty {
            true => serde_json::to_string_pretty(&object).unwrap(),
            false => serde_json::to_string(&object).unwrap(),
        };
        let fields = LogFields::default().name(LogField::RequestId, "odd \"name\"\u{7}");
        let written = with_ids(&line, &fields, &ids(&request_id));
        let read: Value = serde_json::from_str(&written).unwrap();
        let mut expected = object;
        for (name, value) in [
            ("trace_id", json!("463ac35c9f6413ad48485a3953bb6124")),
            ("span_id", json!("a2fb4a1d1a96d312")),
            ("odd \"name\"\u{7}", json!(request_id)),
            ("sampled", json!(false)),
        ] {
            expected.insert(name.to_owned(), value);
        }
        prop_assert_eq!(&read, &Value::from(expected));
        for name in ["\"trace_id\":", "\"span_id\":"] {
            prop_assert!(written.find(name).is_some_and(|at| at < 60), "{written}");
        }
    }

    #[test]
    fn text_is_escaped_as_serde_json_does(text: String) {
        prop_assert_eq!(format!("\"{}\"", escaped(&text)), serde_json::to_string(&text).unwrap());
    }

    #[test]
    fn nothing_makes_it_panic(line in "[{}\\[\\]\",:\\\\a ä\n]{0,30}") {
        let written = with_ids(&line, &LogFields::default(), &ids(""));
        prop_assert!(line.is_empty() || written.contains("463ac35c9f6413ad48485a3953bb6124"));
    }
}
