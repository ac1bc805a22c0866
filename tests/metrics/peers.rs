//! The metadata that peers exchange.

use crate::{answer, cases, cases::text, label, points, request_headers, webapp};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use tower_b3::metrics::{Metrics, PeerMetadata, PeerMetadataError, Point, Workload};

const METADATA: &str = "x-envoy-peer-metadata";
const ID: &str = "x-envoy-peer-metadata-id";

/// The metadata of a `Struct` in the tables.
fn metadata(fields: &Value) -> PeerMetadata {
    let field = |name| text(fields, name).to_owned();
    let mut labels: BTreeMap<String, String> =
        serde_json::from_value(fields["LABELS"].clone()).unwrap();
    let mut label = |name| labels.remove(name).unwrap_or_default();
    let mut peer = PeerMetadata::default();
    peer.canonical_service = label("service.istio.io/canonical-name");
    peer.canonical_revision = label("service.istio.io/canonical-revision");
    peer.app = label("app");
    peer.version = label("version");
    peer.labels = labels;
    peer.name = field("NAME");
    peer.namespace = field("NAMESPACE");
    peer.workload = field("WORKLOAD_NAME");
    peer.cluster = field("CLUSTER_ID");
    peer.owner = field("OWNER");
    peer.identity = field("IDENTITY");
    peer.region = field("REGION");
    peer.availability_zone = field("AVAILABILITY_ZONE");
    peer
}

/// The workload of a node in the tables.
pub fn workload(metadata: &Value) -> Workload {
    let field = |name| text(metadata, name);
    let mut workload = Workload::new(field("WORKLOAD_NAME"))
        .pod(field("NAME"))
        .namespace(field("NAMESPACE"))
        .cluster(field("CLUSTER_ID"))
        .owner(field("OWNER"))
        .spiffe_id(field("IDENTITY"));
    for (name, value) in metadata["LABELS"].as_object().into_iter().flatten() {
        workload = workload.label(name, value.as_str().unwrap());
    }
    workload
}

/// The labels of a request with this header that a server answers.
fn source(metrics: &Metrics, value: &str) -> Point {
    let mut headers = HeaderMap::new();
    headers.insert(METADATA, HeaderValue::from_str(value).unwrap());
    answer(metrics, headers);
    points(metrics, "istio_requests_total").remove(0)
}

pub fn check_peer(id: &str, peer: &PeerMetadata, expected: &Value) {
    for (name, value) in [
        ("name", &peer.name),
        ("namespace", &peer.namespace),
        ("workload", &peer.workload),
        ("cluster", &peer.cluster),
        ("service", &peer.canonical_service),
        ("revision", &peer.canonical_revision),
        ("app", &peer.app),
        ("version", &peer.version),
        ("identity", &peer.identity),
        ("region", &peer.region),
        ("availability_zone", &peer.availability_zone),
    ] {
        assert_eq!(value, text(expected, name), "{id}: {name}");
    }
    let kind = peer.workload_type().unwrap_or_default();
    assert_eq!(kind, text(expected, "type"), "{id}");
    for (name, value) in expected["labels"].as_object().into_iter().flatten() {
        let label = peer.labels.get(name).map(String::as_str);
        assert_eq!(label, value.as_str(), "{id}: label {name}");
    }
}

fn check_labels(id: &str, value: &str, expected: &Value) {
    let metrics = Metrics::builder(webapp()).build();
    let point = source(&metrics, value);
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(label(&point, name), value.as_str().unwrap(), "{id}: {name}");
    }
}

#[test]
fn headers_are_written_and_read_as_in_the_shared_table() {
    let table = cases::read("peer-metadata.json");
    let cases = table["encode"].as_array().unwrap();
    assert!(cases.len() >= 13);
    for case in cases {
        let id = text(case, "id");
        let value = text(case, METADATA);
        assert_eq!(metadata(&case["struct"]).encode(), value, "{id}");
        check_peer(
            id,
            &PeerMetadata::decode(value.as_bytes()).unwrap(),
            &case["peer"],
        );
        check_labels(id, value, &case["as_source_labels"]);
    }
}

#[test]
fn headers_of_others_are_read_as_in_the_shared_table() {
    let table = cases::read("peer-metadata.json");
    let cases = table["decode"].as_array().unwrap();
    assert!(cases.len() >= 10);
    for case in cases {
        let id = text(case, "id");
        let value = text(case, METADATA);
        match text(case, "outcome") {
            "peer" => {
                let peer = PeerMetadata::decode(value.as_bytes()).unwrap();
                check_peer(id, &peer, &case["peer"]);
                check_labels(id, value, &case["as_source_labels"]);
            }
            _ => {
                let metrics = Metrics::builder(webapp()).build();
                let point = source(&metrics, value);
                assert_eq!(label(&point, "source_workload"), "unknown", "{id}");
            }
        }
    }
}

#[test]
fn a_workload_sends_the_metadata_of_a_sidecar() {
    let table = cases::read("peer-metadata.json");
    let mut compared = 0;
    for case in table["encode"].as_array().unwrap() {
        let node = &case["node"];
        let id = text(case, "id");
        // Older proxies send less, and a node without a cluster exists in tests only.
        let current = text(case, "emulates") == "Istio 1.29 and later";
        if !current || node["metadata"]["CLUSTER_ID"].is_null() {
            continue;
        }
        let mut workload = workload(&node["metadata"]).node_id(text(node, "id"));
        if let Some(locality) = node["locality"].as_object() {
            let part = |name: &str| locality[name].as_str().unwrap();
            workload = workload.locality(part("region"), part("zone"));
        }
        let additional = case["additional_labels"].as_array().unwrap();
        workload = workload.share_labels(additional.iter().map(|name| name.as_str().unwrap()));
        let headers = request_headers(&Metrics::builder(workload).build(), HeaderMap::new());
        assert_eq!(headers[METADATA], text(case, METADATA), "{id}");
        assert_eq!(headers[ID], text(case, ID), "{id}");
        compared += 1;
    }
    assert!(compared >= 8, "{compared}");
}

#[test]
fn a_workload_sends_the_versions_that_new_proxies_leave_out() {
    let workload = webapp().mesh("mesh1").istio_version("1.30.0");
    let headers = request_headers(&Metrics::builder(workload).build(), HeaderMap::new());
    let peer = PeerMetadata::decode(headers[METADATA].as_bytes()).unwrap();
    assert_eq!((&*peer.mesh, &*peer.istio_version), ("mesh1", "1.30.0"));
}

#[test]
fn a_response_has_the_metadata_headers_of_its_request() {
    let server = Metrics::builder(webapp()).build();
    let client = Metrics::builder(Workload::new("client")).build();
    for (metadata, id) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut request = request_headers(&client, HeaderMap::new());
        if !metadata {
            request.remove(METADATA);
        }
        if !id {
            request.remove(ID);
        }
        request.append(METADATA, HeaderValue::from_static("second"));
        if !metadata {
            request.insert(METADATA, HeaderValue::from_static(""));
        }
        let response = answer(&server, request);
        assert_eq!(response.contains_key(METADATA), metadata);
        assert_eq!(response.contains_key(ID), id);
    }
}

#[test]
fn metadata_replaces_what_the_application_wrote() {
    let mut headers = HeaderMap::new();
    headers.append(METADATA, HeaderValue::from_static("a"));
    headers.append(METADATA, HeaderValue::from_static("b"));
    let headers = request_headers(&Metrics::builder(webapp()).build(), headers);
    assert_eq!(headers.get_all(METADATA).iter().count(), 1);
}

#[test]
fn a_peer_cannot_choose_the_labels_of_another_by_its_id() {
    let metrics = Metrics::builder(Workload::new("catalog")).build();
    for workload in ["first", "second"] {
        let own = Workload::new(workload).node_id("sidecar~1.2.3.4~a.b~b.svc.cluster.local");
        answer(
            &metrics,
            request_headers(&Metrics::builder(own).build(), HeaderMap::new()),
        );
    }
    let points = points(&metrics, "istio_requests_total");
    let sources = points.iter().map(|point| label(point, "source_workload"));
    assert_eq!(sources.collect::<Vec<_>>(), ["first", "second"]);
}

#[test]
fn kubernetes_labels_override_plain_ones() {
    let mut peer = PeerMetadata::default();
    peer.app = "old".to_owned();
    peer.version = "8".to_owned();
    for (name, value) in [
        ("app.kubernetes.io/name", "new"),
        ("app.kubernetes.io/version", "9"),
    ] {
        peer.labels.insert(name.to_owned(), value.to_owned());
    }
    let metrics = Metrics::builder(webapp()).build();
    let point = source(&metrics, &peer.encode());
    assert_eq!(label(&point, "source_app"), "new");
    assert_eq!(label(&point, "source_version"), "9");
}

#[test]
fn oversized_texts_are_refused_or_left_empty() {
    let mut peer = PeerMetadata::default();
    peer.workload = "w".repeat(254);
    peer.namespace = "n\u{7}s".to_owned();
    peer.app = "a".repeat(253);
    peer.version = "v\n1".to_owned();
    let read = PeerMetadata::decode(peer.encode().as_bytes()).unwrap();
    assert_eq!(
        (&*read.workload, &*read.namespace, &*read.version),
        ("", "", "")
    );
    assert_eq!(read.app.len(), 253);

    let error = PeerMetadata::decode("A".repeat(8 * 1024 + 1).as_bytes()).unwrap_err();
    assert_eq!(error, PeerMetadataError::TooLong);
    assert_eq!(
        error.to_string(),
        "x-envoy-peer-metadata: longer than 8 KiB"
    );
    let error = PeerMetadata::decode(b"Cv////8PZ2FyYmFnZQ==").unwrap_err();
    assert_eq!(
        error.to_string(),
        "x-envoy-peer-metadata: not the base64 of a google.protobuf.Struct of at most 4 levels"
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        texts in proptest::collection::vec("[^\\p{Cc}]{0,40}", 12),
        labels in proptest::collection::btree_map("x[a-z./-]{1,20}", "[^\\p{Cc}]{1,40}", 0..5),
    ) {
        let mut peer = PeerMetadata::default();
        for (field, text) in [
            &mut peer.name, &mut peer.namespace, &mut peer.workload, &mut peer.cluster,
            &mut peer.canonical_service, &mut peer.canonical_revision, &mut peer.app,
            &mut peer.version, &mut peer.owner, &mut peer.identity, &mut peer.mesh,
            &mut peer.istio_version,
        ].into_iter().zip(&texts) {
            field.clone_from(text);
        }
        peer.labels = labels;
        prop_assert_eq!(PeerMetadata::decode(peer.encode().as_bytes()), Ok(peer));
    }

    #[test]
    fn no_value_makes_it_panic(value in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = PeerMetadata::decode(&value);
    }
}
