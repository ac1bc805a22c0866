//! The table finds what lookups in the header map find, and nothing else.

use super::*;
use crate::propagation::names::{CLIENT_TRACE_ID, OPAQUE, REQUEST_ID};
use http::header::{HOST, USER_AGENT};
use proptest::{collection::vec, prelude::*};

fn opaque() -> Vec<(HeaderName, bool)> {
    let names = OPAQUE.into_iter().map(HeaderName::from_static);
    names.map(|name| (name, true)).collect()
}

#[test]
fn the_names_in_the_table_are_found_and_no_others() {
    let long = HeaderName::from_static("x-a-name-of-more-than-thirty-one-characters");
    let b3 = HeaderName::from_static("b3");
    let mut opaque = opaque();
    opaque.extend([(long.clone(), true), (b3.clone(), true)]);
    let table = HeaderTable::new(&opaque, &[HOST, USER_AGENT]);
    for (position, header) in table.headers.iter().enumerate() {
        assert_eq!(table.position(&header.name), Some(position));
    }
    let known = |name: &HeaderName| table.position(name).map(|at| &table.headers[at]);
    assert_eq!(known(&long).unwrap().tracing, None);
    let is_built_in = |name| known(name).unwrap().name.is_built_in();
    assert!(!is_built_in(&long) && is_built_in(&b3));
    assert_eq!(known(&b3).unwrap().tracing, Some(TracingHeader::B3));
    assert!(!known(&b3).unwrap().forwarded);
    let client_trace_id = known(&CLIENT_TRACE_ID).unwrap();
    assert!(
        client_trace_id.forwarded && client_trace_id.tracing == Some(TracingHeader::ClientTraceId)
    );
    for name in ["x-b3-traceie", "y-b3-traceid", "a", "accept"] {
        assert!(known(&HeaderName::from_static(name)).is_none(), "{name}");
    }
    assert_eq!(table.headers.len(), 11 + 8 + 1 + 2);
}

#[test]
fn a_header_that_is_read_twice_has_one_slot() {
    let tenant = HeaderName::from_static("x-tenant");
    let sw8 = HeaderName::from_static("sw8");
    let additional = [HOST, tenant.clone(), HOST, sw8.clone()];
    let table = HeaderTable::new(&opaque(), &additional);
    assert_eq!(table.slot(&HOST), Some(HeaderSlot::additional(0)));
    assert_eq!(table.slot(&tenant), Some(HeaderSlot::additional(1)));
    assert_eq!(table.slot(&sw8), Some(HeaderSlot::additional(3)));
    assert_eq!(
        table.slot(&REQUEST_ID),
        Some(HeaderSlot::of(TracingHeader::RequestId))
    );
    assert_eq!(table.slot(&USER_AGENT), None);
    let mut headers = HeaderMap::new();
    headers.append("sw8", HeaderValue::from_static("first"));
    headers.append("sw8", HeaderValue::from_static("second"));
    let mut forwarded = Vec::new();
    let values = table.read(&headers, Some(&mut forwarded));
    assert_eq!(values.get(HeaderSlot::additional(3)).unwrap(), "first");
    assert_eq!(forwarded.len(), 2);
}

#[test]
fn additional_headers_beyond_the_slots_are_not_read() {
    let names = (0..300).map(|at| HeaderName::try_from(format!("x-{at}")).unwrap());
    let names: Vec<_> = names.collect();
    let table = HeaderTable::new(&opaque(), &names);
    assert_eq!(table.slot(&names[0]), Some(HeaderSlot::additional(0)));
    assert_eq!(table.slot(&names[299]), None);
    let opaque: Vec<_> = names.iter().map(|name| (name.clone(), true)).collect();
    let table = HeaderTable::new(&opaque, &[]);
    assert!(table.position(&names[299]).is_some());
}

#[test]
fn every_byte_of_a_name_counts() {
    for length in 1..40 {
        let name = |text: &str| HeaderName::try_from(text).unwrap();
        let text = "a".repeat(length);
        let additional = name(&text);
        let table = HeaderTable::new(&[], std::slice::from_ref(&additional));
        assert!(table.slot(&additional).is_some());
        for at in 0..length {
            let mut other = text.clone();
            other.replace_range(at..=at, "b");
            assert_eq!(table.position(&name(&other)), None, "{other}");
        }
    }
}

proptest! {
    #[test]
    fn values_agree_with_lookups(
        names in vec("[a-c0-1-]{1,30}", 1..60),
        additional in vec("[a-c0-1-]{1,30}", 0..12),
    ) {
        let name = |text: &String| HeaderName::try_from(text.as_str()).unwrap();
        let additional: Vec<_> = additional.iter().chain(&names[..1]).map(name).collect();
        let table = HeaderTable::new(&opaque(), &additional);
        let mut headers = HeaderMap::new();
        for (at, text) in names.iter().enumerate() {
            headers.append(name(text), HeaderValue::from(at));
        }
        let values = table.read(&headers, None);
        for name in &additional {
            let slot = table.slot(name).unwrap();
            prop_assert_eq!(values.get(slot), headers.get(name));
        }
    }
}
