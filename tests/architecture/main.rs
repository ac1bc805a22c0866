//! Imports run downward: a room of `src` uses only the rooms below it. The floors are listed once, in
//! `src/guide/architecture.md`; a module with floors of its own lists them in its `mod.rs`.

mod checker;
mod imports;
mod rooms;
mod tokens;

use rooms::{Crate, File, violations};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Imports that run upward today, by room. The list may only shrink: an entry that no longer occurs
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

/// The rooms in the code block below the heading "Floors", bottom first.
fn floors(page: &str) -> Vec<String> {
    let (_, section) = page.split_once("\n## Floors\n").expect("a section Floors");
    let (_, block) = section.split_once("```text\n").expect("a code block");
    let (block, _) = block.split_once("```").expect("the end of the code block");
    names(block)
}

/// The modules in the comment `// floors: …` of a `mod.rs`, bottom first.
fn inner_floors(text: &str) -> Option<Vec<String>> {
    let (_, list) = text.split_once("\n// floors: ")?;
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

/// Each child module is on exactly one floor.
#[track_caller]
fn assert_complete(listed: &[String], children: &BTreeSet<String>, place: &str) {
    let set: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(set.len(), listed.len(), "{place}: a module is listed twice");
    assert_eq!(&set, children, "{place}: the floors are not the modules");
}

#[test]
fn rooms_import_only_from_lower_floors() {
    let page = fs::read_to_string(src().join("guide/architecture.md")).unwrap();
    let floors = floors(&page);
    let files = files();
    let crate_ = Crate::read(&files);
    assert_complete(&floors, &crate_.children(&[]), "guide/architecture.md");
    let upward = crate_.upward_imports(&[], &floors);
    assert_eq!(violations(&upward, KNOWN_UPWARD_IMPORTS), [""; 0]);
}

#[test]
fn modules_inside_a_room_import_only_from_lower_floors() {
    let files = files();
    let crate_ = Crate::read(&files);
    let mut checked = Vec::new();
    for file in &files {
        let (Some(folder), Some(floors)) =
            (file.path.strip_suffix("/mod.rs"), inner_floors(&file.text))
        else {
            continue;
        };
        let room: Vec<String> = folder.split('/').map(str::to_owned).collect();
        assert_complete(&floors, &crate_.children(&room), &file.path);
        let upward = crate_.upward_imports(&room, &floors);
        assert_eq!(violations(&upward, &[]), [""; 0], "{folder}");
        checked.push(folder);
    }
    assert!(checked.contains(&"config"), "{checked:?}");
}
