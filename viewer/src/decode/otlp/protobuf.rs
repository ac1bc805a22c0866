use super::{
    convert::{Otlp, complete, span},
    message::{OtlpSpan, Resource, Scope},
};
use crate::{
    decode::{
        DecodeError,
        wire::{Messages, decode},
    },
    model::Budget,
};

/// The fields of `ExportTraceServiceRequest`, `ResourceSpans` and `ScopeSpans`.
const RESOURCE_SPANS: usize = 1;
const RESOURCE: usize = 1;
const SCOPE_SPANS: usize = 2;
const SCOPE: usize = 1;
const SPANS: usize = 2;

/// Reads OTLP's protocol buffers: an `ExportTraceServiceRequest`. Spans that are not valid are
/// counted.
///
/// # Errors
///
/// If the message is not such a protocol buffer.
pub fn otlp_protobuf(message: &[u8]) -> Result<Otlp, DecodeError> {
    let (mut read, budget) = (Otlp::default(), Budget::default());
    for field in Messages(message) {
        if let (RESOURCE_SPANS, bytes) = field? {
            resource_spans(bytes, &mut read, &budget)?;
        }
    }
    Ok(read)
}

fn resource_spans(bytes: &[u8], read: &mut Otlp, budget: &Budget) -> Result<(), DecodeError> {
    // A resource may come after its spans.
    let resource: Resource = part("resource", find(bytes, RESOURCE)?)?;
    for field in Messages(bytes) {
        if let (SCOPE_SPANS, bytes) = field? {
            scope_spans(bytes, &resource, read, budget)?;
        }
    }
    Ok(())
}

fn scope_spans(
    bytes: &[u8],
    resource: &Resource,
    read: &mut Otlp,
    budget: &Budget,
) -> Result<(), DecodeError> {
    let scope: Scope = part("scope", find(bytes, SCOPE)?)?;
    for field in Messages(bytes) {
        if let (SPANS, bytes) = field? {
            let at = read.spans.len() + read.rejected + 1;
            let message: OtlpSpan = part(&format!("span {at}"), bytes)?;
            let mut span = span(&message).map_err(|error| format!("span {at}: {error}"));
            if let Ok(span) = &mut span {
                complete(span, resource, &scope);
                budget.spend(span).map_err(DecodeError::new)?;
            }
            read.add(span);
        }
    }
    Ok(())
}

/// The last field with this number; no bytes if there is none.
fn find(bytes: &[u8], wanted: usize) -> Result<&[u8], DecodeError> {
    let mut found: &[u8] = &[];
    for field in Messages(bytes) {
        let (number, bytes) = field?;
        if number == wanted {
            found = bytes;
        }
    }
    Ok(found)
}

fn part<M: prost::Message + Default>(name: &str, bytes: &[u8]) -> Result<M, DecodeError> {
    decode(bytes).map_err(|error| DecodeError::new(format!("{name}: {error}")))
}
