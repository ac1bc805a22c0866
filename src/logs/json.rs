//! A line of JSON, with members added in front.

use super::{fields::LogFields, ids::Ids};
use std::fmt::{self, Write};

/// Writes the line with the ids as its first members, and without its own members of those names.
pub(super) fn write_with_ids(
    line: &str,
    fields: &LogFields,
    ids: &Ids,
    to: &mut dyn Write,
) -> fmt::Result {
    let Some(mut rest) = line.trim_start().strip_prefix('{') else {
        // No object, so there is no member to add. The ids are not lost for that.
        if !line.is_empty() {
            fields.write_text(ids, false, to)?;
        }
        return to.write_str(line);
    };
    to.write_char('{')?;
    fields.write_json(ids, to)?;
    loop {
        let (member, after) = rest.split_at(end_of_member(rest));
        let is_replaced = || name(member).is_some_and(|name| fields.has_json_name(ids, name));
        if !member.trim_ascii().is_empty() && !is_replaced() {
            to.write_char(',')?;
            to.write_str(member)?;
        }
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return to.write_str(after),
        }
    }
}

/// Where the comma or brace is that ends the first member of this text; its length if there is none.
fn end_of_member(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at += end_of_string(&text[at + 1..]),
            b'{' | b'[' => depth += 1,
            b',' | b'}' if depth == 0 => return at,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// The length of a string in JSON, with its closing quote but not the opening one.
fn end_of_string(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// The name of a member, as it is escaped.
fn name(member: &str) -> Option<&str> {
    let text = member.trim_ascii_start().strip_prefix('"')?;
    text[..end_of_string(text)].strip_suffix('"')
}

/// The text as `serde_json` escapes it, so that names can be compared without decoding them.
pub(super) fn escaped(text: &str) -> String {
    let mut to = String::with_capacity(text.len());
    // A `String` takes everything.
    let _ = write_escaped(text, &mut to);
    to
}

pub(super) fn write_escaped(text: &str, to: &mut dyn Write) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(|c| matches!(c, '"' | '\\' | '\0'..='\u{1f}')) {
        to.write_str(&rest[..at])?;
        // The characters that are escaped have one byte.
        match rest.as_bytes()[at] {
            byte @ (b'"' | b'\\') => write!(to, "\\{}", char::from(byte))?,
            b'\n' => to.write_str("\\n")?,
            b'\r' => to.write_str("\\r")?,
            b'\t' => to.write_str("\\t")?,
            0x08 => to.write_str("\\b")?,
            0x0c => to.write_str("\\f")?,
            byte => write!(to, "\\u{byte:04x}")?,
        }
        rest = &rest[at + 1..];
    }
    to.write_str(rest)
}

#[cfg(test)]
mod tests;
