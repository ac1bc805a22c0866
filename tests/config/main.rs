//! Istio's tracing configuration: what is read, how it is merged, and its effect on a tracer.
#![cfg(feature = "config")]

#[path = "../common/mod.rs"]
mod common;

mod apply;
mod documents;
mod environment;
mod errors;
mod properties;
mod providers;
#[cfg(feature = "zipkin")]
mod reporter;
mod workloads;

use std::{collections::BTreeMap, path::PathBuf};
use tower_b3::{
    Direction, Mode,
    config::{Collector, TracingConfig},
};

/// The documents in the folder next to this file, by name: the summary that their first lines expect,
/// and their text.
fn documents() -> BTreeMap<String, (String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/config/documents");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let read = |file: std::fs::DirEntry| {
        let text = std::fs::read_to_string(file.path()).unwrap();
        let (expected, document): (Vec<_>, Vec<_>) =
            text.lines().partition(|line| line.starts_with("# "));
        let expected: Vec<&str> = expected.iter().map(|line| &line[2..]).collect();
        let name = file.file_name().into_string().unwrap();
        (name, (expected.join("\n"), document.join("\n")))
    };
    files.map(read).collect()
}

/// A configuration in a few lines.
fn summary(config: &TracingConfig) -> String {
    let of = |direction| {
        let mode = match config.mode(direction) {
            Mode::Spans => "spans",
            Mode::ForwardOnly => "forward only",
            Mode::RecordOnly => "record only",
            other => panic!("{other:?}"),
        };
        let by = format!("{:?}", config.sampler(direction));
        let by = if by.ends_with("by request id") {
            "by request id"
        } else {
            "by trace id"
        };
        let percent = config.sampling(direction);
        let tags = config.tags(direction);
        let tags = tags.iter().map(|tag| tag.name()).collect::<Vec<_>>();
        let tags = match tags[..] {
            [] => String::new(),
            _ => format!(", tags {}", tags.join(" ")),
        };
        format!("{mode}, {percent} % {by}{tags}")
    };
    let (server, client) = (of(Direction::Server), of(Direction::Client));
    let mut lines = match server == client {
        true => vec![format!("both: {server}")],
        false => vec![format!("server: {server}"), format!("client: {client}")],
    };
    let istio_tags = [Direction::Server, Direction::Client].map(|one| config.istio_tags(one));
    lines.extend(match istio_tags {
        [true, true] => None,
        [false, true] => Some("istio tags: not on SERVER".to_owned()),
        [true, false] => Some("istio tags: not on CLIENT".to_owned()),
        [false, false] => Some("istio tags: none".to_owned()),
    });
    let collector = match config.collector() {
        Ok(Collector::Zipkin(url)) => format!("Zipkin {url}"),
        Ok(Collector::Otlp(url)) => format!("OTLP {url}"),
        Ok(Collector::OtlpGrpc(url)) => format!("OTLP over gRPC {url}"),
        Ok(Collector::None(reason)) => format!("none: {reason}"),
        Ok(other) => panic!("{other:?}"),
        Err(error) => format!("error: {error}"),
    };
    lines.push(format!("collector: {collector}"));
    lines.join("\n")
}

#[track_caller]
fn read(text: &str) -> TracingConfig {
    match TracingConfig::from_yaml(text) {
        Ok(config) => config,
        Err(error) => panic!("{error}\n{text}"),
    }
}
