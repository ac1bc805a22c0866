//! Properties of any peer metadata.

use base64::{Engine, engine::general_purpose::STANDARD};
use prost::Message;
use prost_types::{Struct, Value, value::Kind};
use tower_b3::metrics::PeerMetadata;

/// Input: the bytes of a `Struct`, which may be anything. What the protocol buffers library reads is read
/// in the same way, up to a depth; and what is read is the same when it is written and read again.
pub fn peer_metadata(input: &[u8]) {
    // As the value of a header.
    let _ = PeerMetadata::decode(input);
    let value = STANDARD.encode(input);
    let read = PeerMetadata::decode(value.as_bytes());
    if let Ok(peer) = &read {
        let again = PeerMetadata::decode(peer.encode().as_bytes());
        // Written, it may be longer than 8 KiB: every text may come with another's length.
        if again.is_ok() {
            assert_eq!(again.as_ref(), Ok(peer));
        }
    }
    let Ok(fields) = Struct::decode(input) else {
        return;
    };
    if depth(&fields) > 4 || value.len() > 8 * 1024 {
        return;
    }
    // Without fields that neither knows, among which the library allows groups.
    let plain = STANDARD.encode(fields.encode_to_vec());
    let plain = PeerMetadata::decode(plain.as_bytes()).expect("a Struct of few levels");
    if let Ok(read) = read {
        assert_eq!(read, plain);
    }
    let text = |fields: &Struct, name: &str| match fields.fields.get(name) {
        Some(Value {
            kind: Some(Kind::StringValue(text)),
        }) => bounded(text),
        _ => String::new(),
    };
    assert_eq!(plain.namespace, text(&fields, "NAMESPACE"));
    assert_eq!(plain.workload, text(&fields, "WORKLOAD_NAME"));
    assert_eq!(plain.cluster, text(&fields, "CLUSTER_ID"));
    let labels = match fields.fields.get("LABELS") {
        Some(Value {
            kind: Some(Kind::StructValue(labels)),
        }) => labels.clone(),
        _ => Struct::default(),
    };
    assert_eq!(plain.app, text(&labels, "app"));
    assert_eq!(plain.version, text(&labels, "version"));
}

fn bounded(text: &str) -> String {
    match text.len() <= 253 && !text.contains(char::is_control) {
        true => text.to_owned(),
        false => String::new(),
    }
}

/// How many levels of values there are.
fn depth(fields: &Struct) -> usize {
    fields.fields.values().map(value_depth).max().unwrap_or(0)
}

fn value_depth(value: &Value) -> usize {
    match &value.kind {
        Some(Kind::StructValue(fields)) => 1 + depth(fields),
        Some(Kind::ListValue(list)) => 1 + list.values.iter().map(value_depth).max().unwrap_or(0),
        _ => 1,
    }
}
