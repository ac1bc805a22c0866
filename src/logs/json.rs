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
    let Some(members) = line.trim_start().strip_prefix('{') else {
        // No object, so there is no member to add. The ids are not lost for that.
        if !line.is_empty() {
            fields.write_text(ids, false, to)?;
        }
        return to.write_str(line);
    };
    to.write_char('{')?;
    fields.write_json(ids, to)?;
    // What is kept is written in one piece, up to a member that is replaced.
    let (mut kept_from, mut start) = (0, 0);
    let end = loop {
        let end = start + end_of_member(&members[start..]);
        let is_last = !members[end..].starts_with(',');
        if name(&members[start..end]).is_some_and(|name| fields.has_json_name(ids, name)) {
            write_members(&members[kept_from..start], to)?;
            kept_from = if is_last { end } else { end + 1 };
        }
        if is_last {
            break end;
        }
        start = end + 1;
    };
    write_members(&members[kept_from..end], to)?;
    to.write_str(&members[end..])
}

/// Writes members that come after others. A comma at the end is left out.
fn write_members(members: &str, to: &mut dyn Write) -> fmt::Result {
    let members = members.strip_suffix(',').unwrap_or(members);
    if members.trim_ascii_start().is_empty() {
        return Ok(());
    }
    to.write_char(',')?;
    to.write_str(members)
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
    while let Some(rest) = bytes.get(at..) {
        match rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
            Some(next) if rest[next] == b'"' => return at + next + 1,
            Some(next) => at += next + 2,
            None => break,
        }
    }
    text.len()
}

/// The name of a member, escaped and in quotes.
fn name(member: &str) -> Option<&str> {
    let member = member.trim_ascii_start();
    let text = member.strip_prefix('"')?;
    Some(&member[..1 + end_of_string(text)])
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
