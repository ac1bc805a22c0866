//! A module of `src` imports only from modules that come before it in the dependency order. The order
//! is listed once, in `src/guide/architecture.md`; a module with an order of its own lists it in its
//! `mod.rs`.

mod checker;
mod imports;
mod modules;
mod tokens;

use modules::{Crate, File, violations};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Imports from a later module that exist today: from, to. The list may only shrink: an entry that no longer occurs
/// is an error too.
const KNOWN_UPWARD_IMPORTS: &[(&str, &str)] = &[];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All files below `src`.
fn files() -> Vec<File> {
    let mut files = Vec::new();
    let mut folders = vec![src()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(src()).unwrap();
                let path = path.to_str().unwrap().replace('\\', "/");
                files.push(File { path, text });
            }
        }
    }
    files
}

/// The modules in the code block below the heading "Dependency order".
fn dependency_order(page: &str) -> Vec<String> {
    let section = page.split_once("\n## Dependency order\n");
    let (_, section) = section.expect("a section Dependency order");
    let (_, block) = section.split_once("```text\n").expect("a code block");
    let (block, _) = block.split_once("```").expect("the end of the code block");
    names(block)
}

/// The modules in the comment `// Dependency order: …` of a `mod.rs`.
fn inner_order(text: &str) -> Option<Vec<String>> {
    let (_, list) = text.split_once("\n// Dependency order: ")?;
    let (list, _) = list.split_once("\n\n")?;
    Some(names(&list.replace("//", "")))
}

fn names(list: &str) -> Vec<String> {
    let names = list.split([',', '\n']).map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Each child module is listed exactly once.
#[track_caller]
fn assert_complete(listed: &[String], children: &BTreeSet<String>, place: &str) {
    let set: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(set.len(), listed.len(), "{place}: a module is listed twice");
    assert_eq!(&set, children, "{place}: the list is not the modules");
}

#[test]
fn modules_import_only_from_earlier_modules() {
    let page = fs::read_to_string(src().join("guide/architecture.md")).unwrap();
    let order = dependency_order(&page);
    let files = files();
    let crate_ = Crate::read(&files);
    assert_complete(&order, &crate_.children(&[]), "guide/architecture.md");
    let upward = crate_.upward_imports(&[], &order);
    assert_eq!(violations(&upward, KNOWN_UPWARD_IMPORTS), [""; 0]);
}

#[test]
fn modules_inside_a_module_import_only_from_earlier_ones() {
    let files = files();
    let crate_ = Crate::read(&files);
    let mut checked = Vec::new();
    for file in &files {
        let (Some(folder), Some(order)) =
            (file.path.strip_suffix("/mod.rs"), inner_order(&file.text))
        else {
            continue;
        };
        let parent: Vec<String> = folder.split('/').map(str::to_owned).collect();
        assert_complete(&order, &crate_.children(&parent), &file.path);
        let upward = crate_.upward_imports(&parent, &order);
        assert_eq!(violations(&upward, &[]), [""; 0], "{folder}");
        checked.push(folder);
    }
    assert!(checked.contains(&"config"), "{checked:?}");
}
