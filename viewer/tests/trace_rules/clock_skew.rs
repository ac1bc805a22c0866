//! Clock skew, as Zipkin's page corrects it.

use super::{With, shared_spans, span};
use tower_b3_viewer::{
    model::{
        Kind::{Client, Server},
        Span,
    },
    trace::{NoteKind, TraceView},
};

/// The starts after the correction, with the correction, by id.
fn corrected(spans: &[Span]) -> Vec<(u64, u64, i64)> {
    let view = TraceView::new(&shared_spans(spans)).unwrap();
    let mut starts: Vec<_> = view
        .spans
        .iter()
        .map(|one| (one.span.id.get(), one.span.timestamp, one.skew_micros))
        .collect();
    starts.sort_unstable();
    starts
}

fn client() -> Span {
    span('a').kind(Client).local("web").ip(1).at(1_000_000, 100)
}

fn server() -> Span {
    span('b').parent('a').kind(Server).local("app").ip(2)
}

#[test]
fn a_server_that_seems_to_start_first_is_moved_into_its_client() {
    // 20 µs of the client's time are not the server's: 10 on each way.
    let server = server().at(999_000, 80);
    let expected = [(0xa, 1_000_000, 0), (0xb, 1_000_010, -1_010)];
    assert_eq!(corrected(&[client(), server]), expected);
}

#[test]
fn a_server_that_starts_later_is_not_moved() {
    let server = server().at(1_000_050, 500);
    let expected = [(0xa, 1_000_000, 0), (0xb, 1_000_050, 0)];
    assert_eq!(corrected(&[client(), server]), expected);
}

#[test]
fn a_server_that_takes_longer_starts_after_its_client() {
    let server = server().at(999_000, 500);
    let expected = [(0xa, 1_000_000, 0), (0xb, 1_000_001, -1_001)];
    assert_eq!(corrected(&[client(), server]), expected);
}

#[test]
fn without_a_duration_a_server_starts_after_its_client() {
    let server = server().at(999_000, 0);
    let expected = [(0xa, 1_000_000, 0), (0xb, 1_000_001, -1_001)];
    assert_eq!(corrected(&[client(), server]), expected);
}

#[test]
fn one_host_has_one_clock() {
    let server = server().ip(1).at(999_000, 80);
    let expected = [(0xa, 1_000_000, 0), (0xb, 999_000, 0)];
    assert_eq!(corrected(&[client(), server]), expected);
}

#[test]
fn the_skew_of_a_host_is_that_of_its_children() {
    let child = span('c').parent('b').local("app").ip(2).at(999_020, 10);
    let elsewhere = span('d').parent('b').local("other").ip(3).at(999_020, 10);
    let corrections = corrected(&[client(), server().at(999_000, 80), child, elsewhere]);
    let moved: Vec<i64> = corrections.iter().map(|(_, _, moved)| *moved).collect();
    assert_eq!(moved, [0, -1_010, -1_010, 0]);
}

#[test]
fn annotations_are_moved_too() {
    let mut server = server().at(999_000, 80);
    server.annotations.push(tower_b3_viewer::model::Annotation {
        timestamp: 999_005,
        value: "sent".into(),
    });
    let view = TraceView::new(&shared_spans(&[client(), server])).unwrap();
    let server = view.spans.iter().find(|one| one.skew_micros != 0).unwrap();
    assert_eq!(server.span.annotations[0].timestamp, 1_000_015);
    let [note] = &view.notes[..] else {
        panic!("{:?}", view.notes);
    };
    assert_eq!(note.kind, NoteKind::ClockSkew);
    assert_eq!(
        note.text,
        "The clock of app is 1010 µs behind. Its times are corrected."
    );
}

#[test]
fn two_roots_or_none_are_not_corrected() {
    let second = span('e').local("web").ip(1).at(1_000_000, 10);
    let trace = [client(), server().at(999_000, 80), second];
    assert!(corrected(&trace).iter().all(|(_, _, moved)| *moved == 0));
    let headless = [client().parent('f'), server().at(999_000, 80)];
    assert!(corrected(&headless).iter().all(|(_, _, moved)| *moved == 0));
}

#[test]
fn what_is_missing_is_said() {
    let orphan = span('b').parent('f').local("app").at(5, 1);
    let timeless = span('a').local("web");
    let view = TraceView::new(&shared_spans(&[timeless, orphan])).unwrap();
    let notes = view
        .notes
        .iter()
        .map(|note| (note.kind, note.span_id.get()));
    let expected = [(NoteKind::NoTimestamp, 0xa), (NoteKind::MissingParent, 0xb)];
    assert_eq!(notes.collect::<Vec<_>>(), expected);
}

#[test]
fn a_deep_trace_is_corrected() {
    // Ids are those of a chain that would overflow the stack of a recursive function.
    let mut spans = vec![span('1').local("web").at(1, 1)];
    for id in 2..50_000 {
        let mut next = spans[0].clone();
        next.id = tower_b3_viewer::model::SpanId::new(id).unwrap();
        next.parent_id = tower_b3_viewer::model::SpanId::new(id - 1);
        spans.push(next);
    }
    assert_eq!(corrected(&spans).len(), 49_999);
}
