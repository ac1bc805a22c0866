//! The list of peers, with their properties.

pub struct Peer {
    pub name: &'static str,
    /// Whether it makes spans.
    pub traces: bool,
    /// Whether it sets a global `tracing` subscriber that the other peers must not have, and so
    /// needs a separate process.
    pub apart: bool,
    pub about: &'static str,
}

const fn peer(name: &'static str, traces: bool, about: &'static str) -> Peer {
    Peer {
        name,
        traces,
        apart: false,
        about,
    }
}

/// In the order of the tables.
pub const PEERS: &[Peer] = &[
    peer("nothing", false, "wraps future and body and does nothing"),
    peer(
        "floor",
        false,
        "nothing, two clock readings, an id, the inserts",
    ),
    peer("tower-b3", true, "every default"),
    peer("forward-only", false, "tower-b3 in forward-only mode"),
    peer(
        "fastrace",
        true,
        "fastrace 0.7.19, fastrace-tower 0.2, B3 by hand",
    ),
    peer(
        "otel-direct",
        true,
        "opentelemetry 0.33.1, its B3, a layer by hand",
    ),
    peer(
        "zipkin",
        true,
        "zipkin 1.1, http-zipkin 1.1, a layer by hand",
    ),
    peer(
        "otel-inst-tower",
        true,
        "opentelemetry-instrumentation-tower 0.19",
    ),
    peer("axum-tracing-otel", true, "axum-tracing-opentelemetry 0.42"),
    peer("tower-http-otel", true, "tower-http-opentelemetry 0.0.6"),
    peer("tower-otel", true, "tower-otel 0.12"),
    peer(
        "tower-otel+id",
        true,
        "tower-otel 0.12, tower-http's request id",
    ),
    Peer {
        name: "tower-http",
        traces: false,
        apart: true,
        about: "tower-http 0.7.1: TraceLayer to a sink, request id",
    },
    peer("tower-http-id", false, "tower-http 0.7.1: request id alone"),
    peer(
        "tower-request-id",
        false,
        "tower-request-id 0.3: a ULID in the extensions",
    ),
];
