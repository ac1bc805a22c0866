use super::{super::names::OPAQUE, *};
use http::header::{HOST, USER_AGENT};
use proptest::{collection::vec, prelude::*};

fn opaque() -> Vec<(HeaderName, bool)> {
    let names = OPAQUE.into_iter().map(HeaderName::from_static);
    names.map(|name| (name, true)).collect()
}

#[test]
fn every_name_is_found_and_no_other() {
    let long = HeaderName::from_static("x-a-name-of-more-than-thirty-one-characters");
    let b3 = HeaderName::from_static("b3");
    let mut opaque = opaque();
    opaque.extend([(long.clone(), true), (b3.clone(), true)]);
    let table = HeaderTable::new(&opaque, &[HOST, USER_AGENT]);
    for (at, row) in table.rows.iter().enumerate() {
        assert_eq!(table.position(&row.name), Some(at));
    }
    let row = |name: &HeaderName| table.position(name).map(|at| &table.rows[at]);
    assert_eq!(row(&long).unwrap().role, None);
    let is_built_in = |name| row(name).unwrap().name.is_built_in();
    assert!(!is_built_in(&long) && is_built_in(&b3));
    assert_eq!(row(&b3).unwrap().role, Some(Role::B3));
    assert!(!row(&b3).unwrap().forward);
    let client_trace_id = row(&crate::propagation::names::CLIENT_TRACE_ID).unwrap();
    assert!(client_trace_id.forward && client_trace_id.role == Some(Role::ClientTraceId));
    for name in ["x-b3-traceie", "y-b3-traceid", "a", "accept"] {
        assert!(row(&HeaderName::from_static(name)).is_none(), "{name}");
    }
    assert_eq!(table.rows.len(), 11 + 8 + 1 + 2);
}

#[test]
fn a_header_that_is_read_twice_has_one_slot() {
    let tenant = HeaderName::from_static("x-tenant");
    let sw8 = HeaderName::from_static("sw8");
    let wanted = [HOST, tenant.clone(), HOST, sw8.clone()];
    let table = HeaderTable::new(&opaque(), &wanted);
    assert_eq!(table.slot(&HOST), Some(Slot::further(0)));
    assert_eq!(table.slot(&tenant), Some(Slot::further(1)));
    assert_eq!(table.slot(&sw8), Some(Slot::further(3)));
    assert_eq!(
        table.slot(&crate::propagation::names::REQUEST_ID),
        Some(Slot::of(Role::RequestId))
    );
    assert_eq!(table.slot(&USER_AGENT), None);
    let mut headers = HeaderMap::new();
    headers.append("sw8", HeaderValue::from_static("first"));
    headers.append("sw8", HeaderValue::from_static("second"));
    let mut forwarded = Vec::new();
    let seen = table.read(&headers, Some(&mut forwarded));
    assert_eq!(seen.get(Slot::further(3)).unwrap(), "first");
    assert_eq!(forwarded.len(), 2);
}

#[test]
fn names_that_are_too_many_have_no_slot() {
    let names = (0..300).map(|at| HeaderName::try_from(format!("x-{at}")).unwrap());
    let names: Vec<_> = names.collect();
    let table = HeaderTable::new(&opaque(), &names);
    assert_eq!(table.slot(&names[0]), Some(Slot::further(0)));
    assert_eq!(table.slot(&names[299]), None);
    let opaque: Vec<_> = names.iter().map(|name| (name.clone(), true)).collect();
    let table = HeaderTable::new(&opaque, &[]);
    assert!(table.position(&names[299]).is_some());
}

#[test]
fn the_headers_of_a_usual_request_have_a_place_each() {
    let table = HeaderTable::new(&opaque(), &crate::tag::READ_HEADERS);
    assert!(table.keys.iter().all(|key| key.next == 0));
}

#[test]
fn every_byte_of_a_name_counts() {
    for length in 1..40 {
        let name = |text: &str| HeaderName::try_from(text).unwrap();
        let text = "a".repeat(length);
        let wanted = name(&text);
        let table = HeaderTable::new(&[], std::slice::from_ref(&wanted));
        assert!(table.slot(&wanted).is_some());
        for at in 0..length {
            let mut other = text.clone();
            other.replace_range(at..=at, "b");
            assert_eq!(table.position(&name(&other)), None, "{other}");
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_look_ups(
        names in vec("[a-c0-1-]{1,30}", 1..60),
        wanted in vec("[a-c0-1-]{1,30}", 0..12),
    ) {
        let name = |text: &String| HeaderName::try_from(text.as_str()).unwrap();
        let wanted: Vec<_> = wanted.iter().chain(&names[..1]).map(name).collect();
        let table = HeaderTable::new(&opaque(), &wanted);
        let mut headers = HeaderMap::new();
        for (at, text) in names.iter().enumerate() {
            headers.append(name(text), HeaderValue::from(at));
        }
        let seen = table.read(&headers, None);
        for name in &wanted {
            let slot = table.slot(name).unwrap();
            prop_assert_eq!(seen.get(slot), headers.get(name));
        }
    }
}
