//! Compressed messages.

use super::{
    LONG, assert_settled, quick, quick_options, report, span, unzip,
    zipkin_server::{Answer, Server},
};
use std::time::Duration;
use tower_b3::{
    report::{Encoded, Encoder, Gzip},
    zipkin::{JsonEncoder, Proto3Encoder},
};

/// The message of this many spans, plain and compressed.
fn both(encoder: impl Encoder + Copy, spans: usize) -> (Vec<u8>, Vec<u8>) {
    let gzip = Gzip::new(encoder);
    assert_eq!(gzip.content_encoding(), Some("gzip"));
    assert_eq!(gzip.content_type(), encoder.content_type());
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for _ in 0..spans {
        gzip.encode(&span("get"), &mut bytes).unwrap();
        ends.push(bytes.len());
    }
    let spans = Encoded::all(&bytes, &ends);
    let (mut plain, mut zipped) = (Vec::new(), Vec::new());
    encoder.message(spans.clone(), &mut plain);
    gzip.message(spans, &mut zipped);
    let most = gzip.message_len(ends.len(), bytes.len());
    assert_eq!(most, encoder.message_len(ends.len(), bytes.len()));
    (plain, zipped)
}

#[test]
fn decompresses_to_the_plain_message() {
    for spans in [1, 2, 5_000] {
        let (plain, zipped) = both(JsonEncoder, spans);
        assert_eq!(unzip(&zipped), plain);
        let (plain, zipped) = both(Proto3Encoder, spans);
        assert_eq!(unzip(&zipped), plain);
    }
    let (plain, zipped) = both(JsonEncoder, 1_000);
    assert!(zipped.len() * 3 < plain.len(), "{}", zipped.len());
}

#[test]
fn declares_gzip_to_the_collector() {
    let server = Server::start([], Answer::Accept);
    let zipkin = quick(server.url()).options(quick_options().max_age(Duration::from_secs(3600)));
    let zipkin = zipkin.gzip(true).build().unwrap();
    report(&zipkin, "get", 100);
    assert!(zipkin.flush(LONG));
    let stats = zipkin.stats();
    assert_settled(&stats, &server);
    assert_eq!(stats.sent, 100);
    server.seen(|seen| {
        let head = &seen.requests[0].head;
        assert!(head.contains("\r\ncontent-encoding: gzip\r\n"), "{head}");
        assert!(
            head.contains("\r\ncontent-type: application/json\r\n"),
            "{head}"
        );
        // Bytes are counted after compression.
        let bytes: usize = seen.requests.iter().map(|request| request.bytes).sum();
        assert_eq!(stats.bytes, bytes as u64);
    });
    let plain = quick(server.url()).gzip(false).build().unwrap();
    report(&plain, "get", 1);
    assert!(plain.flush(LONG));
    server.seen(|seen| {
        let head = &seen.requests.last().unwrap().head;
        assert!(!head.contains("content-encoding"), "{head}");
    });
}

#[test]
#[cfg(feature = "otlp")]
fn compresses_otlp() {
    let (plain, zipped) = both(tower_b3::otlp::OtlpEncoder, 100);
    assert_eq!(unzip(&zipped), plain);
    let builder = tower_b3::otlp::OtlpReporter::builder("http://127.0.0.1:9");
    builder.gzip(true).build().unwrap().shutdown(Duration::ZERO);
}
