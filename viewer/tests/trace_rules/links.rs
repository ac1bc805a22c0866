//! The cases of Zipkin's `DependencyLinkerTest`.

use super::{With, shared_spans, span};
use tower_b3_viewer::{
    model::{
        Kind::{Client, Consumer, Producer, Server},
        Span,
    },
    trace::Links,
};

/// The links, such as `web -> app 2 calls 1 error`.
fn links_of(traces: &[&[Span]]) -> Vec<String> {
    let mut links = Links::default();
    for trace in traces {
        links.add_trace(&shared_spans(trace));
        // The order of arrival must not matter.
        let mut reversed = shared_spans(trace);
        reversed.reverse();
        let mut alone = (Links::default(), Links::default());
        alone.0.add_trace(&shared_spans(trace));
        alone.1.add_trace(&reversed);
        assert_eq!(text(&alone.0), text(&alone.1));
    }
    text(&links)
}

fn text(links: &Links) -> Vec<String> {
    let links = links.iter().map(|(parent, child, calls, errors)| {
        format!("{parent} -> {child} {calls} calls {errors} errors")
    });
    let mut links: Vec<String> = links.collect();
    links.sort();
    links
}

fn links(trace: &[Span]) -> Vec<String> {
    links_of(&[trace])
}

/// A server calls a server that shares the span's id, and a database that fails.
fn shop() -> [Span; 4] {
    [
        span('c')
            .parent('b')
            .kind(Client)
            .local("app")
            .remote("db")
            .error(),
        span('b')
            .parent('a')
            .kind(Server)
            .local("app")
            .remote("web")
            .shared(),
        span('b')
            .parent('a')
            .kind(Client)
            .local("web")
            .remote("app"),
        span('a').kind(Server).local("web"),
    ]
}

const SHOP: [&str; 2] = ["app -> db 1 calls 1 errors", "web -> app 1 calls 0 errors"];

#[test]
fn no_traces_have_no_links() {
    assert_eq!(links_of(&[]), [""; 0]);
    assert_eq!(links(&[]), [""; 0]);
}

#[test]
fn a_shared_span_is_one_call() {
    assert_eq!(links(&shop()), SHOP);
}

#[test]
fn a_shared_span_without_its_parent_is_one_call() {
    let mut trace = shop();
    trace[1].parent_id = None;
    assert_eq!(links(&trace), SHOP);
    // The client's part is missing as well.
    let [database, server, _, root] = trace;
    assert_eq!(links(&[database, server, root]), SHOP);
}

#[test]
fn the_server_may_not_know_its_parent() {
    let trace = [
        span('b').kind(Server).local("link").remote("arn").shared(),
        span('b')
            .parent('a')
            .kind(Client)
            .local("arn")
            .remote("link"),
        span('a').kind(Server).local("arn"),
    ];
    assert_eq!(links(&trace), ["arn -> link 1 calls 0 errors"]);
}

#[test]
fn messages_are_linked_to_their_broker() {
    let sent = span('a').kind(Producer).local("producer");
    let received = span('b').parent('a').kind(Consumer).local("consumer");
    let (to_kafka, from_kafka) = (
        sent.clone().remote("kafka"),
        received.clone().remote("kafka"),
    );
    let (to, from) = (
        "producer -> kafka 1 calls 0 errors",
        "kafka -> consumer 1 calls 0 errors",
    );
    assert_eq!(links(&[sent.clone(), from_kafka.clone()]), [from]);
    assert_eq!(links(&[to_kafka.clone(), received.clone()]), [to]);
    assert_eq!(links(&[to_kafka, from_kafka]), [from, to]);
    assert_eq!(links(&[sent, received]), [""; 0]);
}

#[test]
fn a_producer_may_have_a_server() {
    let producer = span('a').kind(Producer).local("producer");
    let child = span('b').parent('a').kind(Server).local("server");
    let same = span('a').kind(Server).local("server").shared();
    let expected = ["producer -> server 1 calls 0 errors"];
    assert_eq!(links(&[producer.clone(), child]), expected);
    assert_eq!(links(&[producer, same]), expected);
}

#[test]
fn a_client_is_not_linked_to_a_consumer() {
    let trace = [
        span('a').kind(Client).local("client"),
        span('b').parent('a').kind(Consumer).local("consumer"),
    ];
    assert_eq!(links(&trace), [""; 0]);
}

#[test]
fn a_root_may_know_its_other_side() {
    let expected = ["client -> server 1 calls 0 errors"];
    let server = span('a').kind(Server).local("server").remote("client");
    assert_eq!(links(&[server]), expected);
    let client = span('a')
        .kind(Client)
        .local("client")
        .remote("server")
        .shared();
    assert_eq!(links(&[client]), expected);
}

#[test]
fn a_root_that_does_not_know_its_client_is_no_link() {
    assert_eq!(links(&[span('a').kind(Server).local("server")]), [""; 0]);
}

#[test]
fn calls_add_up() {
    let root = span('a').kind(Server).local("client");
    let one = span('b').parent('a').kind(Client).remote("server");
    let other = span('c').parent('a').kind(Client).remote("server");
    let expected = ["client -> server 2 calls 0 errors"];
    assert_eq!(links(&[root.clone(), one.clone(), other]), expected);
    let trace: &[Span] = &[root, one];
    assert_eq!(links_of(&[trace, trace]), expected);
}

#[test]
fn a_call_with_two_spans_is_counted_once() {
    let client = span('a').kind(Client).local("client");
    let server = span('b').parent('a').kind(Server).local("server");
    let same = span('a').kind(Server).local("server").shared();
    let ok = ["client -> server 1 calls 0 errors"];
    let failed = ["client -> server 1 calls 1 errors"];
    assert_eq!(links(&[client.clone(), server.clone()]), ok);
    assert_eq!(
        links(&[client.clone().remote("server"), server.clone()]),
        ok
    );
    assert_eq!(
        links(&[client.clone().error(), server.clone().error()]),
        failed
    );
    assert_eq!(
        links(&[client.clone().error(), same.clone().error()]),
        failed
    );
    // The client may have failed because of the network.
    assert_eq!(links(&[client.clone().error(), server]), failed);
    // With a shared id, Zipkin asks only the server.
    assert_eq!(links(&[client.error(), same]), ok);
}

#[test]
fn a_client_may_have_several_servers() {
    let client = span('a').kind(Client).local("client");
    let one = span('b').parent('a').kind(Server).local("server");
    let other = span('c').parent('a').kind(Server).local("server");
    let failed = [
        client.clone(),
        one.clone().remote("client").error(),
        other.clone().remote("client"),
    ];
    assert_eq!(links(&failed), ["client -> server 2 calls 1 errors"]);
    let named = [client.remote("server"), one, other];
    assert_eq!(links(&named), ["client -> server 2 calls 0 errors"]);
}

#[test]
fn local_spans_in_between_are_skipped() {
    let trace = |error: bool| {
        let call = |id| span(id).parent('b').kind(Client).local("server");
        let [c, d] = ['c', 'd'].map(call);
        let [c, d] = if error {
            [c.error(), d.error()]
        } else {
            [c, d]
        };
        [
            span('a').kind(Server).local("client"),
            span('b').parent('a'),
            c,
            d,
        ]
    };
    let expected = ["client -> server 2 calls 0 errors"];
    assert_eq!(links(&trace(false)), expected);
    // Whose error it is, is not known.
    assert_eq!(links(&trace(true)), expected);
}

#[test]
fn a_client_with_another_service_than_its_ancestor_is_linked_to_it() {
    let call = |id| span(id).parent('b').kind(Client).local("bar").remote("baz");
    let trace = [
        span('a').kind(Server).local("foo"),
        span('b').parent('a'),
        call('c').error(),
        call('d'),
    ];
    let expected = ["bar -> baz 2 calls 1 errors", "foo -> bar 2 calls 0 errors"];
    assert_eq!(links(&trace), expected);
}

#[test]
fn a_client_without_its_parent_is_linked() {
    let client = span('c')
        .parent('b')
        .kind(Client)
        .local("foo")
        .remote("bar");
    assert_eq!(
        links(std::slice::from_ref(&client)),
        ["foo -> bar 1 calls 0 errors"]
    );
    assert_eq!(links(&[client.error()]), ["foo -> bar 1 calls 1 errors"]);
}

#[test]
fn a_local_span_that_knows_both_sides_is_a_call() {
    let span_with_both = span('a').local("foo").remote("bar");
    assert_eq!(links(&[span_with_both]), ["foo -> bar 1 calls 0 errors"]);
    assert_eq!(links(&[span('a').local("foo")]), [""; 0]);
    assert_eq!(links(&[span('a').remote("bar")]), [""; 0]);
}

#[test]
fn loops_and_own_parents_end() {
    let trace = [
        span('a').parent('b').kind(Client).local("x").remote("y"),
        span('b').parent('a').kind(Client).local("y").remote("x"),
        span('c').kind(Server).local("z").remote("y"),
    ];
    // What no root leads to is not seen.
    assert_eq!(links(&trace), ["y -> z 1 calls 0 errors"]);
}
