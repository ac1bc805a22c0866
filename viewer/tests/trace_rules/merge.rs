//! The rules of Zipkin's `Trace.merge`.

use super::{With, shared_spans, span};
use tower_b3_viewer::{
    model::{
        Kind::{Client, Server},
        Span, TraceId,
    },
    trace::merge,
};

fn merged(spans: &[Span]) -> Vec<Span> {
    let mut reversed = shared_spans(spans);
    reversed.reverse();
    let merged = merge(&shared_spans(spans));
    let reversed = merge(&reversed);
    let ids = |spans: &[_]| -> Vec<String> {
        let ids = spans.iter().map(|span: &std::sync::Arc<Span>| {
            format!(
                "{} {:?} {:?} {}",
                span.id, span.parent_id, span.kind, span.shared
            )
        });
        ids.collect()
    };
    assert_eq!(ids(&merged), ids(&reversed));
    merged.iter().map(|span| (**span).clone()).collect()
}

#[test]
fn parts_of_a_span_become_one() {
    let mut start = span('a').kind(Client).local("web").at(10, 0);
    start.tags.push(("http.method".into(), "GET".into()));
    let mut end = span('a').at(0, 5);
    end.tags.push(("http.status_code".into(), "200".into()));
    let [span] = &merged(&[start, end])[..] else {
        panic!("one span");
    };
    assert_eq!((span.timestamp, span.duration), (10, 5));
    assert_eq!(span.kind, Some(Client));
    assert_eq!(span.local_service(), Some("web"));
    assert_eq!(span.tag("http.method"), Some("GET"));
    assert_eq!(span.tag("http.status_code"), Some("200"));
}

#[test]
fn the_same_id_in_two_services_is_two_spans() {
    let spans = merged(&[span('a').local("web"), span('a').local("app")]);
    assert_eq!(spans.len(), 2);
}

#[test]
fn addresses_and_ports_tell_services_apart() {
    let on = |ip: u8, port: u16| {
        let mut span = span('a').local("web").ip(ip);
        span.local_endpoint.as_mut().unwrap().port = port;
        span
    };
    assert_eq!(merged(&[on(1, 0), on(2, 0)]).len(), 2);
    assert_eq!(merged(&[on(1, 80), on(1, 81)]).len(), 2);
    assert_eq!(merged(&[on(1, 80), on(1, 0)]).len(), 1);
}

#[test]
fn the_server_of_a_client_with_its_id_is_shared() {
    let client = span('b').parent('a').kind(Client).local("web");
    let server = span('b').kind(Server).local("app");
    let spans = merged(&[server, client]);
    let [client, server] = &spans[..] else {
        panic!("two spans");
    };
    assert_eq!((client.kind, client.shared), (Some(Client), false));
    assert_eq!((server.kind, server.shared), (Some(Server), true));
    assert_eq!(server.parent_id, client.parent_id);
}

#[test]
fn a_shared_span_without_a_client_stays_as_it_is() {
    let server = span('b').kind(Server).local("app").shared();
    assert_eq!(merged(std::slice::from_ref(&server)), [server]);
}

#[test]
fn the_longest_trace_id_wins() {
    let mut long = span('a');
    long.trace_id = TraceId::new(0x1_0000_0000_0000_0000_000a).unwrap();
    let spans = merged(&[span('b').parent('a'), long.clone()]);
    assert!(spans.iter().all(|span| span.trace_id == long.trace_id));
}

#[test]
fn annotations_are_sorted_and_unique() {
    let event = |timestamp, value: &str| tower_b3_viewer::model::Annotation {
        timestamp,
        value: value.into(),
    };
    let (mut one, mut other) = (span('a'), span('a'));
    one.annotations = vec![event(2, "b"), event(3, "c")];
    other.annotations = vec![event(1, "a"), event(2, "b")];
    let spans = merged(&[one, other]);
    assert_eq!(
        spans[0].annotations,
        [event(1, "a"), event(2, "b"), event(3, "c")]
    );
}

/// Without more work for each part than for the one before: otherwise this test does not end.
#[test]
fn a_span_may_have_very_many_parts() {
    const PARTS: usize = 200_000;
    let part = |at: usize| {
        let mut part = span('a');
        part.tags.push((at.to_string().into(), "".into()));
        part
    };
    let parts: Vec<Span> = (0..PARTS).map(part).collect();
    let merged = merge(&shared_spans(&parts));
    assert_eq!((merged.len(), merged[0].tags.len()), (1, PARTS));
    assert!(merged[0].tag("777").is_some());
}
