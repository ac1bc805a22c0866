//! Text of others in errors and log lines.

use std::borrow::Cow;

const MOST_SHOWN: usize = 60;

/// The first 60 characters. To be shown in quotes, with `{:?}`.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// The first 60 characters, control characters escaped. To be shown without quotes.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    let text = shortened(text);
    if !text.contains(char::is_control) {
        return text;
    }
    let escape = |letter: char| match letter.is_control() {
        true => letter.escape_debug().to_string(),
        false => letter.to_string(),
    };
    Cow::Owned(text.chars().map(escape).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        let long = "é".repeat(61);
        assert_eq!(shortened(&long), format!("{}…", "é".repeat(60)));
        assert_eq!(shortened(&long[2..]), "é".repeat(60));
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escaped("a \"b\""), "a \"b\"");
        assert_eq!(escaped("a\nb\u{1b}\u{85}"), "a\\nb\\u{1b}\\u{85}");
    }
}
