//! Local spans with a kind and a remote endpoint.

use crate::common::TestTracer;
use std::net::{Ipv4Addr, Ipv6Addr};
use tower_b3::{record::Kind, sample::Sampler, scope, span};

#[test]
fn a_local_span_can_be_a_side_of_an_exchange() {
    let test = TestTracer::new();
    for kind in [Kind::Client, Kind::Producer, Kind::Consumer, Kind::Server] {
        let other = test.tracer.span("other").kind(kind);
        other
            .remote_service("postgres")
            .remote_address(([10, 0, 0, 3], 5432).into())
            .in_scope(|| ());
        let other = test.spans.take_one();
        assert_eq!(other.kind(), Some(kind));
        let remote = other.remote_endpoint();
        assert_eq!(remote.service_name, Some("postgres"));
        assert_eq!(remote.ip, Some(Ipv4Addr::new(10, 0, 0, 3).into()));
        assert_eq!(remote.port, Some(5432));
    }
}

#[test]
fn the_remote_endpoint_can_become_known_later() {
    let test = TestTracer::new();
    test.tracer.span("work").in_scope(|| {
        span("SELECT")
            .kind(Kind::Client)
            .remote_service("postgres")
            .in_scope(|| {
                scope::remote_service("postgres-replica");
                let mapped = Ipv4Addr::new(10, 0, 0, 4).to_ipv6_mapped();
                scope::remote_address((mapped, 0).into());
            });
    });
    let spans = test.spans.take(2);
    let remote = spans[0].remote_endpoint();
    assert_eq!(remote.service_name, Some("postgres-replica"));
    assert_eq!(remote.ip, Some(Ipv4Addr::new(10, 0, 0, 4).into()));
    assert_eq!(remote.port, None);
    assert!(spans[1].remote_endpoint().is_empty());
}

#[test]
fn names_of_remote_services_are_bounded_and_never_blank() {
    let test = TestTracer::new();
    let blank = test
        .tracer
        .span("work")
        .remote_service("postgres")
        .remote_service(" ");
    drop(blank);
    let work = test.spans.take_one();
    assert_eq!(work.remote_endpoint().service_name, Some("postgres"));

    test.tracer.span("work").in_scope(|| {
        for at in 0..10_000 {
            scope::remote_service(format!("{at} {}", "ä".repeat(1_000)));
            scope::rename(format!("work {at}"));
        }
    });
    let work = test.spans.take_one();
    let name = work.remote_endpoint().service_name.unwrap();
    assert!(name.starts_with("9999 ä") && name.len() <= 256, "{name}");
    assert_eq!(work.name(), "work 9999");
}

#[test]
fn without_a_recorded_span_nothing_happens() {
    scope::remote_service("postgres");
    scope::remote_address((Ipv6Addr::LOCALHOST, 5432).into());
    let mut nothing = span("nothing")
        .kind(Kind::Client)
        .remote_service("postgres");
    let test = TestTracer::of(|builder| builder.sampler(Sampler::never()));
    let unsampled = test.tracer.span("unsampled").kind(Kind::Client);
    nothing.follows_from(unsampled.context().unwrap());
    let unsampled = unsampled.remote_address((Ipv6Addr::LOCALHOST, 5432).into());
    unsampled.in_scope(|| scope::remote_service("postgres"));
    test.spans.take(0);
}
