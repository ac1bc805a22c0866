//! Text from outside as errors, log lines and terminals show it: on one line, without characters
//! that a terminal obeys or that reorder a line, and cut where it is long.

use std::fmt::{self, Write};

/// The most characters of a name or a value that are shown.
const VALUE: usize = 60;
/// The most characters of a path or a URL that are shown.
const PLACE: usize = 200;
/// The most characters of what another program says that are shown.
const LINE: usize = 200;
/// The most characters of a message that are shown.
#[cfg(any(feature = "batch", feature = "config"))]
const MESSAGE: usize = 500;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Printable<'a> {
    text: &'a str,
    most: usize,
    quoted: bool,
}

/// A value, in quotes.
pub(crate) fn quoted(text: &str) -> Printable<'_> {
    Printable {
        quoted: true,
        ..at_most(text, VALUE)
    }
}

/// A name.
pub(crate) fn name(text: &str) -> Printable<'_> {
    at_most(text, VALUE)
}

/// A path or a URL.
pub(crate) fn place(text: &str) -> Printable<'_> {
    at_most(text, PLACE)
}

/// A message.
#[cfg(any(feature = "batch", feature = "config"))]
pub(crate) fn message(text: &str) -> Printable<'_> {
    at_most(text, MESSAGE)
}

/// At most `most` characters of the text.
pub(crate) fn at_most(text: &str, most: usize) -> Printable<'_> {
    Printable {
        text,
        most,
        quoted: false,
    }
}

/// What another program says, or a panic: control characters count as spaces, and those at the ends
/// not at all.
pub(crate) fn one_line(text: &str) -> String {
    let words = |character: char| match character.is_control() {
        true => ' ',
        false => character,
    };
    // One character more, by which to tell that there is more.
    let line: String = text.chars().take(LINE + 1).map(words).collect();
    at_most(line.trim(), LINE).to_string()
}

/// Whether a line with this character in it is another line, or looks like another one.
pub(crate) fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // Marks, overrides and isolates of direction; separators of lines and paragraphs; what
            // has no width; tags.
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
        let end = self.text.char_indices().nth(self.most);
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
        fn nothing_misleads_and_nothing_is_long(text in any::<String>(), times in 1_usize..200) {
            let text = text.repeat(times);
            for shown in [quoted(&text), name(&text), place(&text), at_most(&text, 500)] {
                let printed = shown.to_string();
                prop_assert!(!printed.contains(misleads), "{printed:?}");
                // An escaped character takes at most ten.
                prop_assert!(printed.chars().count() <= 10 * shown.most + 3);
            }
        }

        #[test]
        fn what_is_harmless_is_shown_as_it_is(text in "[a-zA-Z0-9 ./:äß日本'%-]{0,60}") {
            prop_assert_eq!(name(&text).to_string(), &*text);
            prop_assert_eq!(quoted(&text).to_string(), format!("{text:?}"));
        }
    }

    #[test]
    fn what_misleads_is_escaped() {
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
    fn what_is_long_is_cut_where_a_character_ends() {
        let long = "é".repeat(61);
        assert_eq!(name(&long).to_string(), format!("{}…", "é".repeat(60)));
        assert_eq!(
            quoted(&long).to_string(),
            format!("\"{}…\"", "é".repeat(60))
        );
        assert_eq!(name(&long[2..]).to_string(), "é".repeat(60));
    }
}
