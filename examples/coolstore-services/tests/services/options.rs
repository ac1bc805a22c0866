//! The options: invalid values, and environment variables.

use crate::{CATALOG, WEBAPP};
use std::{env, fs, path::PathBuf, process};
use test_kit::{Process, eventually, http::get, refusal};

/// A flag, a value that it does not take, and a part of the error message.
const INVALID: [(&str, &str, &str); 31] = [
    ("--sampling", "101", "101 is not a percentage from 0 to 100"),
    ("--sampling", "-1", "-1 is not a percentage from 0 to 100"),
    ("--sampling", "-0", "-0 is not a percentage from 0 to 100"),
    ("--sampling", "NaN", "NaN is not a percentage from 0 to 100"),
    ("--sampling", "half", "not a number"),
    ("--service", " ", "empty"),
    ("--tag", "name", "not NAME=literal:VALUE"),
    ("--tag", "name=jwt:sub", "not NAME=literal:VALUE"),
    ("--tag", "=literal:value", "the name is empty"),
    ("--tag", "name=literal:", "the literal value is empty"),
    (
        "--tag",
        "name=env:",
        "is not a valid environment variable name",
    ),
    ("--tag", "name=header:a b", "is not a valid header name"),
    ("--tag", "name=header::status", "is not a valid header name"),
    (
        "--propagation",
        "b3,jaeger",
        "unknown format: expected `b3multi`, `b3` or `w3c`",
    ),
    ("--zipkin", "zipkin:9411", "http"),
    ("--zipkin", "", ""),
    ("--zipkin", "http://zipkin:99999", "1 to 65535"),
    ("--otlp", "ftp://collector", "http"),
    ("--kafka", "kafka", "port"),
    ("--encoding", "thrift", "json or proto3"),
    ("--mode", "sidecar", "forward, spans, edge"),
    ("--zipkin", "http://127.0.0.1:94110/api/v2/spans", "port"),
    ("--otlp", "http://127.0.0.1:94110/v1/traces", "port"),
    ("--catalog", "http://127.0.0.1:80810", "port"),
    ("--catalog", "http://127.0.0.1:0", "port"),
    ("--catalog", "http://127.0.0.1:/", "port"),
    ("--catalog", "http://127.0.0.1/#a", "fragment"),
    ("--catalog", "ftp://catalog", "http://"),
    ("--catalog", "/items", "http://"),
    ("--catalog", "http://catalog:99999", "1 to 65535"),
    ("--catalog", "http://catalog:+80", "1 to 65535"),
];

/// What webapp prints when it refuses these flags.
fn webapp_refuses(flags: &[&str]) -> String {
    refusal(WEBAPP, &[&["--listen", "127.0.0.1:0"], flags].concat())
}

#[test]
fn an_invalid_value_is_refused_by_an_error_that_names_the_flag() {
    for (flag, value, reason) in INVALID {
        let error = webapp_refuses(&[flag, value]);
        assert!(
            error.contains(flag) && error.contains(reason),
            "{flag} {value}: {error}"
        );
    }
}

#[test]
fn an_address_that_cannot_be_listened_on_is_refused() {
    let running = Process::listen(CATALOG, &[]);
    let taken = running.address().to_string();
    for address in ["here", "127.0.0.1", "127.0.0.1:65536", &taken] {
        let error = refusal(CATALOG, &["--listen", address]);
        assert!(error.contains("--listen"), "{error}");
        assert!(error.contains(address), "{error}");
    }
}

#[test]
fn a_password_in_a_url_is_not_printed() {
    let error = webapp_refuses(&["--zipkin", "http://me:hunter2@a/api/v2/spans"]);
    assert!(
        error.contains("--zipkin") && error.contains("credentials"),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let two = ["--otlp", "http://a", "--kafka", "b:1"];
    let error = webapp_refuses(&two);
    assert!(
        error.contains("--otlp") && error.contains("--kafka"),
        "{error}"
    );
    let ignored = ["--otlp", "http://a", "--encoding", "proto3"];
    let error = webapp_refuses(&ignored);
    assert!(
        error.contains("--otlp") && error.contains("--encoding"),
        "{error}"
    );
}

/// A path in the temporary directory that no other test uses.
fn temporary_path(test: &str) -> PathBuf {
    env::temp_dir().join(format!("coolstore-{test}-{}.yaml", process::id()))
}

#[test]
fn reporter_flags_are_refused_if_documents_say_where_spans_go() {
    let document = temporary_path("document");
    let content = "tracing: { zipkin: { address: 'zipkin:9411' } }";
    fs::write(&document, content).expect("the document is written");
    let path = document.to_str().expect("a path in UTF-8");
    for flags in [&["--gzip"][..], &["--encoding", "proto3"]] {
        let error = webapp_refuses(&[&["--config", path], flags].concat());
        assert!(error.contains(flags[0]), "{error}");
    }
    fs::remove_file(&document).expect("the document is removed");
}

#[test]
fn a_config_that_is_not_a_regular_file_is_refused() {
    let pipe = temporary_path("pipe");
    let path = pipe.to_str().expect("a path in UTF-8");
    let mkfifo = process::Command::new("mkfifo").arg(path).status();
    assert!(mkfifo.expect("mkfifo runs").success());
    for unreadable in [path, "/", "/dev/zero"] {
        assert_eq!(
            webapp_refuses(&["--config", unreadable]),
            format!("error: --config <FILE>: {unreadable}: not a regular file\n")
        );
    }
    fs::remove_file(&pipe).expect("the pipe is removed");
    let error = webapp_refuses(&["--config", path]);
    assert!(
        error.contains("--config") && error.contains(path),
        "{error}"
    );
}

#[test]
fn environment_variables_set_flags() {
    let mut process = Process::start(
        CATALOG,
        &[],
        &[
            ("SHOP_LISTEN", "127.0.0.1:0"),
            ("SHOP_TAGS", "a=literal:x, y\nzone=env:ZONE:unknown"),
            ("ZONE", "z1"),
        ],
    );
    assert_eq!(get(process.address(), "/items", &[]).status, 200);
    let stderr = eventually("a tree on stderr", || {
        Some(process.stderr()).filter(|stderr| stderr.contains("trace "))
    });
    assert!(stderr.contains("a=x, y zone=z1"), "{stderr}");
    assert!(process.stop().success());
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let names = [
        "MODE",
        "ZIPKIN",
        "OTLP",
        "KAFKA",
        "ENCODING",
        "GZIP",
        "SAMPLING",
        "TAGS",
        "SERVICE",
        "PROPAGATION",
        "METRICS",
        "CATALOG",
    ];
    let names = names.map(|name| format!("SHOP_{name}"));
    let environment: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    let listen = ["--listen", "127.0.0.1:0"];
    let mut process = Process::start(WEBAPP, &listen, &environment);
    assert_eq!(get(process.address(), "/", &[]).status, 404);
    // The defaults: every request is sampled, and spans are printed under the default name.
    let stderr = eventually("a tree on stderr", || {
        Some(process.stderr()).filter(|stderr| stderr.contains("trace "))
    });
    assert!(stderr.contains("webapp  SERVER  GET"), "{stderr}");
    assert!(process.stop().success());
}
