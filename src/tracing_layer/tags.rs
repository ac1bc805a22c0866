//! What the fields of a span say about it: tags, and what OpenTelemetry's names mean.

use super::{fields::Fields, peer};
use crate::{
    record::{Kind, RemoteNameSource, SpanBuffer},
    span::OpenSpan,
};

/// Writes fields to a span.
pub(super) fn write(fields: &Fields, open: &mut OpenSpan) {
    let Some(record) = open.record() else {
        return;
    };
    let kind_before = record.fields.kind;
    let had_tags = record.has_tags();
    for (name, value) in fields.iter() {
        match name.strip_prefix("otel.") {
            Some(special) if write_special(special, value, record) => {}
            _ if name == "peer.service" => {
                record.set_remote_service_from(RemoteNameSource::Name, value);
            }
            _ => record.set_tag(name, value),
        }
    }
    if record.fields.kind.is_some() {
        // Only now, since the kind can be any of the fields, or be recorded after the others.
        if had_tags && record.fields.kind != kind_before {
            read_earlier_tags(record);
        }
        for (name, value) in fields.iter() {
            peer::read(name, value, record);
        }
    }
    record.count_left_out(fields.left_out);
}

/// Reads what was recorded about the other side before the span's kind was known.
fn read_earlier_tags(record: &mut SpanBuffer) {
    let about_peer = record.texts_of_handler_tags(peer::is_about_peer);
    for (name, value) in about_peer {
        peer::read(&name, &value, record);
    }
}

/// A field of `tracing-opentelemetry`, by its name behind `otel.`. Returns whether there is one of
/// this name.
fn write_special(name: &str, value: &str, record: &mut SpanBuffer) -> bool {
    match name {
        "name" => record.set_name(&[value]),
        "kind" => {
            if let Some(kind) = kind(value) {
                record.fields.kind = kind;
            }
        }
        "status_code" if value.eq_ignore_ascii_case("error") => record.set_tag("error", "true"),
        "status_code" if value.eq_ignore_ascii_case("ok") => {
            record.remove_handler_tag("error");
            record.remove_handler_tag("error.reason");
        }
        "status_code" => {}
        "status_message" | "status_description" => {
            record.set_tag("error", "true");
            record.set_tag("error.reason", value);
        }
        _ => return false,
    }
    true
}

/// The kind of a span; `Some(None)` is that of a local one.
fn kind(value: &str) -> Option<Option<Kind>> {
    const KINDS: [(&str, Option<Kind>); 5] = [
        ("internal", None),
        ("server", Some(Kind::Server)),
        ("client", Some(Kind::Client)),
        ("producer", Some(Kind::Producer)),
        ("consumer", Some(Kind::Consumer)),
    ];
    let mut kinds = KINDS.iter();
    let found = kinds.find(|(name, _)| name.eq_ignore_ascii_case(value))?;
    Some(found.1)
}
