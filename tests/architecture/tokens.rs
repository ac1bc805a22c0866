//! Rust source as tokens, without comments, literals and test code.

#[derive(Debug, Clone, Copy)]
pub struct Token<'a> {
    pub text: &'a str,
    pub line: usize,
}

/// The tokens of a source file: identifiers and numbers, `::`, and single characters.
pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            _ if rest.starts_with("//") => Some(rest.find('\n').unwrap_or(rest.len())),
            _ if rest.starts_with("/*") => Some(block_comment(rest)),
            '"' => Some(text_literal(rest)),
            '\'' => Some(character_or_lifetime(rest)),
            space if space.is_whitespace() => Some(space.len_utf8()),
            _ => raw_text(rest),
        };
        let length = skipped.unwrap_or_else(|| token(rest));
        let (text, after) = rest.split_at(length);
        if skipped.is_none() {
            tokens.push(Token { text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn token(text: &str) -> usize {
    let word = text.find(|letter| !is_word(letter)).unwrap_or(text.len());
    match word {
        0 if text.starts_with("::") => 2,
        0 => text.chars().next().map_or(0, char::len_utf8),
        word => word,
    }
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn text_literal(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn character_or_lifetime(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    let Some((_, first)) = letters.next() else {
        return text.len();
    };
    if first == '\\' {
        // The quote of '\'' is not the end.
        return text[3..].find('\'').map_or(text.len(), |end| end + 4);
    }
    match letters.next() {
        Some((at, '\'')) => at + 1,
        _ => 1,
    }
}

/// `r"…"`, `r#"…"#`, `br"…"` and the like, and the prefix of `b"…"`.
fn raw_text(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r"]
        .into_iter()
        .find(|prefix| text.starts_with(prefix))?;
    let after = &text[prefix.len()..];
    let hashes = after.len() - after.trim_start_matches('#').len();
    if !after[hashes..].starts_with('"') {
        return None;
    }
    let begin = prefix.len() + hashes + 1;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(
        text[begin..]
            .find(&end)
            .map_or(text.len(), |at| begin + at + end.len()),
    )
}

/// Leaves out what is compiled only for tests, and all attributes. Returns the names of test modules in
/// files of their own, too.
pub fn without_tests<'a>(tokens: &[Token<'a>]) -> (Vec<Token<'a>>, Vec<&'a str>) {
    let (mut kept, mut test_modules) = (Vec::new(), Vec::new());
    let mut at = 0;
    let mut is_test = false;
    while at < tokens.len() {
        let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
        if text(at) == "#" && (text(at + 1) == "[" || text(at + 1) == "!") {
            let begin = at + if text(at + 1) == "!" { 2 } else { 1 };
            let end = group(tokens, begin);
            is_test |= is_test_attribute(&tokens[begin + 1..end - 1]);
            at = end;
        } else if is_test {
            if text(at) == "mod" && text(at + 2) == ";" {
                test_modules.push(text(at + 1));
            }
            at = item(tokens, at);
            is_test = false;
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    (kept, test_modules)
}

fn is_test_attribute(attribute: &[Token<'_>]) -> bool {
    let has = |word: &str| attribute.iter().any(|token| token.text == word);
    let first = attribute.first().map_or("", |token| token.text);
    first == "test" || first == "cfg" && has("test") && !has("not")
}

/// Where the group of brackets that begins here ends.
fn group(tokens: &[Token<'_>], begin: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(begin) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// Where the item that begins here ends: at a semicolon, or for others than `use` after its body.
fn item(tokens: &[Token<'_>], begin: usize) -> usize {
    let mut at = begin;
    let is_use = tokens[begin..]
        .iter()
        .take_while(|token| !["{", ";", "("].contains(&token.text))
        .any(|token| token.text == "use");
    while at < tokens.len() {
        match tokens[at].text {
            ";" => return at + 1,
            "{" if !is_use => return group(tokens, at),
            "{" | "(" | "[" => at = group(tokens, at),
            _ => at += 1,
        }
    }
    at
}
