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

/// Sends the spans; gives what Zipkin shows of them, without the trace's id.
async fn through(
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
            shown.push(through(&lab.zipkin, encoding, gzip, spans).await);
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

#[tokio::test]
async fn hostile_spans_are_read_back_equal() {
    let Some(lab) = Lab::open("hostile_spans_are_read_back_equal").await else {
        return;
    };
    let control: String = (0..0x20)
        .map(char::from)
        .chain(['\u{7f}', '\u{85}'])
        .collect();
    let long = "x".repeat(1 << 20);
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
        ("\u{1F600}\u{0}\n\"", "a key as bad"),
        ("long", &long),
    ];
    let expected: BTreeMap<&str, &str> = tags.into();
    let name = "binary \"yannotations\": \u{1F600}\n yannotations";
    for encoding in ENCODINGS {
        // Of 64 bits; proto3 always writes 128.
        let trace_id = TraceId::from_halves(0, SpanId::random().get()).expect("an id");
        let mapped = IpAddr::V6(Ipv4Addr::new(1, 2, 3, 4).to_ipv6_mapped());
        let six: IpAddr = "2001:db8::c001".parse().expect("an address");
        let mut hostile = span(trace_id, u64::MAX, None)
            .timestamp(a_minute_ago())
            .name(name)
            .local_endpoint(
                Endpoint::service("\u{1F600}\"\\")
                    .with_ip(mapped)
                    .with_port(65535),
            )
            .remote_endpoint(Endpoint::service("yannotations").with_ip(six))
            .annotation(1, "yAnnotations");
        for (name, value) in tags {
            hostile = hostile.tag(name, value);
        }
        let id = SpanId::new(1).expect("an id");
        let debug = TraceContext::new(trace_id, id, SpanId::new(u64::MAX), Sampling::Debug);
        let shared = SpanRecord::builder(debug)
            .timestamp(a_minute_ago())
            .shared(true)
            .build();

        let shown = through(&lab.zipkin, encoding, true, vec![hostile.build(), shared]).await;

        let [shared, hostile] = &shown[..] else {
            unreachable!()
        };
        assert_eq!(trace_id.to_string().len(), 16);
        assert_eq!(hostile["name"], name, "{encoding:?}");
        let shown: BTreeMap<&str, &str> = hostile["tags"]
            .as_object()
            .expect("tags")
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().expect("text")))
            .collect();
        assert_eq!(shown.len(), expected.len(), "{encoding:?}");
        for (name, value) in &expected {
            let start: Option<String> = shown.get(name).map(|text| text.chars().take(99).collect());
            assert!(
                shown.get(name) == Some(value),
                "{encoding:?} {name}: {start:?}"
            );
        }
        let local = json!({ "serviceName": "\u{1F600}\"\\", "ipv4": "1.2.3.4", "port": 65535 });
        assert_eq!(hostile["localEndpoint"], local, "{encoding:?}");
        let remote = json!({ "serviceName": "yannotations", "ipv6": "2001:db8::c001" });
        assert_eq!(hostile["remoteEndpoint"], remote, "{encoding:?}");
        let annotations = json!([{ "timestamp": 1, "value": "yAnnotations" }]);
        assert_eq!(hostile["annotations"], annotations, "{encoding:?}");
        assert_eq!(shared["debug"], true, "{encoding:?}");
        assert_eq!(shared["shared"], true, "{encoding:?}");
        assert_eq!(shared["parentId"], "ffffffffffffffff", "{encoding:?}");
    }
}
