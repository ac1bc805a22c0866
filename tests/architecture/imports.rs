//! The paths of a source file that lead to other modules of the crate.

use crate::tokens::Token;

/// A path as absolute segments: `crate::id::TraceId` is `["id", "TraceId"]`.
#[derive(Debug, PartialEq)]
pub struct Import {
    pub path: Vec<String>,
    pub line: usize,
}

/// All paths that begin with `crate`, `super` or `self`, in `use` and elsewhere, and what `use`
/// imports from a child module.
pub fn imports(tokens: &[Token<'_>], module: &[String]) -> Vec<Import> {
    let mut reader = Reader {
        tokens,
        at: 0,
        module: module.to_vec(),
        inline: Vec::new(),
        depth: 0,
        imports: Vec::new(),
    };
    reader.read();
    reader.imports
}

struct Reader<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    module: Vec<String>,
    /// How deep the braces of the inline modules are that the reader is in.
    inline: Vec<usize>,
    depth: usize,
    imports: Vec<Import>,
}

impl<'a> Reader<'a> {
    fn text(&self, ahead: usize) -> &'a str {
        let token = self.tokens.get(self.at + ahead);
        token.map_or("", |token| token.text)
    }

    fn read(&mut self) {
        while self.at < self.tokens.len() {
            match self.text(0) {
                // `pub(in crate::config)` is no import.
                "pub" if self.text(1) == "(" => {
                    while self.text(0) != ")" {
                        self.at += 1;
                    }
                }
                // `impl Trait + use<'a>` is none either.
                "use" if self.text(1) != "<" => {
                    self.at += 1;
                    self.tree(Vec::new());
                }
                "mod" if self.text(2) == "{" => {
                    self.module.push(self.text(1).to_owned());
                    self.inline.push(self.depth);
                    self.at += 2;
                }
                "{" => {
                    self.depth += 1;
                    self.at += 1;
                }
                "}" => {
                    self.depth -= 1;
                    if self.inline.last() == Some(&self.depth) {
                        self.inline.pop();
                        self.module.pop();
                    }
                    self.at += 1;
                }
                "crate" | "super" | "self" if self.text(1) == "::" => self.path(),
                _ => self.at += 1,
            }
        }
    }

    /// A path in code: `crate::tags::status(…)`.
    fn path(&mut self) {
        let mut path = vec![self.text(0).to_owned()];
        let line = self.tokens[self.at].line;
        while self.text(1) == "::" && self.text(2).starts_with(is_word) {
            path.push(self.text(2).to_owned());
            self.at += 2;
        }
        self.at += 1;
        self.add(path, line);
    }

    /// The tree of a `use`, below this path.
    fn tree(&mut self, mut path: Vec<String>) {
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        loop {
            match self.text(0) {
                "::" => self.at += 1,
                "{" => {
                    self.at += 1;
                    while self.text(0) != "}" {
                        match self.text(0) {
                            "," => self.at += 1,
                            _ => self.tree(path.clone()),
                        }
                    }
                    self.at += 1;
                    return;
                }
                "*" => self.at += 1,
                // The name it gets here does not matter.
                "as" => self.at += 2,
                "self" if !path.is_empty() => self.at += 1,
                word if word.starts_with(is_word) => {
                    path.push(word.to_owned());
                    self.at += 1;
                }
                _ => break,
            }
        }
        self.add(path, line);
    }

    fn add(&mut self, path: Vec<String>, line: usize) {
        let mut from = self.module.clone();
        let mut segments = path.into_iter().peekable();
        if segments.peek().is_some_and(|first| first == "crate") {
            segments.next();
            from.clear();
        }
        while let Some(relative) = segments.next_if(|next| next == "super" || next == "self") {
            if relative == "super" {
                from.pop();
            }
        }
        from.extend(segments);
        self.imports.push(Import { path: from, line });
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}
