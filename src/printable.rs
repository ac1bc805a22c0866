//! Showing text from outside in errors, log lines and on terminals: on one line, without characters
//! that control a terminal or reorder a line, and truncated if it is long.

use std::fmt::{self, Write};

/// How many characters of a name or a value are shown.
const MAX_VALUE: usize = 60;
/// How many characters of a path or a URL are shown.
const MAX_PLACE: usize = 200;
/// How many characters of another program's output are shown.
const MAX_LINE: usize = 200;
/// How many characters of an error message are shown.
#[cfg(any(feature = "access-log", feature = "batch", feature = "config"))]
const MAX_MESSAGE: usize = 500;

/// Text that is escaped and truncated when it is displayed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printable<'a> {
    text: &'a str,
    max_chars: usize,
    quoted: bool,
}

/// A value, in quotes.
pub(crate) fn quoted(text: &str) -> Printable<'_> {
    Printable {
        quoted: true,
        ..at_most(text, MAX_VALUE)
    }
}

/// A name.
pub(crate) fn name(text: &str) -> Printable<'_> {
    at_most(text, MAX_VALUE)
}

/// A path or a URL.
pub(crate) fn place(text: &str) -> Printable<'_> {
    at_most(text, MAX_PLACE)
}

/// An error message.
#[cfg(any(feature = "access-log", feature = "batch", feature = "config"))]
pub(crate) fn message(text: &str) -> Printable<'_> {
    at_most(text, MAX_MESSAGE)
}

/// At most `max_chars` characters of the text.
pub(crate) fn at_most(text: &str, max_chars: usize) -> Printable<'_> {
    Printable {
        text,
        max_chars,
        quoted: false,
    }
}

/// The output of another program, or a panic message: control characters become spaces, and are
/// trimmed at both ends.
pub(crate) fn one_line(text: &str) -> String {
    let space_out = |character: char| match character.is_control() {
        true => ' ',
        false => character,
    };
    // One character more than shown, so that truncation is marked.
    let line: String = text.chars().take(MAX_LINE + 1).map(space_out).collect();
    at_most(line.trim(), MAX_LINE).to_string()
}

/// Whether the character starts another line, controls a terminal, or makes a line look different.
pub(crate) fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // Direction marks, overrides and isolates; line and paragraph separators; characters
            // without width; tags.
            '\u{61c}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.text.char_indices().nth(self.max_chars);
        let shown = &self.text[..end.map_or(self.text.len(), |(end, _)| end)];
        let quote = if self.quoted { "\"" } else { "" };
        f.write_str(quote)?;
        for character in shown.chars() {
            if misleads(character) || self.quoted && matches!(character, '"' | '\\') {
                write!(f, "{}", character.escape_debug())?;
            } else {
                f.write_char(character)?;
            }
        }
        if end.is_some() {
            f.write_char('…')?;
        }
        f.write_str(quote)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shown_text_is_harmless_and_short(text in any::<String>(), times in 1_usize..200) {
            let text = text.repeat(times);
            for shown in [quoted(&text), name(&text), place(&text), at_most(&text, 500)] {
                let printed = shown.to_string();
                prop_assert!(!printed.contains(misleads), "{printed:?}");
                // An escaped character takes at most ten characters.
                prop_assert!(printed.chars().count() <= 10 * shown.max_chars + 3);
            }
        }

        #[test]
        fn harmless_text_is_unchanged(text in "[a-zA-Z0-9 ./:äß日本'%-]{0,60}") {
            prop_assert_eq!(name(&text).to_string(), &*text);
            prop_assert_eq!(quoted(&text).to_string(), format!("{text:?}"));
        }
    }

    #[test]
    fn control_and_direction_characters_are_escaped() {
        for (text, shown) in [
            ("a\nb\r\tc\0", r"a\nb\r\tc\0"),
            ("\u{1b}[31mred\u{7f}", r"\u{1b}[31mred\u{7f}"),
            ("\u{9b}2J\u{85}\u{2028}", r"\u{9b}2J\u{85}\u{2028}"),
            ("abc\u{202e}cba\u{2066}", r"abc\u{202e}cba\u{2066}"),
            ("\"it's\" a\\b", "\"it's\" a\\b"),
        ] {
            assert_eq!(name(text).to_string(), shown);
        }
        assert_eq!(quoted("a\"\\\n").to_string(), r#""a\"\\\n""#);
    }

    #[test]
    fn long_text_is_truncated_between_characters() {
        let long = "é".repeat(61);
        assert_eq!(name(&long).to_string(), format!("{}…", "é".repeat(60)));
        assert_eq!(
            quoted(&long).to_string(),
            format!("\"{}…\"", "é".repeat(60))
        );
        assert_eq!(name(&long[2..]).to_string(), "é".repeat(60));
    }
}
