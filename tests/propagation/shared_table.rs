//! A table of cases that other implementations share, where there is one.

use crate::{extract, properties, shown};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use std::{collections::BTreeMap, env, fs, path::PathBuf, slice};

#[derive(Deserialize)]
struct Case {
    id: String,
    headers: BTreeMap<String, Values>,
    expect: Expected,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Expected {
    outcome: String,
    trace_id: Option<String>,
    span_id: Option<String>,
    parent_id: Option<String>,
    state: String,
}

impl Case {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, values) in &self.headers {
            let values = match values {
                Values::One(value) => slice::from_ref(value),
                Values::Many(values) => values,
            };
            for value in values {
                headers.append(
                    HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    HeaderValue::from_bytes(value.as_bytes()).unwrap(),
                );
            }
        }
        headers
    }

    /// As [`shown`] shows it.
    fn expected(&self) -> String {
        let expect = &self.expect;
        let id = |id: &Option<String>| id.clone().unwrap_or("-".to_owned());
        match expect.outcome.as_str() {
            "context" => format!(
                "{}/{}/{} {}",
                id(&expect.trace_id),
                id(&expect.span_id),
                id(&expect.parent_id),
                expect.state
            ),
            "sampling-only" | "new" => format!("new {}", expect.state),
            other => panic!("{}: unknown outcome {other}", self.id),
        }
    }
}

/// A table that other implementations share, where there is one.
#[test]
fn the_shared_table_is_read_as_specified() {
    let path = match env::var_os("TOWER_B3_CASES") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/b3-extract.json"),
    };
    let Ok(text) = fs::read_to_string(&path) else {
        println!("no shared table: there is no file {}", path.display());
        return;
    };
    let cases: Vec<Case> = serde_json::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let read = shown(&extract(&case.headers()));
        if read != case.expected() {
            wrong.push(format!(
                "{}: read {read}, expected {}",
                case.id,
                case.expected()
            ));
        }
        properties::agree(&case.headers());
    }
    println!("{} rows of {}", cases.len(), path.display());
    assert!(!cases.is_empty());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
