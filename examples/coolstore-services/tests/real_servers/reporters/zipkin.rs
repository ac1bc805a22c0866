//! The Zipkin reporter against a real Zipkin: every encoding is shown as the same trace, and hostile
//! text is read back unchanged.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};
use test_kit::backends::Zipkin;
use tower_b3::id::{SpanId, TraceId};
use tower_b3::record::{Endpoint, SpanRecord};
use tower_b3::report::{BatchOptions, Reporter};
use tower_b3::zipkin::{Encoding, ZipkinReporter};
use tower_b3::{Sampling, TraceContext};

use super::{DELIVERED, SPANS, a_minute_ago, assert_all_sent, span, trace};
use crate::lab::Lab;

const ENCODINGS: [Encoding; 2] = [Encoding::Json, Encoding::Proto3];

/// Sends the spans of one trace, and returns what Zipkin shows of them, without the trace id.
async fn report_and_read(
    zipkin: &Zipkin,
    encoding: Encoding,
    gzip: bool,
    spans: Vec<SpanRecord>,
) -> Vec<Value> {
    let reporter = ZipkinReporter::builder(zipkin.collector())
        .encoding(encoding)
        .gzip(gzip)
        .options(BatchOptions::new().message_limit(4 << 20))
        .build()
        .expect("a reporter");
    let (trace_id, count) = (spans[0].trace_id().to_string(), spans.len());
    for span in spans {
        reporter.report(span);
    }
    assert_all_sent(&reporter.shutdown_async(DELIVERED).await, count);
    let mut shown = zipkin.shown(&trace_id, count).await;
    for span in &mut shown {
        assert_eq!(span["traceId"], trace_id.as_str());
        span["traceId"] = Value::Null;
    }
    shown
}

#[tokio::test]
async fn every_encoding_is_shown_as_the_same_trace() {
    let Some(lab) = Lab::open("every_encoding_is_shown_as_the_same_trace").await else {
        return;
    };
    let started = a_minute_ago();
    let mut shown = Vec::new();
    for encoding in ENCODINGS {
        for gzip in [false, true] {
            let spans = trace(TraceId::random(), started);
            shown.push(report_and_read(&lab.zipkin, encoding, gzip, spans).await);
        }
    }
    for other in &shown[1..] {
        assert_eq!(other, &shown[0]);
    }
    assert_eq!(shown[0].len(), SPANS);
    assert_eq!(shown[0][2]["tags"]["error"], "503");
    assert_eq!(shown[0][2]["parentId"], "0000000000000002");
    assert_eq!(shown[0][1]["remoteEndpoint"]["serviceName"], "items");
    assert_eq!(shown[0][3]["annotations"][0]["value"], "slowed down");
}

const HOSTILE_NAME: &str = "binary \"yannotations\": \u{1F600}\n yannotations";

/// Text that could break an encoding.
fn hostile_tags() -> BTreeMap<&'static str, String> {
    let control: String = (0..0x20)
        .map(char::from)
        .chain(['\u{7f}', '\u{85}'])
        .collect();
    let tags = [
        ("control", control.as_str()),
        ("quotes", r#""\"\\'</script>"#),
        (
            "not in the BMP",
            "\u{1F600}\u{10FFFF}\u{FEFF}\u{2028}\u{2029}\u{FFFD}",
        ),
        ("binaryAnnotations", "binaryAnnotations"),
        ("yAnnotations", "\"yAnnotations\":"),
        ("k\"yAnnotations", "\\yAnnotations"),
        ("\u{1F600}\u{0}\n\"", "a hostile name"),
        ("long", &"x".repeat(1 << 20)),
    ];
    tags.map(|(name, value)| (name, value.to_owned())).into()
}

fn hostile_span(trace_id: TraceId) -> SpanRecord {
    let mapped = IpAddr::V6(Ipv4Addr::new(1, 2, 3, 4).to_ipv6_mapped());
    let six: IpAddr = "2001:db8::c001".parse().expect("an address");
    let mut hostile = span(trace_id, u64::MAX, None)
        .timestamp(a_minute_ago())
        .name(HOSTILE_NAME)
        .local_endpoint(
            Endpoint::service("\u{1F600}\"\\")
                .with_ip(mapped)
                .with_port(65535),
        )
        .remote_endpoint(Endpoint::service("yannotations").with_ip(six))
        .annotation(1, "yAnnotations");
    for (name, value) in hostile_tags() {
        hostile = hostile.tag(name, &value);
    }
    hostile.build()
}

fn assert_hostile(shown: &Value, encoding: Encoding) {
    assert_eq!(shown["name"], HOSTILE_NAME, "{encoding:?}");
    let tags = shown["tags"].as_object().expect("tags");
    let expected = hostile_tags();
    assert_eq!(tags.len(), expected.len(), "{encoding:?}");
    for (name, value) in &expected {
        let text = tags.get(*name).and_then(Value::as_str);
        let start: Option<String> = text.map(|text| text.chars().take(99).collect());
        assert!(text == Some(value), "{encoding:?} {name}: {start:?}");
    }
    let local = json!({ "serviceName": "\u{1F600}\"\\", "ipv4": "1.2.3.4", "port": 65535 });
    assert_eq!(shown["localEndpoint"], local, "{encoding:?}");
    let remote = json!({ "serviceName": "yannotations", "ipv6": "2001:db8::c001" });
    assert_eq!(shown["remoteEndpoint"], remote, "{encoding:?}");
    let annotations = json!([{ "timestamp": 1, "value": "yAnnotations" }]);
    assert_eq!(shown["annotations"], annotations, "{encoding:?}");
}

#[tokio::test]
async fn hostile_spans_are_read_back_equal() {
    let Some(lab) = Lab::open("hostile_spans_are_read_back_equal").await else {
        return;
    };
    for encoding in ENCODINGS {
        // A 64-bit id: JSON writes 16 digits, proto3 always 128 bits.
        let trace_id = TraceId::from_halves(0, SpanId::random().get()).expect("an id");
        assert_eq!(trace_id.to_string().len(), 16);
        let id = SpanId::new(1).expect("an id");
        let debug = TraceContext::new(trace_id, id, SpanId::new(u64::MAX), Sampling::Debug);
        let shared = SpanRecord::builder(debug)
            .timestamp(a_minute_ago())
            .shared(true)
            .build();

        let spans = vec![hostile_span(trace_id), shared];
        let shown = report_and_read(&lab.zipkin, encoding, true, spans).await;

        let [shared, hostile] = &shown[..] else {
            unreachable!()
        };
        assert_hostile(hostile, encoding);
        assert_eq!(shared["debug"], true, "{encoding:?}");
        assert_eq!(shared["shared"], true, "{encoding:?}");
        assert_eq!(shared["parentId"], "ffffffffffffffff", "{encoding:?}");
    }
}
