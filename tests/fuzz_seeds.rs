//! Replays the seeds of fuzz targets, unchanged and with one byte changed or the end cut off.
//! `tests/propagation` replays the seeds of the targets for headers, `tests/config` those of `config`.
#![cfg(all(feature = "access-log", feature = "config", feature = "otlp"))]

#[path = "../fuzz/src/access_log_format.rs"]
mod access_log_format;
#[cfg(feature = "metrics")]
#[path = "../fuzz/src/baggage.rs"]
mod baggage;
#[path = "../fuzz/src/config.rs"]
#[allow(dead_code, reason = "tests/config runs it")]
mod config;
#[path = "../fuzz/src/environment.rs"]
mod environment;
#[path = "../fuzz/src/forwarded_for.rs"]
mod forwarded_for;
#[path = "../fuzz/src/http_answer.rs"]
mod http_answer;
#[path = "../fuzz/src/labels.rs"]
mod labels;
#[cfg(feature = "metrics-config")]
#[path = "../fuzz/src/metrics_config.rs"]
mod metrics_config;
#[path = "../fuzz/src/otlp_answer.rs"]
mod otlp_answer;
#[cfg(feature = "metrics")]
#[path = "../fuzz/src/peer_metadata.rs"]
mod peer_metadata;
#[path = "../fuzz/src/serving.rs"]
mod serving;
#[path = "../fuzz/src/tag_format.rs"]
mod tag_format;
#[path = "../fuzz/src/url.rs"]
mod url;

use std::{fs, path::Path};

fn holds(target: &str, property: fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut ran = 0;
    for entry in fs::read_dir(seeds).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        let seed = fs::read(path).unwrap();
        property(&seed);
        for at in 0..seed.len().min(160) {
            for byte in [b'-', b'\n', 0xff] {
                let mut changed = seed.clone();
                changed[at] = byte;
                property(&changed);
            }
            property(&seed[..at]);
        }
        ran += 1;
    }
    assert!(ran >= 10, "{target} has only {ran} seeds");
}

#[test]
fn any_access_log_format_holds() {
    holds("access_log_format", access_log_format::access_log_format);
}

#[cfg(feature = "metrics")]
#[test]
fn any_baggage_holds() {
    holds("baggage", baggage::baggage);
}

#[test]
fn any_environment_holds() {
    holds("environment", environment::environment);
}

#[test]
fn any_forwarded_for_holds() {
    holds("forwarded_for", forwarded_for::forwarded_for);
}

#[test]
fn any_http_answer_holds() {
    holds("http_answer", http_answer::http_answer);
}

#[test]
fn any_labels_hold() {
    holds("labels", labels::labels);
}

#[test]
fn any_otlp_answer_holds() {
    holds("otlp_answer", otlp_answer::otlp_answer);
}

#[cfg(feature = "metrics")]
#[test]
fn any_peer_metadata_holds() {
    holds("peer_metadata", peer_metadata::peer_metadata);
}

#[test]
fn any_tag_format_holds() {
    holds("tag_format", tag_format::tag_format);
}

#[test]
fn any_url_holds() {
    holds("url", url::url);
}

#[cfg(feature = "metrics-config")]
#[test]
fn any_expression_holds() {
    holds("expression", metrics_config::expression);
}

#[cfg(feature = "metrics-config")]
#[test]
fn any_configuration_of_metrics_holds() {
    holds("metrics_config", metrics_config::metrics_config);
}
