//! Messages as the reporters of tower-b3 write them.

use proptest::{collection::vec, option, prelude::*};
use std::{
    net::{IpAddr, Ipv6Addr},
    sync::mpsc,
    time::Duration,
};
use tower_b3::{
    Sampling, TraceContext,
    id::{SpanId, TraceId},
    record::{Endpoint, Kind, SpanRecord},
    report::{BatchReporter, Encoder, Message, Outcome, Reporter, Sender},
};

struct ToChannel(mpsc::Sender<Message>);

impl Sender for ToChannel {
    async fn send(&mut self, message: Message) -> Outcome {
        let _ = self.0.send(message);
        Outcome::Accepted
    }
}

/// The messages that a reporter makes of these spans.
pub fn messages(encoder: impl Encoder, spans: &[SpanRecord]) -> Vec<Message> {
    let (sender, messages) = mpsc::channel();
    let reporter = BatchReporter::builder(encoder, ToChannel(sender))
        .build()
        .unwrap();
    for span in spans {
        reporter.report(span.clone());
    }
    reporter.shutdown(Duration::from_secs(10));
    messages.iter().collect()
}

#[allow(dead_code, reason = "not all tests have any text")]
/// Any text, as names and values may contain.
pub fn any_text() -> BoxedStrategy<String> {
    let texts = prop_oneof![
        "[a-z./ -]{0,12}",
        any::<String>(),
        prop::sample::select(vec![
            "",
            "\"\\\u{0}\u{1f}\u{7f}",
            "ünïcödé 🦀",
            "\u{2028}<img src=x onerror=alert(1)>"
        ])
        .prop_map(str::to_owned),
    ];
    texts.boxed()
}

fn endpoint(text: fn() -> BoxedStrategy<String>) -> impl Strategy<Value = Endpoint> {
    let ip = prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<u128>().prop_map(|ip| IpAddr::from(Ipv6Addr::from(ip))),
    ];
    (option::of(text()), option::of(ip), any::<u16>()).prop_map(|(name, ip, port)| {
        let endpoint = Endpoint::service(name.unwrap_or_default()).with_port(port);
        match ip {
            Some(ip) => endpoint.with_ip(ip),
            None => endpoint,
        }
    })
}

prop_compose! {
    /// Any span with such texts.
    pub fn records(text: fn() -> BoxedStrategy<String>)(
        trace in prop_oneof![1_u128.., 1_u128..u128::from(u64::MAX)],
        id in 1_u64..,
        parent in option::of(1_u64..),
        sampling in prop::sample::select(vec![Sampling::Accept, Sampling::Debug]),
        kind in option::of(prop::sample::select(vec![Kind::Server, Kind::Client, Kind::Producer, Kind::Consumer])),
        name in text(),
        timestamp in 0_u64..1 << 53,
        duration in 1_u64..1 << 40,
        local in endpoint(text),
        remote in endpoint(text),
        annotations in vec((1_u64..1 << 53, text()), 0..4),
        tags in vec((text(), text()), 0..8),
        error in option::of(text()),
        shared: bool,
    ) -> SpanRecord {
        let parent = parent.and_then(SpanId::new);
        let context = TraceContext::new(
            TraceId::new(trace).unwrap(), SpanId::new(id).unwrap(), parent, sampling);
        let mut span = SpanRecord::builder(context)
            .name(&name)
            .timestamp(timestamp)
            .duration(Duration::from_micros(duration))
            .local_endpoint(local)
            .remote_endpoint(remote)
            .shared(shared);
        if let Some(kind) = kind {
            span = span.kind(kind);
        }
        for (micros, text) in &annotations {
            span = span.annotation(*micros, text);
        }
        for (name, value) in &tags {
            span = span.tag(name, value);
        }
        if let Some(reason) = error {
            span = span.tag("error", "true").tag("error.reason", &reason);
        }
        span.build()
    }
}
