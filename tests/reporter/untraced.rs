//! The reporters' own requests, which no proxy on the way may trace.

use crate::{
    LONG, quick, report,
    zipkin_server::{Answer, Server},
};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::collections::BTreeSet;
use tower_b3::{
    Sampling,
    propagation::{Format, Propagation},
};

/// Fails unless a proxy that reads any one of the formats, or all, takes the request for one that is
/// not sampled.
#[track_caller]
pub fn assert_untraced(headers: &HeaderMap) {
    let sampling = |names: &[&str]| {
        let known = names.iter().flat_map(|name| {
            let name = HeaderName::try_from(*name).unwrap();
            headers.get(&name).map(|value| (name, value.clone()))
        });
        let (incoming, _) = Propagation::default().extract(&known.collect());
        assert_eq!(incoming.malformed().count(), 0, "{headers:?}");
        incoming.sampling()
    };
    let multi = [
        "x-b3-traceid",
        "x-b3-spanid",
        "x-b3-parentspanid",
        "x-b3-sampled",
        "x-b3-flags",
    ];
    assert_eq!(sampling(&["b3"]), Sampling::Deny, "{headers:?}");
    assert_eq!(sampling(&multi), Sampling::Deny, "{headers:?}");
    assert_eq!(sampling(&["traceparent"]), Sampling::Deny, "{headers:?}");
    let all: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    assert_eq!(sampling(&all), Sampling::Deny, "{headers:?}");
}

fn parsed(head: &str) -> HeaderMap {
    let fields = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "));
    fields
        .map(|(name, value)| {
            let name = HeaderName::try_from(name).unwrap();
            (name, HeaderValue::try_from(value).unwrap())
        })
        .collect()
}

#[test]
fn every_request_is_an_unsampled_trace_of_its_own() {
    let retried = Answer::Status(503, String::new(), "");
    let server = Server::start([retried], Answer::Accept);
    let zipkin = quick(server.url()).build().unwrap();
    for _ in 0..3 {
        report(&zipkin, "get", 1);
        assert!(zipkin.flush(LONG));
    }
    server.seen(|seen| {
        let heads = seen.requests.iter().map(|request| parsed(&request.head));
        let traces: BTreeSet<_> = heads
            .map(|headers| {
                assert_untraced(&headers);
                let (incoming, _) = Propagation::default().extract(&headers);
                assert_eq!(incoming.origin(), Some(Format::W3c));
                incoming.context().unwrap().trace_id()
            })
            .collect();
        assert_eq!((seen.requests.len(), traces.len()), (4, 4));
    });
}
