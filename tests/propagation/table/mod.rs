//! The project's own table of what is read from which headers.

mod b3_multi;
mod b3_single;
mod traceparent;

use crate::{P, S, T, T64, Z, extract, properties, shown};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Name, headers as `name: value` lines, and what is read from them, as `trace/span/parent state`
/// with `-` for what is absent and `new` where there are no ids.
///
/// `T`, `S`, `P` stand for the ids above, `t` for the 64-bit trace id, `Z` for sixteen zeros.
pub type Row = (&'static str, &'static str, &'static str);

fn table() -> impl Iterator<Item = &'static Row> {
    let parts = [b3_single::ROWS, b3_multi::ROWS, traceparent::ROWS];
    parts.into_iter().flatten()
}

fn expand(text: &str) -> String {
    // Ids stand where a field or a value starts or other letters cannot be meant.
    let mut out = String::new();
    for c in text.chars() {
        match c {
            'T' => out.push_str(T),
            't' => out.push_str(T64),
            'S' => out.push_str(S),
            'P' => out.push_str(P),
            'Z' => out.push_str(Z),
            other => out.push(other),
        }
    }
    out
}

/// Values that are words, not ids.
const WORDS: [&str; 6] = ["true", "True", "false", "FALSE", "yes", "*/*"];

pub fn headers_of(row: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in row.split('|') {
        let (name, value) = line.split_once(": ").unwrap();
        let value = if WORDS.contains(&value) {
            value.to_owned()
        } else {
            expand(value)
        };
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    headers
}

#[test]
fn the_table_is_read_as_specified() {
    let mut wrong = Vec::new();
    for (row, headers, expected) in table() {
        let (ids, state) = expected.split_once(' ').unwrap();
        let expected = match ids {
            "new" => (*expected).to_owned(),
            ids => format!("{} {state}", expand(ids)),
        };
        let read = shown(&extract(&headers_of(headers)));
        if read != expected {
            wrong.push(format!("{row}: read {read}, expected {expected}"));
        }
    }
    println!("{} rows of the project's own table", table().count());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_model_reads_the_table_as_specified() {
    for (row, headers, _) in table() {
        println!("{row}");
        properties::agree(&headers_of(headers));
    }
}
