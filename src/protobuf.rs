//! The parts of protocol buffers' wire format that spans need: the encoders of `zipkin` and `otlp`
//! call it.
//!
//! Written by hand, so that a span's texts are copied straight from its record to the message. The
//! tests read it back with generated decoders.

/// Appends a varint.
pub(crate) fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// The number of bytes of a varint.
pub(crate) fn varint_len(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Appends a number; nothing if it is zero, the default value.
pub(crate) fn number(to: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        key(to, field, 0);
        varint(to, value);
    }
}

/// Appends eight bytes, little-endian; nothing if they are zero.
pub(crate) fn fixed64(to: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        key(to, field, 1);
        to.extend_from_slice(&value.to_le_bytes());
    }
}

/// Appends four bytes, little-endian; nothing if they are zero.
#[cfg(feature = "otlp")]
pub(crate) fn fixed32(to: &mut Vec<u8>, field: u32, value: u32) {
    if value != 0 {
        key(to, field, 5);
        to.extend_from_slice(&value.to_le_bytes());
    }
}

/// Appends bytes or text; nothing if there are none.
pub(crate) fn bytes(to: &mut Vec<u8>, field: u32, value: &[u8]) {
    if !value.is_empty() {
        opening(to, field, value.len());
        to.extend_from_slice(value);
    }
}

/// Appends the key and the length of a field of `len` bytes.
pub(crate) fn opening(to: &mut Vec<u8>, field: u32, len: usize) {
    // Mostly one byte each, which are appended together.
    match (short_key(field), short_len(len)) {
        (Some(key), Some(len)) => to.extend_from_slice(&[key, len]),
        _ => {
            key(to, field, LENGTH);
            varint(to, len as u64);
        }
    }
}

/// Appends a nested message, even if it is empty. Reserves one byte for its length, as most are
/// short.
pub(crate) fn message(to: &mut Vec<u8>, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
    opening(to, field, 0);
    let start = to.len();
    write(to);
    match short_len(to.len() - start) {
        Some(len) => to[start - 1] = len,
        None => close(to, start, 1),
    }
}

/// Like [`message`], for messages that mostly have from 128 to 16,383 bytes.
pub(crate) fn long_message(to: &mut Vec<u8>, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
    key(to, field, LENGTH);
    to.extend_from_slice(&[0; 2]);
    let start = to.len();
    write(to);
    close(to, start, 2);
}

/// Writes the length of everything after `start` into the `room` bytes before it.
fn close(to: &mut Vec<u8>, start: usize, room: usize) {
    let len = to.len() - start;
    let mut at = start - room;
    let takes = varint_len(len as u64);
    if takes != room {
        to.resize(to.len().max(at + takes + len), 0);
        to.copy_within(start..start + len, at + takes);
        to.truncate(at + takes + len);
    }
    let mut left = len;
    while left >= 0x80 {
        to[at] = left as u8 | 0x80;
        left >>= 7;
        at += 1;
    }
    to[at] = left as u8;
}

/// Appends two texts as fields 1 and 2 of a nested message, such as an entry of a map; without those
/// that are empty.
pub(crate) fn pair(to: &mut Vec<u8>, field: u32, first: &[u8], second: &[u8]) {
    let len = first.len() + second.len() + 4;
    match (short_key(field), short_len(len)) {
        (Some(key), Some(len)) if !first.is_empty() && !second.is_empty() => {
            to.extend_from_slice(&[key, len, FIRST, first.len() as u8]);
            to.extend_from_slice(first);
            to.extend_from_slice(&[SECOND, second.len() as u8]);
            to.extend_from_slice(second);
        }
        _ => message(to, field, |to| {
            bytes(to, 1, first);
            bytes(to, 2, second);
        }),
    }
}

/// The wire type of values that start with their length.
const LENGTH: u32 = 2;
/// The keys of the first two fields of that type.
pub(crate) const FIRST: u8 = 1 << 3 | 2;
pub(crate) const SECOND: u8 = 2 << 3 | 2;

/// The key of a field of that type, if it takes one byte.
pub(crate) fn short_key(field: u32) -> Option<u8> {
    (field < 16).then_some((field << 3 | LENGTH) as u8)
}

/// A length, if it takes one byte.
pub(crate) fn short_len(len: usize) -> Option<u8> {
    (len < 128).then_some(len as u8)
}

pub(crate) fn key(to: &mut Vec<u8>, field: u32, wire_type: u32) {
    varint(to, u64::from(field << 3 | wire_type));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_have_the_specified_bytes() {
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
    fn messages_of_any_length_have_the_right_length() {
        for len in [
            0, 1, 125, 126, 127, 128, 300, 16_379, 16_380, 16_381, 20_000,
        ] {
            let text = vec![b'x'; len];
            let mut inner = Vec::new();
            bytes(&mut inner, 1, &text);
            let mut expected = vec![9, 0x12];
            varint(&mut expected, inner.len() as u64);
            expected.extend(inner);
            let mut written = vec![9];
            message(&mut written, 2, |to| bytes(to, 1, &text));
            assert_eq!(written, expected);
            let mut written = vec![9];
            long_message(&mut written, 2, |to| bytes(to, 1, &text));
            assert_eq!(written, expected);
        }
    }

    #[test]
    fn pairs_are_messages_with_two_fields() {
        for (first, second) in [
            (0, 0),
            (0, 1),
            (1, 0),
            (1, 1),
            (60, 63),
            (60, 64),
            (130, 300),
        ] {
            for field in [1, 15, 16, 300] {
                let (first, second) = (vec![b'a'; first], vec![b'b'; second]);
                let mut written = Vec::new();
                pair(&mut written, field, &first, &second);
                let mut inner = Vec::new();
                for (field, text) in [(1, first), (2, second)] {
                    if !text.is_empty() {
                        key(&mut inner, field, 2);
                        varint(&mut inner, text.len() as u64);
                        inner.extend(text);
                    }
                }
                let mut expected = Vec::new();
                key(&mut expected, field, 2);
                varint(&mut expected, inner.len() as u64);
                expected.extend(inner);
                assert_eq!(written, expected);
            }
        }
    }
}
