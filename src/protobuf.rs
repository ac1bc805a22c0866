//! Protocol buffers' wire format, as much of it as spans need.
//!
//! Written by hand: the spans' text goes from their records to the message without a structure of
//! owned strings in between. The tests read it back with generated decoders.

/// A varint.
pub(crate) fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// How many bytes a varint takes.
pub(crate) fn varint_len(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// A number; nothing if it is zero, which is the default.
pub(crate) fn number(to: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        key(to, field, 0);
        varint(to, value);
    }
}

/// Eight bytes, little-endian; nothing if they are zero.
pub(crate) fn fixed64(to: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        key(to, field, 1);
        to.extend_from_slice(&value.to_le_bytes());
    }
}

#[cfg(feature = "otlp")]
/// Four bytes, little-endian; nothing if they are zero.
pub(crate) fn fixed32(to: &mut Vec<u8>, field: u32, value: u32) {
    if value != 0 {
        key(to, field, 5);
        to.extend_from_slice(&value.to_le_bytes());
    }
}

/// Bytes or text; nothing if there are none.
pub(crate) fn bytes(to: &mut Vec<u8>, field: u32, value: &[u8]) {
    if !value.is_empty() {
        key(to, field, 2);
        varint(to, value.len() as u64);
        to.extend_from_slice(value);
    }
}

/// A message in a message, empty or not.
pub(crate) fn message(to: &mut Vec<u8>, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
    key(to, field, 2);
    // Most are short: room for a length of one byte, and more is made if it takes more.
    let at = to.len();
    to.push(0);
    write(to);
    let len = (to.len() - at - 1) as u64;
    match varint_len(len) {
        1 => to[at] = len as u8,
        more => {
            let end = to.len();
            to.resize(end + more - 1, 0);
            to.copy_within(at + 1..end, at + more);
            let mut length = Vec::with_capacity(more);
            varint(&mut length, len);
            to[at..at + more].copy_from_slice(&length);
        }
    }
}

pub(crate) fn key(to: &mut Vec<u8>, field: u32, wire_type: u32) {
    varint(to, u64::from(field << 3 | wire_type));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints() {
        for (value, bytes) in [
            (0, &[0][..]),
            (127, &[0x7f]),
            (128, &[0x80, 1]),
            (300, &[0xac, 2]),
            (u64::MAX, &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
        ] {
            let mut written = Vec::new();
            varint(&mut written, value);
            assert_eq!(written, bytes);
            assert_eq!(varint_len(value), bytes.len());
        }
    }

    #[test]
    fn messages_of_any_length() {
        for len in [0, 1, 125, 126, 127, 128, 300, 20_000] {
            let text = vec![b'x'; len];
            let mut written = vec![9];
            message(&mut written, 2, |to| bytes(to, 1, &text));
            let mut inner = Vec::new();
            bytes(&mut inner, 1, &text);
            let mut expected = vec![9, 0x12];
            varint(&mut expected, inner.len() as u64);
            expected.extend(inner);
            assert_eq!(written, expected);
        }
    }
}
