//! JSON's strings.

/// What Zipkin takes for version 1 of its model when it reads it with the quote behind it,
/// wherever in a message that is.
const VERSION_1: &[u8] = b"yAnnotations";

/// Appends the text as a JSON string, quotes included.
pub(super) fn string(text: &str, to: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    to.push(b'"');
    if bytes.ends_with(VERSION_1) {
        escape(&bytes[..bytes.len() - 1], to);
        to.extend_from_slice(b"\\u0073");
    } else {
        escape(bytes, to);
    }
    to.push(b'"');
}

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

/// How many bytes at the start can be written as they are.
fn clean_prefix(text: &[u8]) -> usize {
    let mut words = text.chunks_exact(8);
    let mut clean = 0;
    for word in &mut words {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(word);
        let word = u64::from_le_bytes(bytes);
        let dirty = dirty(word);
        if dirty != 0 {
            return clean + dirty.trailing_zeros() as usize / 8;
        }
        clean += 8;
    }
    let needs_escape = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    let rest = words.remainder();
    clean + rest.iter().position(needs_escape).unwrap_or(rest.len())
}

/// The highest bit of each byte that must be escaped; above the first such byte, others may be
/// set too, as the subtractions borrow.
fn dirty(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let below = |word: u64, than: u8| word.wrapping_sub(ONES * u64::from(than)) & !word;
    let quote = word ^ (ONES * u64::from(b'"'));
    let backslash = word ^ (ONES * u64::from(b'\\'));
    (below(word, b' ') | below(quote, 1) | below(backslash, 1)) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> String {
        let mut to = Vec::new();
        string(text, &mut to);
        String::from_utf8(to).unwrap()
    }

    proptest! {
        #[test]
        fn reads_back_equal(text in "(\\PC|[\"\\\\\u{0}-\u{1f}\u{7f}-\u{ff}]){0,40}(yAnnotations)?") {
            let json = written(&text);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
            prop_assert!(!json.contains("yAnnotations\""));
        }
    }

    #[test]
    fn every_byte_at_every_place() {
        for character in (0..=0x1ff).filter_map(char::from_u32) {
            for place in 0..17 {
                let mut text = "a".repeat(16);
                text.insert(place, character);
                let json = written(&text);
                assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
                let escaped = character < ' ' || character == '"' || character == '\\';
                assert_eq!(json.contains('\\'), escaped, "{character:?}");
            }
        }
    }

    #[test]
    fn is_not_taken_for_version_1() {
        assert_eq!(written("yAnnotations"), "\"yAnnotation\\u0073\"");
        assert_eq!(written("yAnnotations\""), "\"yAnnotations\\\"\"");
        assert_eq!(written("a yAnnotations b"), "\"a yAnnotations b\"");
    }
}
