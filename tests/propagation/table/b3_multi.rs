//! Rows of the table for `x-b3-*`.

use super::Row;

pub const ROWS: &[Row] = &[
    (
        "multi: ids",
        "x-b3-traceid: T|x-b3-spanid: S",
        "T/S/- defer",
    ),
    (
        "multi: all",
        "X-B3-TraceId: T|X-B3-SpanId: S|X-B3-ParentSpanId: P|X-B3-Sampled: 1",
        "T/S/P accept",
    ),
    (
        "multi: short ids are padded",
        "x-b3-traceid: 1|x-b3-spanid: 2|x-b3-parentspanid: 3",
        "0000000000000001/0000000000000002/0000000000000003 defer",
    ),
    (
        "multi: 17 digits",
        "x-b3-traceid: 1t|x-b3-spanid: S",
        "0000000000000001t/S/- defer",
    ),
    (
        "multi: 33 digits",
        "x-b3-traceid: T0|x-b3-spanid: S",
        "new defer",
    ),
    (
        "multi: 33 digits, the first a zero",
        "x-b3-traceid: 0T|x-b3-spanid: S",
        "new defer",
    ),
    (
        "multi: a span id of 17 digits",
        "x-b3-traceid: T|x-b3-spanid: 0S|x-b3-sampled: 0",
        "new deny",
    ),
    (
        "multi: empty ids",
        "x-b3-traceid: |x-b3-spanid: |x-b3-sampled: 1",
        "new accept",
    ),
    (
        "multi: upper case",
        "x-b3-traceid: 463AC35C9F6413AD48485A3953BB6124|x-b3-spanid: A2FB4A1D1A96D312",
        "T/S/- defer",
    ),
    (
        "multi: a sign",
        "x-b3-traceid: +1|x-b3-spanid: S",
        "new defer",
    ),
    (
        "multi: minus",
        "x-b3-traceid: T|x-b3-spanid: -1",
        "new defer",
    ),
    ("multi: 0x", "x-b3-traceid: 0x1|x-b3-spanid: S", "new defer"),
    (
        "multi: an underscore",
        "x-b3-traceid: 1_0|x-b3-spanid: S",
        "new defer",
    ),
    (
        "multi: white space around",
        "x-b3-traceid: \tT |x-b3-spanid:  S|x-b3-sampled:  1 ",
        "T/S/- accept",
    ),
    (
        "multi: white space inside",
        "x-b3-traceid: 46 3a|x-b3-spanid: S",
        "new defer",
    ),
    (
        "multi: not ASCII",
        "x-b3-traceid: é|x-b3-spanid: S|x-b3-sampled: 0",
        "new deny",
    ),
    (
        "multi: a zero trace id",
        "x-b3-traceid: ZZ|x-b3-spanid: S|x-b3-sampled: 0",
        "new deny",
    ),
    (
        "multi: a zero span id",
        "x-b3-traceid: T|x-b3-spanid: 0|x-b3-flags: 1",
        "new debug",
    ),
    (
        "multi: a zero id and traceparent",
        "x-b3-traceid: T|x-b3-spanid: Z|traceparent: 00-T-S-01",
        "T/S/- accept",
    ),
    (
        "multi: a zero parent is absent",
        "x-b3-traceid: T|x-b3-spanid: S|x-b3-parentspanid: 0",
        "T/S/- defer",
    ),
    (
        "multi: a malformed parent is absent",
        "x-b3-traceid: T|x-b3-spanid: S|x-b3-parentspanid: PP|x-b3-sampled: 1",
        "T/S/- accept",
    ),
    (
        "multi: an empty parent is absent",
        "x-b3-traceid: T|x-b3-spanid: S|x-b3-parentspanid: ",
        "T/S/- defer",
    ),
    (
        "multi: a trace id alone, deny stands",
        "x-b3-traceid: T|x-b3-sampled: 0",
        "new deny",
    ),
    (
        "multi: a trace id alone, debug stands",
        "x-b3-traceid: T|x-b3-flags: 1",
        "new debug",
    ),
    ("multi: a span id alone", "x-b3-spanid: S", "new defer"),
    (
        "multi: a parent id alone",
        "x-b3-parentspanid: P|x-b3-sampled: 1",
        "new accept",
    ),
    (
        "multi: a trace id alone and traceparent",
        "x-b3-traceid: T|x-b3-sampled: 0|traceparent: 00-T-S-01",
        "T/S/- deny",
    ),
    (
        "multi: repeated",
        "x-b3-traceid: T|x-b3-traceid: t|x-b3-spanid: S|x-b3-spanid: P|x-b3-sampled: 0|x-b3-sampled: 1",
        "T/S/- deny",
    ),
    (
        "multi: repeated, the first malformed",
        "x-b3-traceid: x|x-b3-traceid: T|x-b3-spanid: S|x-b3-sampled: |x-b3-sampled: 1",
        "new defer",
    ),
    (
        "multi: repeated flags",
        "x-b3-flags: 0|x-b3-flags: 1|x-b3-sampled: 0",
        "new deny",
    ),
    // States.
    ("sampled 1", "x-b3-sampled: 1", "new accept"),
    ("sampled true", "x-b3-sampled: true", "new accept"),
    ("sampled True", "x-b3-sampled: True", "new accept"),
    ("sampled 0", "x-b3-sampled: 0", "new deny"),
    ("sampled false", "x-b3-sampled: false", "new deny"),
    ("sampled FALSE", "x-b3-sampled: FALSE", "new deny"),
    ("sampled empty", "x-b3-sampled: ", "new defer"),
    ("sampled d", "x-b3-sampled: d", "new defer"),
    ("sampled 2", "x-b3-sampled: 2", "new defer"),
    ("sampled 01", "x-b3-sampled: 01", "new defer"),
    ("sampled yes", "x-b3-sampled: yes", "new defer"),
    ("flags 1", "x-b3-flags: 1", "new debug"),
    (
        "flags 1 over deny",
        "x-b3-traceid: T|x-b3-spanid: S|x-b3-sampled: 0|x-b3-flags: 1",
        "T/S/- debug",
    ),
    (
        "flags 1, white space around",
        "x-b3-flags:  1 ",
        "new debug",
    ),
    (
        "flags 0 is ignored",
        "x-b3-sampled: 1|x-b3-flags: 0",
        "new accept",
    ),
    (
        "flags 2 is ignored",
        "x-b3-sampled: 0|x-b3-flags: 2",
        "new deny",
    ),
    ("flags 01 is ignored", "x-b3-flags: 01", "new defer"),
    ("flags true is ignored", "x-b3-flags: true", "new defer"),
    ("flags 3 is ignored", "x-b3-flags: 3", "new defer"),
];
