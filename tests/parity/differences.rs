//! Every difference that is meant. The guide says why, under the same names.

use super::compare::{Reason, Rule};

/// A new trace, sampled.
const NEW: &str = "<32 digits, the last of <SERVER>>-<CLIENT>-1-<SERVER>";
/// The trace that came, one span further on.
const JOINED: &str = "463ac35c9f6413ad48485a3953bb6124-<CLIENT>-1-<SERVER>";
const B3: &str = "upstream b3 || upstream x-b3-*";
const SOME: &str = "SERVER*, CLIENT*";

const SAMPLED: &str = "webapp: sampled \"TRUE\" || webapp: sampled \"True\" || webapp: sampled \"d\" \
    || webapp: sampled \"yes\" || webapp: sampled \"2\" || webapp: sampled \"\"";
const GARBAGE: &str = "webapp: b3 garbage* || webapp: b3 empty* || webapp: b3 with a parent * \
    || webapp: b3 with an * || webapp: b3 with a trailing * || webapp: b3 with a bad * \
    || webapp: b3 with one * || webapp: a trace id of 31 digits \
    || webapp: a trace id that is no number || webapp: a parent that is no number";
const ZEROS: &str = "webapp: a * of zeros || webapp: a trace id with 0x";
const DEBUG: &str = "webapp*: b3 d* || webapp: flags 1*";
const W3C: &str = "webapp: traceparent || webapp: traceparent, not sampled";
const NO: &str = "w3c: sampled 0, traceparent sampled";
const OUTSIDE: &str = "none: forced from outside || none: forced from nowhere";
const ANY_ID: &str = "all: request id that is no UUID || no-new-id: no request id";
const EDGE: &str = "edge: * || webapp-edge: *";
const DENIED: &str = "edge: sampled 0 || webapp-edge: multi";
const CUT: &str = "all: the backend hangs up in the body";
const DOWN: &str = "*: the backend hangs up || *: nobody listens || *: no answer in time";

const fn rule(
    cases: &'static str,
    field: &'static str,
    envoy: &'static str,
    ours: &'static str,
) -> Rule {
    Rule {
        cases,
        field,
        envoy,
        ours,
    }
}

/// In nearly every case.
fn everywhere(name: &'static str, rules: Vec<Rule>) -> Reason {
    Reason {
        name,
        standing: true,
        rules,
    }
}

fn reason(name: &'static str, rules: Vec<Rule>) -> Reason {
    Reason {
        name,
        standing: false,
        rules,
    }
}

pub fn reasons() -> Vec<Reason> {
    let none = "-none-";
    vec![
        everywhere(
            "names are for grouping",
            vec![
                rule(
                    "*",
                    "SERVER name",
                    "svc-b:8080",
                    "GET /* || POST /* || HEAD /*",
                ),
                rule("http2: gRPC*", "* name", "*", "shop.Catalog/Items || POST*"),
                rule(
                    "*",
                    "CLIENT* name",
                    "router * egress",
                    "GET* || POST || HEAD",
                ),
                rule("sidecars*", "CLIENT name", "svc-b:8080", "GET || POST"),
            ],
        ),
        everywhere(
            "no annotations of the first Zipkin",
            vec![rule("*", "* annotations", "ss || cr", none)],
        ),
        everywhere(
            "no tags that say nothing",
            vec![
                rule("*", "* tag user_agent", "-", none),
                rule("*", "* tag response_flags", "-", none),
            ],
        ),
        everywhere(
            "no tags of Envoy's own place",
            vec![
                rule("*", "* tag upstream_cluster*", "*", none),
                rule("*", "CLIENT* tag upstream_address", "*", none),
                rule("*", "* tag downstream_cluster", "-", none),
                rule("*", "* tag zone", "zone-1", none),
                rule("*", "* tag node_id", "sidecar~*", none),
            ],
        ),
        everywhere(
            "the component is tower-b3",
            vec![rule("webapp*", "* tag component", "proxy", "tower-b3")],
        ),
        everywhere(
            "endpoints say where a service is",
            vec![
                rule("*", "* localEndpoint.ipv4", "*", "127.0.0.1 || -none-"),
                rule("*", "* localEndpoint.port", "0", "*"),
                rule("*", "SERVER remoteEndpoint.ipv4", none, "127.0.0.1"),
                rule("*", "* remoteEndpoint.port", none, "*"),
                rule("webapp*", "CLIENT remoteEndpoint.ipv4", none, "127.0.0.1"),
                rule(
                    "*",
                    "CLIENT* remoteEndpoint.serviceName",
                    none,
                    "catalog || svc-b",
                ),
                rule("*", "CLIENT* tag peer.address", "*", none),
            ],
        ),
        everywhere(
            "CLIENT spans say what was asked",
            vec![
                rule("*", "CLIENT* tag http.method", none, "GET || POST || HEAD"),
                rule(
                    "*",
                    "CLIENT* tag http.url",
                    none,
                    "http://svc-b:8080/* || http://127.0.0.1:*",
                ),
                rule("*", "CLIENT* tag response_size", none, "*"),
                rule("*", "CLIENT* tag guid:x-request-id", none, "*"),
                rule(
                    "*",
                    "CLIENT tag guid:x-client-trace-id",
                    none,
                    "my-client-id",
                ),
                rule(
                    "http2: *",
                    "CLIENT tag grpc.path",
                    none,
                    "/shop.Catalog/Items",
                ),
                rule("http2: *", "CLIENT tag grpc.authority", none, "svc-b:8080"),
                rule(
                    "http2: *",
                    "CLIENT tag grpc.content_type",
                    none,
                    "application/grpc",
                ),
            ],
        ),
        everywhere(
            "a request's size is its content-length",
            vec![
                rule("*", "SERVER tag request_size", "0", none),
                rule("sidecars*", "CLIENT tag request_size", "*", none),
            ],
        ),
        everywhere(
            "the answer says its request id",
            vec![rule("*", "answer x-request-id", none, "*")],
        ),
        everywhere(
            "reasons in request ids only where they decide",
            vec![rule(
                "webapp*",
                "upstream x-request-id || SERVER tag guid:x-request-id",
                "<new UUID that says 9> || *-9333-*",
                "<new UUID that says 4> || *-4333-*",
            )],
        ),
        reason(
            "x-b3-* whatever came",
            vec![rule(
                "webapp: b3 * || webapp: two b3 || edge: b3",
                B3,
                "*",
                "*",
            )],
        ),
        reason(
            "what cannot be read loses no trace",
            vec![
                rule(GARBAGE, "upstream context", "garbage || x || ", NEW),
                rule(GARBAGE, "upstream context", "463*-a2fb4a1d1a96d312-*", NEW),
                rule(GARBAGE, "upstream context", "garbage || ", JOINED),
                rule(
                    "webapp: b3 with a parent and no state",
                    "upstream context",
                    "463*-a2fb4a1d1a96d312-0020000000000001",
                    JOINED,
                ),
                rule(GARBAGE, "upstream context", "463*-1-zz", JOINED),
                rule(GARBAGE, "upstream context", "zzz-*", NEW),
                rule(
                    "webapp: a trace id of 31 digits",
                    "upstream context",
                    "63ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1",
                    "063ac35c9f6413ad48485a3953bb6124-<CLIENT>-1-<SERVER>",
                ),
                rule(GARBAGE, "upstream x-b3-*", "*", "*"),
                rule(GARBAGE, "spans", "", SOME),
                rule(
                    "webapp: traceparent garbage",
                    "upstream traceparent",
                    "garbage",
                    none,
                ),
            ],
        ),
        reason(
            "x-b3-sampled says yes, no or nothing",
            vec![
                rule(
                    SAMPLED,
                    "upstream context",
                    "463*-<new 1>-0-<new 2>",
                    JOINED,
                ),
                rule(SAMPLED, "upstream x-b3-*", "*", "*"),
                rule(SAMPLED, "spans", "", SOME),
            ],
        ),
        reason(
            "zeros are no ids, nor is 0x",
            vec![
                rule(ZEROS, "upstream context", "*", NEW),
                rule(ZEROS, "upstream x-b3-traceid", "0* || 463*", "<32 *"),
                rule(ZEROS, "* traceId", "*", "<32 *"),
                rule(ZEROS, "SERVER parentId", "*", none),
                rule(ZEROS, "spans", "*", "SERVER of <32 *"),
            ],
        ),
        reason(
            "debug is debug",
            vec![
                rule(DEBUG, "SERVER debug || CLIENT debug", none, "true"),
                rule(
                    "webapp-b3: *",
                    "upstream b3 || upstream context",
                    "*-1-*",
                    "*-d-*",
                ),
                rule(
                    "webapp: flags 1, sampled 0",
                    "upstream context",
                    "463*-0-*",
                    JOINED,
                ),
                rule("webapp: flags 1, sampled 0", "upstream x-b3-*", "*", "*"),
                rule("webapp: flags 1, sampled 0", "spans", "", SOME),
            ],
        ),
        reason(
            "nothing stale travels on",
            vec![rule("webapp: flags 0*", "upstream x-b3-flags", "0", none)],
        ),
        reason(
            "a decision alone keeps the ids beside it",
            vec![rule(
                "webapp: b3 0 and ids",
                "upstream context",
                "<32 *-0-*",
                "463ac35c9f6413ad48485a3953bb6124-<new 1>-0-<new 2>",
            )],
        ),
        reason(
            "the newer of two formats",
            vec![
                rule(
                    "webapp: b3 and x-b3-* of the next span",
                    "SERVER parentId",
                    "0020000000000001",
                    "a2fb4a1d1a96d312",
                ),
                rule(
                    "webapp: b3 and x-b3-* of the next span",
                    "spans",
                    "SERVER below 0020000000000001 *",
                    "SERVER below a2fb4a1d1a96d312 *",
                ),
            ],
        ),
        reason(
            "W3C is read by default",
            vec![
                rule("webapp: traceparent", "upstream context", NEW, JOINED),
                rule(
                    "webapp: traceparent, not sampled",
                    "upstream context",
                    NEW,
                    "463ac35c9f6413ad48485a3953bb6124-<new 1>-0-<new 2>",
                ),
                rule(
                    W3C,
                    "upstream traceparent",
                    "00-463*-a2fb4a1d1a96d312-*",
                    "00-463*-<*>-*",
                ),
                rule(W3C, "upstream x-b3-*", "*", "*"),
                rule("webapp: traceparent", "* traceId", "<32 *", "463*"),
                rule(
                    "webapp: traceparent",
                    "SERVER parentId",
                    none,
                    "a2fb4a1d1a96d312",
                ),
                rule(
                    "webapp: traceparent",
                    "spans",
                    "SERVER of <32 *",
                    "SERVER below a2fb*",
                ),
                rule("webapp: traceparent, not sampled", "spans", SOME, ""),
            ],
        ),
        reason(
            "an explicit no is never lost",
            vec![
                rule(NO, "upstream context", JOINED, "463*-<new 1>-0-<new 2>"),
                rule(NO, "upstream x-b3-*", "*", "*"),
                rule(
                    NO,
                    "upstream traceparent",
                    "00-*-<CLIENT>-01",
                    "00-*-<new 1>-00",
                ),
                rule(NO, "spans", SOME, ""),
            ],
        ),
        reason(
            "a mesh is trusted to force traces",
            vec![
                rule(OUTSIDE, "upstream x-request-id", "* says 4>", "* says a>"),
                rule(OUTSIDE, "upstream context", "*-0-*", NEW),
                rule(OUTSIDE, "upstream x-b3-*", "*", "*"),
                rule(OUTSIDE, "spans", "", SOME),
            ],
        ),
        reason(
            "x-envoy-force-trace has done its work",
            vec![rule(
                "*forced*",
                "upstream x-envoy-force-trace",
                "true || ",
                none,
            )],
        ),
        reason(
            "a request id of any kind can be traced",
            vec![
                rule(ANY_ID, "upstream context", "*-0-*", NEW),
                rule(ANY_ID, "upstream x-b3-*", "*", "*"),
                rule(ANY_ID, "spans", "", SOME),
            ],
        ),
        reason(
            "there is always a request id",
            vec![rule(
                "no-new-id: no request id",
                "upstream x-request-id",
                none,
                "<new UUID that says 9>",
            )],
        ),
        reason(
            "an edge believes no stranger",
            vec![
                rule(EDGE, "upstream context", "463*", NEW),
                rule(EDGE, "upstream x-b3-traceid", "463*", "<32 *"),
                rule(DENIED, "upstream x-b3-*", "*", "*"),
                rule(EDGE, "* traceId", "463*", "<32 *"),
                rule(EDGE, "SERVER parentId", "a2fb4a1d1a96d312", none),
                rule(
                    EDGE,
                    "spans",
                    "SERVER below a2fb4a1d1a96d312 *",
                    "SERVER of <32 *",
                ),
                rule(DENIED, "spans", "", "SERVER of <32 *"),
                rule(
                    "edge: client-forced",
                    "* *x-client-trace-id",
                    "my-client-id",
                    none,
                ),
                rule(
                    "edge: client-forced",
                    "* *x-request-id",
                    "* says b>",
                    "* says 9>",
                ),
            ],
        ),
        reason(
            "only what is shared says so",
            vec![rule("shared: no headers", "SERVER shared", "true", none)],
        ),
        reason(
            "queries hold secrets",
            vec![rule(
                "*: a query",
                "* tag http.url",
                "*?x=1",
                "http://*/headers",
            )],
        ),
        reason(
            "flags of a proxy's own troubles are a proxy's",
            vec![rule(
                "*",
                "SERVER tag response_flags || CLIENT tag response_flags",
                "UC || UF || UT || UPE || URX",
                none,
            )],
        ),
        reason(
            "an error's reason is the client's",
            vec![
                rule("*", "CLIENT tag error.reason", "*", "hyper*::Error(*"),
                rule(
                    "webapp-refused: *",
                    "CLIENT tag http.protocol",
                    "-",
                    "HTTP/1.1",
                ),
            ],
        ),
        reason(
            "a body cut off is an error",
            vec![
                rule(CUT, "SERVER tag error", none, "true"),
                rule(CUT, "SERVER tag error.reason", none, "*IncompleteBody*"),
            ],
        ),
        reason(
            "an answer that nobody reads is an answer",
            vec![rule(
                "retries: * || all: the client hangs up in the body",
                "CLIENT* tag canceled",
                "true",
                none,
            )],
        ),
        reason(
            "attempts are not counted",
            vec![rule(
                "retries: *",
                "CLIENT#* tag retry.count",
                "1 || 2",
                none,
            )],
        ),
        reason(
            "a service answers in its own words",
            vec![
                rule(
                    "webapp*",
                    "answer status || SERVER tag http.status_code",
                    "503",
                    "502",
                ),
                rule(DOWN, "SERVER tag response_size", "*", "*"),
                rule(
                    "sidecars: the backend hangs up",
                    "CLIENT tag response_size",
                    "95",
                    "0",
                ),
                rule(
                    "sidecars: the backend hangs up",
                    "CLIENT tag http.status_code",
                    "503",
                    "0",
                ),
            ],
        ),
        reason(
            "forward-only makes nothing",
            vec![
                rule(
                    "forward-only: no headers",
                    "upstream x-request-id",
                    "<new *",
                    none,
                ),
                rule("forward-only: forced", "answer x-request-id", "*", none),
            ],
        ),
    ]
}
