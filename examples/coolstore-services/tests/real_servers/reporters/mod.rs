//! The spans that reporters send, as the real collectors show them.

mod jaeger;
mod kafka;
mod zipkin;

use std::time::Duration;

use test_kit::backends::now_us;
use tower_b3::id::{SpanId, TraceId};
use tower_b3::record::{Endpoint, Kind, SpanRecord, SpanRecordBuilder};
use tower_b3::report::ShutdownReport;
use tower_b3::{Sampling, TraceContext};

const DELIVERED: Duration = Duration::from_secs(20);
/// How many spans `trace` makes.
const SPANS: usize = 6;

fn span(trace: TraceId, id: u64, parent: Option<u64>) -> SpanRecordBuilder {
    let id = SpanId::new(id).expect("an id");
    let parent = parent.and_then(SpanId::new);
    SpanRecord::builder(TraceContext::new(trace, id, parent, Sampling::Accept))
}

/// One span of each kind, in a chain from the root; the third is an error.
fn trace(trace: TraceId, started: u64) -> Vec<SpanRecord> {
    let web = || Endpoint::service("web").with_address(([10, 0, 0, 1], 80).into());
    let items = || Endpoint::service("items").with_address(([10, 0, 0, 2], 8080).into());
    let at = |id, parent, duration| {
        span(trace, id, parent)
            .timestamp(started + id)
            .duration(Duration::from_micros(duration))
    };
    let spans = [
        at(1, None, 9_000)
            .kind(Kind::Server)
            .name("get /")
            .local_endpoint(web()),
        at(2, Some(1), 8_000)
            .kind(Kind::Client)
            .name("get")
            .local_endpoint(web())
            .remote_endpoint(items()),
        at(3, Some(2), 7_000)
            .kind(Kind::Server)
            .name("get /items")
            .local_endpoint(items())
            .remote_endpoint(web())
            .tag("http.status_code", "503")
            .tag("error", "503"),
        at(4, Some(3), 6_000)
            .name("load")
            .local_endpoint(items())
            .annotation(started + 5, "slowed down"),
        at(5, Some(4), 5_000)
            .kind(Kind::Producer)
            .name("order")
            .local_endpoint(items()),
        at(6, Some(5), 4_000)
            .kind(Kind::Consumer)
            .name("order")
            .local_endpoint(web()),
    ];
    spans.map(SpanRecordBuilder::build).into()
}

/// A minute ago: a collector may reject times in the future.
fn a_minute_ago() -> u64 {
    now_us() - 60_000_000
}

fn assert_all_sent(report: &ShutdownReport, spans: usize) {
    assert!(report.in_time, "{report}");
    assert_eq!(report.lost, 0, "{report}");
    assert_eq!(report.stats.finished, spans as u64, "{report}");
    assert_eq!(report.stats.sent, spans as u64, "{report}");
}
