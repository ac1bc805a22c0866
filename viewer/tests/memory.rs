//! What spans take in memory is counted, and bounded.
//!
//! In a process of its own: the allocator counts.

use allocation_counter::measure;
use tower_b3_viewer::{
    decode::{any_export, zipkin_json, zipkin_proto3},
    store::Store,
};

/// Just above a size at which hash tables grow, so that they are at their emptiest.
const SPANS: usize = 15_000;

/// A list of so many spans.
fn list(spans: usize, span: impl Fn(usize) -> String) -> String {
    let spans: Vec<String> = (1..=spans).map(span).collect();
    format!("[{}]", spans.join(","))
}

/// Stores the spans. What they really take is no more than what is counted.
fn check(shape: &str, json: &str) {
    let store = Store::default();
    let taken = measure(|| store.add(zipkin_json(json.as_bytes()).unwrap())).bytes_current;
    let (taken, counted) = (usize::try_from(taken).unwrap(), store.stats().bytes);
    println!("{shape}: {taken} bytes, counted are {counted}");
    assert!(taken <= counted, "{shape}: {taken} > {counted}");
    assert!(taken >= counted / 4, "{shape}: {taken} < {counted} / 4");
}

#[test]
fn what_is_counted_is_what_is_taken() {
    let span = |at: usize| {
        format!(
            r#"{{"traceId":"{:x}","id":"{at:x}","name":"get","timestamp":{at},"duration":5,"kind":"SERVER",
                "localEndpoint":{{"serviceName":"web"}},"remoteEndpoint":{{"serviceName":"app"}},
                "annotations":[{{"timestamp":{at},"value":"retry"}}],
                "tags":{{"http.method":"GET","http.url":"http://shop.test/items/{at}","http.status_code":"200"}}}}"#,
            at / 10 + 1
        )
    };
    check("traces of ten spans", &list(SPANS, span));
    let span =
        |at| format!(r#"{{"traceId":"{at:x}","id":"1","localEndpoint":{{"serviceName":"web"}}}}"#);
    check("traces of one span", &list(SPANS, span));
    let span = |at| {
        format!(
            r#"{{"traceId":"1","id":"{at:x}","name":"{}{at}","localEndpoint":{{"serviceName":"web"}}}}"#,
            "n".repeat(2_000)
        )
    };
    check("long names", &list(1_800, span));
    let span = |at| {
        format!(
            r#"{{"traceId":"1","id":"{at:x}","name":"{at}","localEndpoint":{{"serviceName":"{at}"}},"remoteEndpoint":{{"serviceName":"{at}"}}}}"#
        )
    };
    check("a service for each span", &list(SPANS, span));
}

#[test]
fn nothing_is_kept_of_repeated_tags_and_annotations() {
    let tags = [r#""a":"b""#; 100_000].join(",");
    let events = [r#"{"timestamp":1,"value":"a"}"#; 100_000].join(",");
    let json =
        format!(r#"[{{"traceId":"1","id":"1","tags":{{{tags}}},"annotations":[{events}]}}]"#);
    let mut spans = Vec::new();
    let taken = measure(|| spans = zipkin_json(json.as_bytes()).unwrap()).bytes_current;
    assert_eq!((spans[0].tags.len(), spans[0].annotations.len()), (1, 1));
    assert!(taken < 2_000, "{taken}");
}

/// Of spans with a name of a mebibyte, which counts twice, so many do not fit in the memory for one
/// message.
const TOO_MANY: usize = 130;
const REASON: &str = "the spans take more than 256 MiB of memory; send fewer spans at once";

fn long_span() -> String {
    format!(
        r#"{{"traceId":"1","id":"1","name":"{}"}}"#,
        "n".repeat(1 << 20)
    )
}

#[test]
fn the_spans_of_a_list_are_bounded() {
    let error = zipkin_json(list(TOO_MANY, |_| long_span()).as_bytes()).unwrap_err();
    assert!(error.to_string().starts_with(REASON), "{error}");
}

#[test]
fn the_spans_of_a_protocol_buffer_are_bounded() {
    let ids = b"\x0a\x08\0\0\0\0\0\0\0\x01\x1a\x08\0\0\0\0\0\0\0\x01";
    let name = [b"\x2a\x80\x80\x40".to_vec(), vec![b'n'; 1 << 20]].concat();
    let len = b"\x0a\x98\x80\x40";
    let span = [&len[..], ids, &name].concat();
    assert_eq!(zipkin_proto3(&span).unwrap().len(), 1);
    let error = zipkin_proto3(&span.repeat(TOO_MANY)).unwrap_err();
    assert_eq!(error.to_string(), REASON);
}

#[test]
fn the_spans_of_a_file_are_bounded() {
    let file = format!("{}\n", long_span()).repeat(TOO_MANY);
    let error = any_export(file.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), REASON);
}
