//! The tables of cases that other implementations share.

use serde_json::Value;
use std::{env, fs, path::PathBuf};

/// Reads a table: from the folder in `TOWER_B3_METRICS_CASES` if that is set, else the copy beside this
/// file.
pub fn read(name: &str) -> Value {
    let folder = match env::var_os("TOWER_B3_METRICS_CASES") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/metrics/cases"),
    };
    let text = fs::read_to_string(folder.join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The text of a field; empty if there is none.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
