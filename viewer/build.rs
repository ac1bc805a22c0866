//! Lists the files of the page, to embed them.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn main() {
    let page = Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("set by Cargo")).join("page");
    println!("cargo::rerun-if-changed={}", page.display());
    let mut files = Vec::new();
    collect(&page, &mut files);
    files.sort();
    let entries = files.iter().map(|file| {
        let name = file.strip_prefix(&page).expect("a file of the page");
        let name = name.to_str().expect("a name in UTF-8").replace('\\', "/");
        format!("    ({name:?}, include_bytes!({file:?})),\n")
    });
    let list = format!("&[\n{}]\n", entries.collect::<String>());
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by Cargo"));
    fs::write(out.join("page_files.rs"), list).expect("the list is written");
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    println!("cargo::rerun-if-changed={}", directory.display());
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
}
