//! The rules for the size of files and functions, and for the comment at the start of a file.

use std::{
    fs,
    path::{Path, PathBuf},
};

const MAX_FILE_LINES: usize = 450;
const MAX_FUNCTION_LINES: usize = 60;
/// A longer file starts with a `//!` comment that says what it contains.
const MAX_LINES_WITHOUT_COMMENT: usize = 100;

/// Folders and files with Rust source.
const SOURCES: &[&str] = &["src", "tests", "examples", "benches", "fuzz", "viewer"];

struct Source {
    /// Relative to the root of the repository, with `/`.
    path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files of the repository, except for build output.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    let mut folders: Vec<PathBuf> = SOURCES.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap();
                let path = path.to_str().unwrap().replace('\\', "/");
                sources.push(Source { path, text });
            }
        }
    }
    assert!(sources.len() > 400, "{} files", sources.len());
    sources
}

/// The functions of a file that `cargo fmt` has formatted: name, first line and length. A function
/// ends at the closing brace that is indented like its first line.
fn functions(text: &str) -> Vec<(&str, usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else {
            continue;
        };
        let body = lines[first..]
            .iter()
            .position(|line| line.ends_with(['{', '}', ';']));
        let body = first + body.unwrap_or(0);
        if !lines[body].ends_with('{') {
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let is_end = |line: &&str| line.strip_prefix(indent) == Some("}");
        let length = lines[body..].iter().position(is_end);
        let length = length.expect("the end of a function") + body - first + 1;
        functions.push((name, first + 1, length));
    }
    functions
}

/// The name, if a function begins on this line.
fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    for qualifier in ["pub", "default", "const", "async", "unsafe"] {
        if let Some(after) = rest.strip_prefix(qualifier) {
            let visibility = after.strip_prefix('(').and_then(|in_| in_.split_once(')'));
            let after = visibility.map_or(after, |(_, after)| after);
            rest = after.strip_prefix(' ').unwrap_or(rest);
        }
    }
    let signature = rest.strip_prefix("fn ")?;
    let is_end = |letter: char| !letter.is_alphanumeric() && letter != '_';
    signature.split(is_end).next()
}

/// Whether a file begins with a comment on its contents, after inner attributes.
fn has_comment(text: &str) -> bool {
    let mut lines = text.lines();
    let first = lines.find(|line| !line.starts_with("#![") && !line.starts_with([' ', ')']));
    first.is_some_and(|line| line.starts_with("//!"))
}

#[test]
fn no_file_is_too_long() {
    for Source { path, text } in sources() {
        let lines = text.lines().count();
        assert!(lines <= MAX_FILE_LINES, "{path}: {lines} lines");
    }
}

#[test]
fn no_function_is_too_long() {
    let sources = sources();
    let mut found = 0;
    for Source { path, text } in &sources {
        for (name, line, length) in functions(text) {
            found += 1;
            assert!(
                length <= MAX_FUNCTION_LINES,
                "{path}:{line}: {name} has {length} lines"
            );
        }
    }
    assert!(found > 2_000, "{found} functions");
}

#[test]
fn a_long_file_begins_with_a_comment_on_its_contents() {
    for Source { path, text } in sources() {
        assert!(
            text.lines().count() <= MAX_LINES_WITHOUT_COMMENT || has_comment(&text),
            "{path} does not begin with `//!`"
        );
    }
}

#[test]
fn functions_are_found_in_every_form() {
    let text = "\
pub(crate) async fn first<T>(
    of: T,
) -> T {
    if of {
    }
}

trait Two {
    fn declared(&self)
    where
        Self: Sized;

    fn provided(&self) {
        fn inner() {
            1
        }
    }

    const fn short() {}
}
";
    let expected = [("first", 1, 6), ("provided", 13, 5), ("inner", 14, 3)];
    assert_eq!(functions(text), expected);
}

#[test]
fn the_comment_may_follow_attributes() {
    assert!(has_comment("//! Text.\nuse std::fs;"));
    assert!(has_comment(
        "#![cfg_attr(\n    test,\n    doc\n)]\n//! Text."
    ));
    assert!(!has_comment("use std::fs;\n//! Text."));
    assert!(!has_comment("/// Text.\nfn f() {}"));
}
