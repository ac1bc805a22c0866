//! Several metrics in one registry of another crate.
#![cfg(any(feature = "prometheus", feature = "prometheus-client"))]

use crate::{answered, parser::parse, webapp};
use tower_b3::{
    Direction,
    metrics::{Metrics, Naming},
};

fn several() -> [Metrics; 3] {
    let builder = || Metrics::builder(webapp());
    let all = [
        builder().build(),
        builder().naming(Naming::Red).build(),
        builder().build(),
    ];
    for metrics in &all {
        metrics.record(Direction::Server, &answered(200));
    }
    all
}

fn check(text: &str) {
    let (_, lines) = parse(text);
    let value = |name: &str| {
        let mut lines = lines.iter().filter(|line| line.name == name);
        let value = lines.next().map(|line| line.value);
        assert!(lines.next().is_none(), "{name}");
        value
    };
    assert_eq!(value("istio_requests_total"), Some(2.0));
    assert_eq!(value("istio_request_bytes_count"), Some(2.0));
    assert_eq!(value("http_server_requests_total"), Some(1.0));
    assert_eq!(value("istio_build"), Some(1.0));
}

#[cfg(feature = "prometheus-client")]
#[test]
fn prometheus_client_gets_each_family_once() {
    let [one, two, three] = several();
    let collector = one.prometheus_client_collector().and(&two).and(&three);
    let mut registry = prometheus_client::registry::Registry::default();
    registry.register_collector(Box::new(collector));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    check(&text);
}

#[cfg(feature = "prometheus")]
#[test]
fn prometheus_gets_each_family_once() {
    let [one, two, three] = several();
    let collector = one.prometheus_collector().unwrap().and(&two).and(&three);
    let registry = prometheus::Registry::new();
    registry.register(Box::new(collector)).unwrap();
    let encoder = prometheus::TextEncoder::new();
    let text = encoder.encode_to_string(&registry.gather()).unwrap();
    check(&text);
}
