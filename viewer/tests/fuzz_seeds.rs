//! Replays the seeds of the fuzz targets for the decoders, unchanged and with one byte changed or the
//! end cut off.

#[path = "../../fuzz/src/viewer.rs"]
mod viewer;

use std::{fs, path::Path};

fn holds(target: &str, property: fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/seeds")
        .join(target);
    let mut ran = 0;
    for entry in fs::read_dir(seeds).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        let seed = fs::read(path).unwrap();
        property(&seed);
        for at in 0..seed.len().min(300) {
            for byte in [b'"', b'\n', 0, 0x0a, 0xff] {
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
fn any_zipkin_json_holds() {
    holds("viewer_zipkin_json", viewer::viewer_zipkin_json);
}

#[test]
fn any_zipkin_proto3_holds() {
    holds("viewer_zipkin_proto3", viewer::viewer_zipkin_proto3);
}

#[test]
fn any_otlp_json_holds() {
    holds("viewer_otlp_json", viewer::viewer_otlp_json);
}

#[test]
fn any_otlp_protobuf_holds() {
    holds("viewer_otlp_protobuf", viewer::viewer_otlp_protobuf);
}

#[test]
fn any_jaeger_json_holds() {
    holds("viewer_jaeger_json", viewer::viewer_jaeger_json);
}

#[test]
fn any_export_holds() {
    holds("viewer_export", viewer::viewer_export);
}
