//! Fields that say which service is on the other side.

use crate::scene::Scene;
use tower_b3::{record::Kind, scope};
use tracing::{field::Empty, info_span, instrument};

/// The remote endpoint of the span `query`: `postgres 10.0.0.3:5432`.
fn remote(scene: &Scene, work: impl FnOnce()) -> String {
    scene.run(work);
    let span = scene.spans.take_where(|span| span.name() == "query");
    scene.spans.assert_tree("shop  request");
    let remote = span.remote_endpoint();
    let mut text = remote.service_name.unwrap_or("-").to_owned();
    text.extend(remote.ip.map(|ip| format!(" {ip}")));
    text.extend(remote.port.map(|port| format!(":{port}")));
    text
}

#[instrument(fields(otel.kind = "client", peer.service = "postgres"))]
fn query() {}

#[test]
fn peer_service_names_the_remote_service() {
    let scene = Scene::new();
    scene.run(query);
    let span = scene.spans.take_where(|span| span.name() == "query");
    assert_eq!(span.kind(), Some(Kind::Client));
    assert_eq!(span.remote_endpoint().service_name, Some("postgres"));
    // It is no tag as well.
    assert_eq!(span.tags().count(), 0);
    scene.spans.assert_tree("shop  request");
}

macro_rules! remote_of {
    ($scene:expr, $($fields:tt)*) => {
        remote(&$scene, || drop(info_span!("query", $($fields)*)))
    };
}

#[test]
fn the_best_name_counts_in_any_order() {
    let scene = Scene::new();
    let client = "client";
    for (seen, expected) in [
        (
            remote_of!(
                scene,
                otel.kind = client,
                peer.service = "orders-db",
                server.address = "pg-1",
                db.system = "postgresql"
            ),
            "orders-db",
        ),
        (
            remote_of!(
                scene,
                server.address = "pg-1",
                peer.service = "orders-db",
                otel.kind = client
            ),
            "orders-db",
        ),
        (
            remote_of!(
                scene,
                db.system.name = "postgresql",
                server.address = "pg-1",
                server.port = 5432,
                otel.kind = client
            ),
            "pg-1:5432",
        ),
        (
            remote_of!(
                scene,
                otel.kind = client,
                net.peer.name = "pg-1",
                net.peer.port = "5432",
                db.system = "postgresql"
            ),
            "pg-1:5432",
        ),
    ] {
        assert_eq!(seen, expected);
    }
}

#[test]
fn a_host_without_a_name_is_named_by_the_system() {
    let scene = Scene::new();
    let client = "client";
    for (seen, expected) in [
        (
            remote_of!(
                scene,
                otel.kind = client,
                server.address = "10.0.0.3",
                server.port = 5432,
                db.system = "postgresql"
            ),
            "postgresql 10.0.0.3:5432",
        ),
        (
            remote_of!(scene, otel.kind = client, server.address = "10.0.0.3"),
            "10.0.0.3 10.0.0.3",
        ),
        (
            remote_of!(
                scene,
                otel.kind = client,
                server.address = "/run/pg.sock",
                db.system = "postgresql"
            ),
            "postgresql",
        ),
        (
            remote_of!(scene, otel.kind = "producer", messaging.system = "kafka"),
            "kafka",
        ),
        (
            remote_of!(
                scene,
                otel.kind = "consumer",
                messaging.system = "kafka",
                server.address = "broker-1"
            ),
            "broker-1",
        ),
    ] {
        assert_eq!(seen, expected);
    }
}

#[test]
fn the_address_of_the_connection_counts_before_that_of_the_server() {
    let scene = Scene::new();
    for (seen, expected) in [
        (
            remote_of!(
                scene,
                otel.kind = "client",
                peer.service = "pg",
                network.peer.address = "10.0.0.4",
                network.peer.port = 6432,
                server.address = "10.0.0.3",
                server.port = 5432
            ),
            "pg 10.0.0.4:6432",
        ),
        (
            remote_of!(
                scene,
                otel.kind = "client",
                server.address = "10.0.0.3",
                server.port = 5432,
                network.peer.address = "::ffff:10.0.0.4",
                network.peer.port = 6432
            ),
            "10.0.0.4 10.0.0.4:6432",
        ),
        (
            remote_of!(
                scene,
                otel.kind = "client",
                net.peer.ip = "2001:db8::1",
                net.sock.peer.port = 1
            ),
            "2001:db8::1 2001:db8::1:1",
        ),
        (
            remote_of!(
                scene,
                otel.kind = "client",
                net.sock.peer.addr = "10.0.0.4:6432",
                db.system = "redis"
            ),
            "redis 10.0.0.4:6432",
        ),
        (
            remote_of!(
                scene,
                otel.kind = "client",
                network.peer.address = "no address",
                network.peer.port = 65536,
                server.port = "many"
            ),
            "-",
        ),
    ] {
        assert_eq!(seen, expected);
    }
}

#[test]
fn local_and_server_spans_have_no_server_on_the_other_side() {
    let scene = Scene::new();
    for (seen, expected) in [
        (
            remote_of!(
                scene,
                server.address = "pg-1",
                db.system = "postgresql",
                network.peer.address = "10.0.0.3"
            ),
            "-",
        ),
        (remote_of!(scene, peer.service = "postgres"), "postgres"),
        (
            remote_of!(
                scene,
                otel.kind = "server",
                server.address = "shop",
                server.port = 80,
                network.peer.address = "10.0.0.9",
                network.peer.port = 5000
            ),
            "- 10.0.0.9:5000",
        ),
    ] {
        assert_eq!(seen, expected);
    }
}

#[test]
fn what_is_recorded_later_counts_too() {
    let scene = Scene::new();
    let seen = remote(&scene, || {
        let span = info_span!(
            "query",
            otel.kind = Empty,
            server.address = "pg-1",
            server.port = 5432,
            peer.service = Empty
        );
        span.record("otel.kind", "client");
    });
    assert_eq!(seen, "pg-1:5432");
    let seen = remote(&scene, || {
        let span = info_span!(
            "query",
            otel.kind = "client",
            db.system = "postgresql",
            peer.service = Empty,
            server.address = Empty
        );
        span.record("server.address", "pg-1");
        span.record("peer.service", "orders-db");
        span.record("server.address", "pg-2");
    });
    assert_eq!(seen, "orders-db");
    let seen = remote(&scene, || {
        let span = info_span!("query", otel.kind = "client", server.address = Empty);
        span.in_scope(|| scope::remote_service("orders-db"));
        span.record("server.address", "pg-1");
    });
    assert_eq!(seen, "orders-db");
}
