//! The page's files, without a browser: what they must not contain, and that they name each other.

use std::{
    fs,
    path::{Path, PathBuf},
};

const MAX_LINES: usize = 450;
/// What would parse a text of a span as markup or code.
const FORBIDDEN: &[&str] = &[
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "createContextualFragment",
    "DOMParser",
    "srcdoc",
    "eval(",
    "new Function",
    "'style',",
];

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("page")
}

/// All files of the page, with their text.
fn files() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![page()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    assert!(files.len() > 30, "{} files", files.len());
    files
}

#[test]
fn files_are_short_and_parse_no_text_as_markup() {
    for (path, text) in files() {
        let name = path.display();
        assert!(text.lines().count() <= MAX_LINES, "{name} is too long");
        for forbidden in FORBIDDEN {
            assert!(!text.contains(forbidden), "{name} contains {forbidden}");
        }
        let outside = text.replace("http://www.w3.org/", "");
        let loads = [
            "src=\"http",
            "href=\"http",
            "url(http",
            "@import",
            "from 'http",
        ];
        for load in loads {
            assert!(
                !outside.contains(load),
                "{name} loads from elsewhere: {load}"
            );
        }
    }
}

#[test]
fn the_page_names_files_that_exist() {
    let index = fs::read_to_string(page().join("index.html")).unwrap();
    let named: Vec<&str> = index
        .split("=\"page/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(named.len() > 30, "{named:?}");
    for name in named {
        assert!(page().join(name).is_file(), "index.html names page/{name}");
    }
}
