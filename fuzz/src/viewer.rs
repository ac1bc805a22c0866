//! What holds for the viewer's decoders, whatever the message is.

use std::sync::Arc;
use tower_b3_viewer::{
    decode::{any_export, jaeger_json, otlp_json, otlp_protobuf, zipkin_json, zipkin_proto3},
    model::Span,
    trace::{Links, TraceView, merge},
};

/// Bytes in memory for a byte in a message: the shortest span takes some 20 bytes.
const MOST_BYTES_PER_BYTE: usize = 64;

/// What holds for the spans of a message of this length.
fn check(spans: Vec<Span>, len: usize) {
    let bytes: usize = spans.iter().map(Span::bytes).sum();
    assert!(bytes <= MOST_BYTES_PER_BYTE * len, "{bytes} bytes of {len}");
    let written = serde_json::to_vec(&spans).expect("spans are JSON");
    assert_eq!(
        zipkin_json(&written).expect("what was written is read"),
        spans
    );
    let spans: Vec<Arc<Span>> = spans.into_iter().map(Arc::new).collect();
    let merged = merge(&spans);
    assert!(merged.len() <= spans.len());
    let again = merge(&merged);
    assert!(again.len() <= merged.len());
    Links::default().add_trace(&spans);
    if let Some(view) = TraceView::new(&spans) {
        assert_eq!(view.spans.len(), merged.len());
        serde_json::to_vec(&view).expect("a view is JSON");
    }
}

pub fn viewer_zipkin_json(message: &[u8]) {
    if let Ok(spans) = zipkin_json(message) {
        check(spans, message.len());
    }
}

pub fn viewer_zipkin_proto3(message: &[u8]) {
    if let Ok(spans) = zipkin_proto3(message) {
        check(spans, message.len());
    }
}

pub fn viewer_otlp_json(message: &[u8]) {
    if let Ok(read) = otlp_json(message) {
        assert_eq!(read.rejected == 0, read.reason.is_empty());
        check_otlp(read.spans);
    }
}

pub fn viewer_otlp_protobuf(message: &[u8]) {
    if let Ok(read) = otlp_protobuf(message) {
        assert_eq!(read.rejected == 0, read.reason.is_empty());
        check_otlp(read.spans);
    }
}

/// Each span repeats the attributes of its resource, so the spans have no bound of their own.
fn check_otlp(spans: Vec<Span>) {
    check(spans, usize::MAX / MOST_BYTES_PER_BYTE);
}

pub fn viewer_jaeger_json(message: &[u8]) {
    if let Ok(spans) = jaeger_json(message) {
        check_otlp(spans);
    }
}

pub fn viewer_export(file: &[u8]) {
    if let Ok(spans) = any_export(file) {
        check_otlp(spans);
    }
}
