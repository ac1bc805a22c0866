//! Rows of the table for `b3`.

use super::Row;

pub const ROWS: &[Row] = &[
    ("nothing", "accept: */*", "new defer"),
    // `b3` with ids.
    ("ids and accept", "b3: T-S-1", "T/S/- accept"),
    ("ids and deny", "b3: T-S-0", "T/S/- deny"),
    ("ids and debug", "b3: T-S-d", "T/S/- debug"),
    ("ids alone", "b3: T-S", "T/S/- defer"),
    ("all four fields", "b3: T-S-1-P", "T/S/P accept"),
    ("a parent without a state", "b3: T-S-P", "T/S/P defer"),
    ("a 64-bit trace id", "b3: t-S-1", "t/S/- accept"),
    (
        "a zero high half is a 64-bit id",
        "b3: Zt-S-1",
        "t/S/- accept",
    ),
    ("a zero parent is absent", "b3: T-S-1-Z", "T/S/- accept"),
    ("a zero parent without a state", "b3: T-S-Z", "T/S/- defer"),
    ("names in any case", "B3: T-S-1", "T/S/- accept"),
    ("white space around", "b3: \t T-S-1 \t", "T/S/- accept"),
    (
        "upper case is read",
        "b3: 463AC35C9F6413AD48485A3953BB6124-A2FB4A1D1A96D312-1",
        "T/S/- accept",
    ),
    (
        "x-b3-* is not consulted",
        "b3: T-S-1|x-b3-traceid: P|x-b3-spanid: P|x-b3-sampled: 0",
        "T/S/- accept",
    ),
    ("nor its debug", "b3: T-S-0|x-b3-flags: 1", "T/S/- deny"),
    (
        "nor its state for a deferred b3",
        "b3: T-S|x-b3-traceid: T|x-b3-spanid: S|x-b3-sampled: 0",
        "T/S/- defer",
    ),
    (
        "nor traceparent",
        "b3: T-S|traceparent: 00-T-P-01",
        "T/S/- defer",
    ),
    (
        "of a repeated b3 the first counts",
        "b3: T-S-0|b3: T-P-1",
        "T/S/- deny",
    ),
    ("also when it is malformed", "b3: x|b3: T-P-1", "new defer"),
    // A sidecar advanced `x-b3-*` only.
    (
        "advanced: ids of x-b3-*, state of b3",
        "b3: T-S-1|x-b3-traceid: T|x-b3-spanid: P|x-b3-parentspanid: S|x-b3-sampled: 0",
        "T/P/S accept",
    ),
    (
        "advanced: state of x-b3-* if b3 has none",
        "b3: T-S|x-b3-traceid: T|x-b3-spanid: P|x-b3-parentspanid: S|x-b3-sampled: 0",
        "T/P/S deny",
    ),
    (
        "advanced: debug of x-b3-* if b3 has none",
        "b3: T-S|x-b3-traceid: T|x-b3-spanid: P|x-b3-parentspanid: S|x-b3-flags: 1",
        "T/P/S debug",
    ),
    (
        "advanced: b3's deny over debug",
        "b3: T-S-0|x-b3-traceid: T|x-b3-spanid: P|x-b3-parentspanid: S|x-b3-flags: 1",
        "T/P/S deny",
    ),
    (
        "advanced, a padded 64-bit trace",
        "b3: t-S-1|x-b3-traceid: Zt|x-b3-spanid: P|x-b3-parentspanid: S",
        "t/P/S accept",
    ),
    (
        "advanced, in upper case",
        "b3: T-S-1|x-b3-traceid: 463AC35C9F6413AD48485A3953BB6124|x-b3-spanid: P|x-b3-parentspanid: A2FB4A1D1A96D312",
        "T/P/S accept",
    ),
    (
        "not advanced: another trace",
        "b3: T-S-1|x-b3-traceid: t|x-b3-spanid: P|x-b3-parentspanid: S",
        "T/S/- accept",
    ),
    (
        "not advanced: another parent",
        "b3: T-S-1-P|x-b3-traceid: T|x-b3-spanid: P|x-b3-parentspanid: P",
        "T/S/P accept",
    ),
    (
        "not advanced: no span id",
        "b3: T-S-1|x-b3-traceid: T|x-b3-parentspanid: S",
        "T/S/- accept",
    ),
    // `b3` is a state alone.
    (
        "state and ids of x-b3-*",
        "b3: 0|x-b3-traceid: T|x-b3-spanid: S|x-b3-sampled: 1",
        "T/S/- deny",
    ),
    (
        "state over flags",
        "b3: 1|x-b3-traceid: T|x-b3-spanid: S|x-b3-parentspanid: P|x-b3-flags: 1",
        "T/S/P accept",
    ),
    (
        "debug and ids of x-b3-*",
        "b3: d|x-b3-traceid: T|x-b3-spanid: S|x-b3-sampled: 0",
        "T/S/- debug",
    ),
    ("deny alone", "b3: 0", "new deny"),
    ("accept alone", "b3: 1", "new accept"),
    ("debug alone", "b3: d", "new debug"),
    ("state alone, white space around", "b3:  0\t", "new deny"),
    (
        "state alone, ids unreadable",
        "b3: d|x-b3-traceid: T|x-b3-spanid: xyz|x-b3-sampled: 0",
        "new debug",
    ),
    (
        "state alone and traceparent",
        "b3: 0|traceparent: 00-T-S-01",
        "T/S/- deny",
    ),
    ("an upper-case D is no state", "b3: D", "new defer"),
    ("a word is no state", "b3: true", "new defer"),
    // `b3` malformed.
    (
        "falls back to ids and state",
        "b3: T--1|x-b3-traceid: T|x-b3-spanid: S|x-b3-sampled: 0",
        "T/S/- deny",
    ),
    ("falls back to debug", "b3: T--0|x-b3-flags: 1", "new debug"),
    (
        "keeps its state if nothing else decides",
        "b3: T-x-0|x-b3-traceid: T|x-b3-spanid: S",
        "T/S/- deny",
    ),
    (
        "keeps its state, of three fields",
        "b3: x-S-1",
        "new accept",
    ),
    (
        "keeps its state, of four fields",
        "b3: x-S-d-P",
        "new debug",
    ),
    ("keeps its state, of empty fields", "b3: --0", "new deny"),
    (
        "keeps no state of five fields",
        "b3: T-S-1-P-1",
        "new defer",
    ),
    ("keeps no state of two fields", "b3: T-0", "new defer"),
    ("keeps no fourth field", "b3: T-x-y-0", "new defer"),
    (
        "its state stands over traceparent's",
        "b3: T-x-0|traceparent: 00-T-S-01",
        "T/S/- deny",
    ),
    (
        "traceparent decides where it is silent",
        "b3: x|traceparent: 00-T-S-00",
        "T/S/- deny",
    ),
    ("never ids from a malformed b3", "b3: T-S-2", "new defer"),
    ("an empty b3", "b3: ", "new defer"),
    ("only white space", "b3: \t ", "new defer"),
    ("an empty trace id", "b3: -S-1", "new accept"),
    ("an empty span id", "b3: T--", "new defer"),
    ("a trailing hyphen", "b3: T-S-", "new defer"),
    (
        "a trailing hyphen after the state",
        "b3: T-S-1-",
        "new accept",
    ),
    ("a trailing hyphen after all", "b3: T-S-1-P-", "new defer"),
    (
        "a trailing hyphen after a state alone",
        "b3: 0-",
        "new defer",
    ),
    ("a trace id alone", "b3: T", "new defer"),
    (
        "20 digits are no trace id",
        "b3: 463ac35c9f6413ad4848-S-1",
        "new accept",
    ),
    (
        "15 digits are no trace id",
        "b3: 463ac35c9f6413a-S-1",
        "new accept",
    ),
    ("33 digits are no trace id", "b3: T0-S-0", "new deny"),
    (
        "15 digits are no span id",
        "b3: T-a2fb4a1d1a96d31-0",
        "new deny",
    ),
    ("17 digits are no span id", "b3: T-S0-0", "new deny"),
    (
        "a malformed parent makes b3 malformed",
        "b3: T-S-1-x",
        "new accept",
    ),
    (
        "a short parent too",
        "b3: T-S-0-002000000000001",
        "new deny",
    ),
    (
        "a parent of sixteen other characters too",
        "b3: T-S-xxxxxxxxxxxxxxxx",
        "new defer",
    ),
    ("a long state", "b3: T-S-11", "new defer"),
    ("two values in one", "b3: T-S-1,T-S-0", "new defer"),
    ("a zero trace id", "b3: ZZ-S-0", "new deny"),
    ("a zero 64-bit trace id", "b3: Z-S-1", "new accept"),
    ("a zero span id", "b3: T-Z-d", "new debug"),
    (
        "a zero trace id and x-b3-*",
        "b3: ZZ-S-0|x-b3-traceid: T|x-b3-spanid: P|x-b3-sampled: 1",
        "T/P/- accept",
    ),
    (
        "a sign",
        "b3: +63ac35c9f6413ad48485a3953bb6124-S-1",
        "new accept",
    ),
    (
        "0x",
        "b3: 0x3ac35c9f6413ad48485a3953bb6124-S-1",
        "new accept",
    ),
    ("white space inside", "b3: T -S-1", "new accept"),
    ("not ASCII", "b3: T-a2fb4a1d1a96d31é-1", "new accept"),
    ("full-width digits", "b3: T-S-１", "new defer"),
];
