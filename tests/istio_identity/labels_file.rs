//! The pod's labels, from the file of the downward API.

use crate::{
    POD,
    common::TestTracer,
    identity,
    tags::{assert_tags, spans},
};
use std::{error::Error, fs, path::PathBuf};

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn labels_are_read_from_the_file_of_the_downward_api() {
    let text = "app=\"webapp\"\npod-template-hash=\"5d4\"\nservice.istio.io/canonical-revision=\"v2\"\n\nversion=\"\"";
    let labelled = identity("POD_NAMESPACE=shop")
        .label("app", "before")
        .labels_file(file("labels", text))
        .unwrap();
    assert_eq!(labelled.service_name(), "webapp.shop");
    assert_eq!(
        labelled.clone().label("app", "after").service_name(),
        "after.shop"
    );
    let test = TestTracer::of(|builder| builder.identity(labelled));
    assert_tags(&spans(&test), &[("istio.canonical_revision", Some("v2"))]);
    let nothing = identity(POD).labels_file(file("no-labels", "")).unwrap();
    assert_eq!(nothing, identity(POD));
}

#[test]
fn a_malformed_labels_file_is_an_error_with_the_line_number() {
    for (at, text) in [
        (1, "app=webapp"),
        (1, "app"),
        (1, "=\"webapp\""),
        (2, "app=\"webapp\"\nversion=\"v1"),
        (3, "app=\"webapp\"\n\nversion=v1\""),
        (1, "app=\""),
        (1, "app=\"a\\tb\""),
        (1, "app=\"a\"b\""),
    ] {
        let path = file("bad-labels", text);
        let error = identity(POD).labels_file(&path).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "pod labels {}: line {at} is not of the form name=\"value\"",
                path.display()
            ),
            "{text}"
        );
    }
    let directory = identity(POD).labels_file("/").unwrap_err();
    assert_eq!(directory.to_string(), "pod labels /: not a regular file");
    let missing = identity(POD).labels_file("no/such/file").unwrap_err();
    let text = missing.to_string();
    assert!(text.starts_with("pod labels no/such/file: "), "{text}");
    assert!(missing.source().is_some());
}
