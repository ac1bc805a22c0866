//! Escaping of a line's values in JSON strings.

/// Escapes what was appended to `to` from `start` on, as the contents of a JSON string.
///
/// As Envoy does it: text in UTF-8 is escaped where JSON requires it. A value that is not UTF-8 is read
/// byte by byte, and every byte that is not printable ASCII, `"` and `\` are `\u00…`.
pub(super) fn escape_from(start: usize, to: &mut Vec<u8>) {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if to[start..].iter().all(is_plain) {
        return;
    }
    let is_text = std::str::from_utf8(&to[start..]).is_ok();
    let end = to.len();
    for at in start..end {
        let byte = to[at];
        match is_text {
            true => push_text_byte(byte, to),
            false if is_plain(&byte) => to.push(byte),
            false => push_code(byte, to),
        }
    }
    // What was appended takes the place of the value. Both are in `to`, whose memory is used again.
    let escaped = to.len() - end;
    to.copy_within(end.., start);
    to.truncate(start + escaped);
}

/// A text, with quotes, as JSON.
pub(super) fn quoted(text: &str) -> String {
    let mut json = Vec::with_capacity(text.len() + 2);
    json.push(b'"');
    text.bytes()
        .for_each(|byte| push_text_byte(byte, &mut json));
    json.push(b'"');
    // Whole characters were escaped or copied.
    String::from_utf8_lossy(&json).into_owned()
}

fn push_text_byte(byte: u8, to: &mut Vec<u8>) {
    match byte {
        b'"' => to.extend_from_slice(b"\\\""),
        b'\\' => to.extend_from_slice(b"\\\\"),
        b'\n' => to.extend_from_slice(b"\\n"),
        b'\r' => to.extend_from_slice(b"\\r"),
        b'\t' => to.extend_from_slice(b"\\t"),
        0x08 => to.extend_from_slice(b"\\b"),
        0x0c => to.extend_from_slice(b"\\f"),
        0..=0x1f => push_code(byte, to),
        _ => to.push(byte),
    }
}

fn push_code(byte: u8, to: &mut Vec<u8>) {
    let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
    to.extend_from_slice(b"\\u00");
    to.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(value: &[u8]) -> String {
        let mut to = b"before\"".to_vec();
        to.extend_from_slice(value);
        escape_from(7, &mut to);
        String::from_utf8(to).unwrap()["before\"".len()..].to_owned()
    }

    /// Values that Envoy 1.40 has written.
    #[test]
    fn as_envoy_escapes() {
        assert_eq!(escaped(b"\"q\\"), "\\\"q\\\\");
        assert_eq!(escaped(b"curl <&>/"), "curl <&>/");
        assert_eq!(
            escaped(b"\"q\\uo\tte\\ \xe9\xff \xc3\xa9 <&>/"),
            "\\u0022q\\u005cuo\\u0009te\\u005c \\u00e9\\u00ff \\u00c3\\u00a9 <&>/"
        );
        assert_eq!(quoted("l\"it\n\u{1}é"), "\"l\\\"it\\n\\u0001é\"");
    }

    proptest! {
        #[test]
        fn serde_json_reads_the_same_text(text in "(\\PC|[\"\\\\\u{0}-\u{1f}\u{7f}-\u{ff}]){0,40}") {
            let json = format!("\"{}\"", escaped(text.as_bytes()));
            prop_assert_eq!(&serde_json::from_str::<String>(&json).unwrap(), &text);
            prop_assert_eq!(serde_json::from_str::<String>(&quoted(&text)).unwrap(), text);
        }

        #[test]
        fn any_bytes_become_one_line_of_json(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let json = format!("\"{}\"", escaped(&bytes));
            prop_assert!(!json.bytes().any(|byte| byte < b' '));
            serde_json::from_str::<String>(&json).unwrap();
        }
    }
}
