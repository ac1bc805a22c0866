//! Rows of the table for `traceparent`.

use super::Row;

pub const ROWS: &[Row] = &[
    ("traceparent", "traceparent: 00-T-S-01", "T/S/- accept"),
    (
        "traceparent not sampled",
        "traceparent: 00-T-S-00",
        "T/S/- deny",
    ),
    (
        "traceparent, other flags",
        "traceparent: 00-T-S-02",
        "T/S/- deny",
    ),
    (
        "traceparent, all flags",
        "traceparent: 00-T-S-ff",
        "T/S/- accept",
    ),
    (
        "traceparent of 64 bits",
        "traceparent: 00-Zt-S-01",
        "t/S/- accept",
    ),
    (
        "B3's accept decides",
        "x-b3-sampled: 1|traceparent: 00-T-S-00",
        "T/S/- accept",
    ),
    (
        "B3's debug decides",
        "x-b3-flags: 1|traceparent: 00-T-S-00",
        "T/S/- debug",
    ),
    ("a later version", "traceparent: 01-T-S-01", "T/S/- accept"),
    (
        "a later version with more",
        "traceparent: fe-T-S-01-x",
        "T/S/- accept",
    ),
    (
        "a later version with more, but no hyphen",
        "traceparent: fe-T-S-01x",
        "new defer",
    ),
    ("version ff", "traceparent: ff-T-S-01", "new defer"),
    (
        "version 00 with more",
        "traceparent: 00-T-S-01-x",
        "new defer",
    ),
    (
        "version 00 with a hyphen",
        "traceparent: 00-T-S-01-",
        "new defer",
    ),
    (
        "upper case is malformed in W3C",
        "traceparent: 00-463AC35C9F6413AD48485A3953BB6124-S-01",
        "new defer",
    ),
    ("upper-case flags", "traceparent: 00-T-S-0A", "new defer"),
    ("zero trace in W3C", "traceparent: 00-ZZ-S-01", "new defer"),
    ("zero span in W3C", "traceparent: 00-T-Z-01", "new defer"),
    ("16 digits in W3C", "traceparent: 00-t-S-01", "new defer"),
    ("one digit of flags", "traceparent: 00-T-S-1", "new defer"),
    ("no flags", "traceparent: 00-T-S", "new defer"),
    ("one digit of version", "traceparent: 0-T-S-01", "new defer"),
    (
        "malformed traceparent and deny",
        "traceparent: x|x-b3-sampled: 0",
        "new deny",
    ),
];
