//! Ids at the top level of lines of JSON.

use crate::{
    common::{PARENT, SPAN, TRACE},
    lines::{ids, json, objects, serve, tracer},
    logged,
};
use serde_json::json;
use tower_b3::logs::WithIds;

#[tracing::instrument]
fn outer(order: u32) {
    inner("a \"quoted\" name");
}

#[tracing::instrument]
fn inner(name: &str) {
    tracing::warn!(
        count = 3,
        ratio = 0.5,
        paid = true,
        "said \"no\"\n\tto {name}"
    );
}

#[test]
fn ids_are_members_of_the_object_inside_of_requests_only() {
    let log = || {
        tracing::info!("before");
        serve(&tracer(), &ids("1"), || outer(7));
    };
    let bare = logged!(json(), log);
    let lines = logged!(json().map_event_format(WithIds::json), log);
    let (before, inside) = lines.split_once('\n').unwrap();
    let (bare_before, bare_inside) = bare.split_once('\n').unwrap();
    assert_eq!(before, bare_before);
    // The rest of the line is byte for byte what it was.
    let added = format!(
        "{{\"trace_id\":\"{TRACE}\",\"span_id\":\"{SPAN}\",\"parent_id\":\"{PARENT}\",\
         \"request_id\":\"req-1\",\"sampled\":true,"
    );
    assert_eq!(inside, bare_inside.replacen('{', &added, 1));
    let line = &objects(inside)[0];
    assert_eq!(
        line["fields"]["message"],
        "said \"no\"\n\tto a \"quoted\" name"
    );
    assert_eq!(line["spans"][0]["order"], 7);
}

#[test]
fn requests_that_are_not_sampled_have_ids_too() {
    let lines = logged!(json().map_event_format(WithIds::json), || {
        serve(&tracer(), &ids("0"), || tracing::info!("inside"));
    });
    let line = &objects(&lines)[0];
    assert_eq!(line["trace_id"], TRACE);
    assert_eq!(line["sampled"], json!(false));
}

#[test]
fn a_name_occurs_once_and_has_the_requests_value() {
    let log = || {
        let inside = || tracing::info!(trace_id = "other", sampled = "?", shop = "a", "inside");
        serve(&tracer(), &ids("1"), inside);
        tracing::info!(trace_id = "other", "outside");
    };
    let format = json().flatten_event(true);
    let lines = logged!(format.map_event_format(WithIds::json), log);
    assert_eq!(lines.matches("trace_id").count(), 2, "{lines}");
    let [inside, outside] = objects(&lines).try_into().unwrap();
    assert_eq!(
        (&inside["trace_id"], &inside["sampled"]),
        (&json!(TRACE), &json!(true))
    );
    assert_eq!(
        (&inside["shop"], &inside["message"]),
        (&json!("a"), &json!("inside"))
    );
    assert_eq!(outside["trace_id"], "other");

    // Where the event has a place of its own, it keeps its field.
    let lines = logged!(json().map_event_format(WithIds::json), log);
    let inside = &objects(&lines)[0];
    assert_eq!(
        (&inside["trace_id"], &inside["fields"]["trace_id"]),
        (&json!(TRACE), &json!("other"))
    );
}

#[test]
fn the_inner_formats_settings_hold() {
    let format = json()
        .flatten_event(true)
        .with_target(false)
        .with_level(false)
        .with_current_span(false)
        .with_span_list(false);
    let lines = logged!(format.map_event_format(WithIds::json), || {
        serve(&tracer(), &ids("1"), || outer(7));
    });
    let names: Vec<String> = objects(&lines)[0]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let mut expected = [
        "trace_id",
        "span_id",
        "parent_id",
        "request_id",
        "sampled",
        "message",
        "count",
        "ratio",
        "paid",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
}
