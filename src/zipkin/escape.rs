//! Escaping of text in JSON strings, eight bytes at a time.
//!
//! `json` calls it for every text of a span.

/// Zipkin reads a message as version 1 of its model if this, followed by a quote, is anywhere in
/// it. So a text that ends with it is escaped.
const VERSION_1_MARK: &[u8] = b"yAnnotations";

/// Appends a text, escaped, without the quotes around it.
pub(super) fn string(text: &str, to: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    if is_clean(bytes) && !bytes.ends_with(VERSION_1_MARK) {
        to.extend_from_slice(bytes);
    } else if let Some(start) = bytes.strip_suffix(VERSION_1_MARK) {
        escape(start, to);
        to.extend_from_slice(b"yAnnotation\\u0073");
    } else {
        escape(bytes, to);
    }
}

/// Whether nothing must be escaped. Most texts are short, so the first and the last eight bytes are
/// checked even if they overlap, instead of a loop over the rest.
fn is_clean(text: &[u8]) -> bool {
    let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) else {
        return dirty(short(text)) == 0;
    };
    let mut found = dirty(u64::from_le_bytes(*first)) | dirty(u64::from_le_bytes(*last));
    if text.len() > 16 {
        for word in text[8..].chunks_exact(8) {
            found |= dirty(word_of(word));
        }
    }
    found == 0
}

/// All bytes of a text of less than eight, as a word.
fn short(text: &[u8]) -> u64 {
    const CLEAN: u64 = u64::from_le_bytes([b'a'; 8]);
    match (text.first_chunk::<4>(), text.last_chunk::<4>(), text) {
        (Some(first), Some(last), _) => {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            u64::from(first) << 32 | u64::from(last)
        }
        (_, _, [first, .., last]) => {
            let middle = text[text.len() / 2];
            CLEAN << 24 | u64::from_le_bytes([*first, middle, *last, 0, 0, 0, 0, 0])
        }
        (_, _, [only]) => CLEAN << 8 | u64::from(*only),
        _ => CLEAN,
    }
}

#[cold]
fn escape(mut text: &[u8], to: &mut Vec<u8>) {
    loop {
        let clean = clean_prefix(text);
        to.extend_from_slice(&text[..clean]);
        let Some(&byte) = text.get(clean) else {
            return;
        };
        match byte {
            b'"' => to.extend_from_slice(b"\\\""),
            b'\\' => to.extend_from_slice(b"\\\\"),
            b'\n' => to.extend_from_slice(b"\\n"),
            b'\r' => to.extend_from_slice(b"\\r"),
            b'\t' => to.extend_from_slice(b"\\t"),
            _ => {
                let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
                to.extend_from_slice(b"\\u00");
                to.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
            }
        }
        text = &text[clean + 1..];
    }
}

/// The number of bytes at the start that need no escaping.
fn clean_prefix(text: &[u8]) -> usize {
    let mut words = text.chunks_exact(8);
    let mut clean = 0;
    for word in &mut words {
        let dirty = dirty(word_of(word));
        if dirty != 0 {
            return clean + dirty.trailing_zeros() as usize / 8;
        }
        clean += 8;
    }
    let needs_escape = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    let rest = words.remainder();
    clean + rest.iter().position(needs_escape).unwrap_or(rest.len())
}

/// A word of exactly eight bytes.
fn word_of(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

/// Sets the highest bit of each byte that must be escaped. In the bytes after the first such byte
/// it may be set wrongly, since the subtractions borrow.
fn dirty(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let less = |word: u64, by: u8| word.wrapping_sub(ONES * u64::from(by));
    let quote = word ^ (ONES * u64::from(b'"'));
    let backslash = word ^ (ONES * u64::from(b'\\'));
    // A subtraction that borrows sets a byte's highest bit. Bytes that had it before are masked.
    (less(word, b' ') | less(quote, 1) | less(backslash, 1)) & !word & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> String {
        let mut to = Vec::new();
        to.push(b'"');
        string(text, &mut to);
        to.push(b'"');
        String::from_utf8(to).unwrap()
    }

    proptest! {
        #[test]
        fn serde_json_reads_the_same_text(text in "(\\PC|[\"\\\\\u{0}-\u{1f}\u{7f}-\u{ff}]){0,40}(yAnnotations)?") {
            let json = written(&text);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
            prop_assert!(!json.contains("yAnnotations\""));
        }
    }

    #[test]
    fn every_character_is_escaped_at_every_position() {
        for character in (0..=0x1ff).filter_map(char::from_u32) {
            for (length, place) in
                (0..20).flat_map(|length| (0..=length).map(move |at| (length, at)))
            {
                let mut text = "a".repeat(length);
                text.insert(place, character);
                let json = written(&text);
                assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
                let escaped = character < ' ' || character == '"' || character == '\\';
                assert_eq!(json.contains('\\'), escaped, "{character:?}");
            }
        }
    }

    #[test]
    fn a_text_is_not_mistaken_for_version_1() {
        assert_eq!(written("yAnnotations"), "\"yAnnotation\\u0073\"");
        assert_eq!(written("yAnnotations\""), "\"yAnnotations\\\"\"");
        assert_eq!(written("a yAnnotations b"), "\"a yAnnotations b\"");
    }
}
