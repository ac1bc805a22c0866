//! Cases about the sampling decision: request ids, control headers, trust, documents.

use crate::parity::case::{Case, S, T, UUID, case};

/// Headers that force a trace, with samplers that sample everything or nothing.
pub fn control() -> Vec<Case> {
    let none = |name| case("none", name);
    vec![
        case("all", "forced").internal().force(),
        case("all", "client-forced").client_id(),
        none("not forced"),
        none("forced").internal().force(),
        none("forced by an empty value")
            .internal()
            .header("x-envoy-force-trace", ""),
        none("forced from outside")
            .header("x-forwarded-for", "8.8.8.8")
            .force(),
        none("forced from nowhere").force(),
        none("forced, sampled 0")
            .internal()
            .force()
            .ids(T, S)
            .sampled("0"),
        none("client-forced").client_id(),
        none("client-forced by an empty value").header("x-client-trace-id", ""),
        none("client-forced and forced")
            .internal()
            .client_id()
            .force(),
        none("client-forced, sampled 0")
            .client_id()
            .ids(T, S)
            .sampled("0"),
        case("none-for-clients", "client-forced").client_id(),
        case("none-for-clients", "client-forced and forced")
            .internal()
            .client_id()
            .force(),
        none("sampled 1").sampled("1"),
        none("sampled 1 with ids").ids(T, S).sampled("1"),
        none("undecided with ids").ids(T, S),
    ]
}

pub fn request_ids() -> Vec<Case> {
    let one = |name, id: &str| case("all", format!("request id {name}")).request_id(id);
    let all = vec![
        one("of a UUID", UUID),
        one(
            "of a UUID in upper case",
            "AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE",
        ),
        one(
            "of a UUID that says 9",
            "11111111-2222-9333-8444-555555555555",
        ),
        one(
            "of a UUID that says a",
            "11111111-2222-a333-8444-555555555555",
        ),
        one(
            "of a UUID that says b",
            "11111111-2222-b333-8444-555555555555",
        ),
        one(
            "of a UUID of version 7",
            "11111111-2222-7333-8444-555555555555",
        ),
        one("that is not a UUID", "not-a-uuid"),
        one("of 32 digits", "11111111222243338444555555555555"),
        one("of 36 characters", "11111111_anything_of_36_characters_x"),
        one("of 9 digits", "111111112"),
        one("that is empty", ""),
        one("and sampled 0", UUID).ids(T, S).sampled("0"),
    ];
    let mut cases = all;
    for reason in ['9', 'a', 'b'] {
        let id = format!("11111111-2222-{reason}333-8444-555555555555");
        cases.push(case("none", format!("request id that says {reason}")).request_id(id.clone()));
        cases.push(
            case("none", format!("request id that says {reason}, sampled 0"))
                .request_id(id)
                .ids(T, S)
                .sampled("0"),
        );
    }
    cases.push(
        case("none", "request id of a UUID of version 7")
            .request_id("11111111-2222-7333-8444-555555555555"),
    );
    cases.extend([
        case("no-new-id", "no request id"),
        case("no-new-id", "a request id").request_id(UUID),
        case("echo", "the request id in the response").request_id(UUID),
        case("echo", "the new request id in the response"),
    ]);
    cases
}

/// Samplers, by the request id.
pub fn sampling() -> Vec<Case> {
    let mut cases = Vec::new();
    for (digits, says) in [
        ("00001387", "below"),
        ("00001388", "at the limit"),
        ("00002710", "beyond ten thousand"),
        ("ffffffff", "of the greatest number"),
    ] {
        let id = format!("{digits}-2222-4333-8444-555555555555");
        cases.push(case("half", format!("request id {says}")).request_id(id));
    }
    for digits in ["0000001b", "0000001c"] {
        let id = format!("{digits}-2222-4333-8444-555555555555");
        cases.push(case("0.29", format!("request id {digits}")).request_id(id));
    }
    for reason in ['4', '9', 'a', 'b'] {
        let id = format!("11111111-2222-{reason}333-8444-555555555555");
        cases.push(case("overall-none", format!("request id that says {reason}")).request_id(id));
    }
    cases.extend([
        case("overall-none", "client-forced").client_id(),
        case("overall-none", "forced").internal().force(),
        case("overall-none", "sampled 1").ids(T, S).sampled("1"),
        case("not-by-id", "no headers"),
        case("not-by-id", "a request id that says a")
            .request_id("11111111-2222-a333-8444-555555555555"),
        case("not-by-id", "sampled 0").ids(T, S).sampled("0"),
    ]);
    cases
}

pub fn edge() -> Vec<Case> {
    let edge = |name| case("edge", name);
    let keeps = |name| case("edge-keeps-id", name);
    vec![
        edge("no headers"),
        edge("multi").ids(T, S).sampled("1"),
        edge("sampled 0").ids(T, S).sampled("0"),
        edge("b3").b3(format!("{T}-{S}-1")),
        edge("request id").request_id(UUID),
        edge("forced").force(),
        edge("client-forced").client_id(),
        case("webapp-edge", "multi").ids(T, S).sampled("0"),
        case("webapp-edge", "request id").request_id(UUID),
        keeps("request id").request_id(UUID),
        keeps("request id that says a").request_id("11111111-2222-a333-8444-555555555555"),
    ]
}

/// Internal and external requests: an internal one may force a trace, and keeps its request id.
pub fn networks() -> Vec<Case> {
    let mut cases = Vec::new();
    for setup in ["network", "network-behind-1"] {
        for forwarded_for in [
            "127.0.0.1",
            "10.1.2.3",
            "8.8.8.8",
            "10.1.2.3,10.2.3.4",
            "8.8.8.8, 10.1.2.3",
            "10.1.2.3, 8.8.8.8",
            "10.1.2.3,",
            ",10.1.2.3",
            "",
            "nobody",
            "10.1.2.3:80",
            "[10.1.2.3]",
            "::1",
            "[::1]",
            "[::1]:80",
            "::ffff:10.1.2.3",
            "010.1.2.3",
            " 10.1.2.3 ",
        ] {
            let forced = case(setup, format!("forced from {forwarded_for:?}"));
            let forced = forced.force().request_id(UUID);
            cases.push(forced.header("x-forwarded-for", forwarded_for));
        }
        cases.extend([
            case(setup, "forced from next door")
                .force()
                .request_id(UUID),
            case(setup, "forced from two headers")
                .force()
                .request_id(UUID)
                .header("x-forwarded-for", "8.8.8.8")
                .header("x-forwarded-for", "10.1.2.3"),
        ]);
    }
    cases
}

/// The same decisions, made by webapp with an Istio document.
pub fn documents() -> Vec<Case> {
    let told = [
        ("all", "webapp-istio"),
        ("half", "webapp-istio-half"),
        ("none", "webapp-istio-none"),
    ];
    let cases = [control(), request_ids(), sampling()].into_iter().flatten();
    let cases = cases.filter_map(|case| {
        let (_, setup) = told.into_iter().find(|(layers, _)| *layers == case.setup)?;
        Some(case.with_setup(setup))
    });
    cases.collect()
}
