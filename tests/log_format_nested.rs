//! An event that is logged while another one is formatted.
//!
//! In a process of its own: only the subscriber of the whole process takes such an event.
#![cfg(feature = "log-format")]

use std::fmt;
use test_kit::log::LogBuffer;
use tower_b3::{RequestContext, Sampling, TraceContext, logs::WithIds};
use tracing_subscriber::{Layer, filter::filter_fn, fmt as lines, prelude::*};

/// Logs in its `Debug`, so many levels deep.
struct Logs(u32);

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 0 {
            tracing::info!(value = ?Logs(self.0 - 1), "level {}", self.0);
        }
        write!(f, "formatted {}", self.0)
    }
}

#[test]
fn each_line_is_whole_and_has_the_ids() {
    let (text, json) = (LogBuffer::default(), LogBuffer::default());
    // Apart, so that an event is nested in either format alone.
    let only = |target: &'static str| filter_fn(move |event| event.target() == target);
    let text_layer = lines::layer()
        .with_ansi(false)
        .without_time()
        .map_event_format(WithIds::text)
        .with_writer(text.clone())
        .with_filter(only("log_format_nested"));
    let json_layer = lines::layer()
        .json()
        .flatten_event(true)
        .map_event_format(WithIds::json)
        .with_writer(json.clone())
        .with_filter(only("log_format_nested"));
    tracing_subscriber::registry()
        .with(text_layer.boxed())
        .with(json_layer.boxed())
        .init();

    let context = TraceContext::root(Sampling::Accept);
    RequestContext::from(context).in_scope(|| tracing::info!(value = ?Logs(3), "outer"));

    // Each layer formats the event, and with it logs those inside.
    let front = format!("trace_id={} ", context.trace_id());
    let text = text.lines();
    assert!(
        text.iter().all(|line| line.starts_with(&front)),
        "{text:#?}"
    );
    for (message, value) in [("outer", 3), ("level 3", 2), ("level 2", 1), ("level 1", 0)] {
        let end = format!("{message} value=formatted {value}");
        assert!(
            text.iter().any(|line| line.ends_with(&end)),
            "{end}: {text:#?}"
        );
    }
    let json = json.lines();
    assert_eq!(json.len(), text.len());
    for line in &json {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["trace_id"], context.trace_id().to_string());
        assert!(line["value"].as_str().unwrap().starts_with("formatted"));
    }
}
