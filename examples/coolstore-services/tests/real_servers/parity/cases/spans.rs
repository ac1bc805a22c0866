//! Cases about the content of spans: tags, how exchanges end, kinds of ids, sidecars and forwarding.

use crate::parity::backend::Answer;
use crate::parity::case::{Case, Client, LOW, P, S, T, UUID, case};

pub fn tags() -> Vec<Case> {
    let tags = |name| case("webapp-tags", name);
    vec![
        tags("a header").header("x-tag", "v1"),
        tags("no header"),
        tags("an empty header").header("x-tag", ""),
        tags("a header twice")
            .header("x-tag", "a")
            .header("x-tag", "b"),
        tags("a header twice, the first empty")
            .header("x-tag", "")
            .header("x-tag", "b"),
        tags("a header that is not ASCII").header("x-tag", "gr\u{fc}n"),
        tags("a user agent").header("user-agent", "curl/8"),
        tags("x-forwarded-proto").header("x-forwarded-proto", "https"),
        case("webapp-error", "a tag of that name"),
        case("webapp", "a query").get("/headers?x=1"),
        case("short-paths", "a long path").get("/0123456789/0123456789/0123456789"),
        case("all", "a path of 300 bytes").get(LONG_PATH),
        case("all", "a body").post("12345"),
        case("all", "head").head(),
    ]
}

const LONG_PATH: &str = "/0123456789012345678901234567890123456789012345678901234567890123456789\
    01234567890123456789012345678901234567890123456789012345678901234567890123456789\
    01234567890123456789012345678901234567890123456789012345678901234567890123456789\
    01234567890123456789012345678901234567890123456789012345678901234567890123456789";

/// How exchanges end.
pub fn endings() -> Vec<Case> {
    let all = |name| case("all", name);
    let mut cases: Vec<Case> = [204, 304, 400, 404, 499, 500, 503, 599]
        .into_iter()
        .map(|code| case("all", format!("status {code}")).answered(Answer::Status(code)))
        .collect();
    cases.extend([
        case("webapp", "status 404").answered(Answer::Status(404)),
        case("webapp", "status 503").answered(Answer::Status(503)),
        case("webapp", "the backend hangs up").answered(Answer::Reset),
        case("webapp-refused", "connection refused"),
        all("the backend hangs up").answered(Answer::Reset),
        all("no answer in time").answered(Answer::Never),
        all("the backend hangs up in the body").answered(Answer::Cut),
        all("the client hangs up")
            .answered(Answer::Never)
            .client(Client::HangsUp),
        all("the client hangs up in the body")
            .answered(Answer::Endless)
            .client(Client::HangsUpInBody),
        case("retries", "two failures").answered(Answer::OkAfter(2)),
        case("retries", "three failures").answered(Answer::OkAfter(3)),
        case("retries", "none").ids(T, S).sampled("1"),
        case("http2", "a body").post("12345"),
        case("http2", "gRPC 0").grpc(Answer::Grpc("0")),
    ]);
    for code in ["1", "2", "3", "4", "5", "8", "12", "13", "14", "15", "16"] {
        cases.push(case("http2", format!("gRPC {code}")).grpc(Answer::Grpc(code)));
    }
    cases.push(case("http2", "gRPC 5 in the headers").grpc(Answer::GrpcHeaders("5", "not here")));
    cases.push(case("http2", "gRPC 13 in the headers").grpc(Answer::GrpcHeaders("13", "broken")));
    cases.push(
        case("http2", "gRPC with a deadline")
            .grpc(Answer::Grpc("0"))
            .header("grpc-timeout", "10S"),
    );
    cases
}

/// Kinds of ids, shared spans, and the spans of sidecars.
pub fn ids_and_sidecars() -> Vec<Case> {
    let mut cases = Vec::new();
    for setup in ["64-bit", "time-prefixed", "shared", "sidecars"] {
        cases.extend([
            case(setup, "no headers"),
            case(setup, "multi").ids(T, S).parent(P).sampled("1"),
            case(setup, "sampled 0").ids(T, S).sampled("0"),
        ]);
    }
    cases.extend([
        case("shared", "undecided").ids(T, S),
        case("sidecars", "a query").get("/headers?x=1"),
        case("sidecars", "client-forced").client_id(),
        case("sidecars", "a body").post("12345"),
        case("sidecars", "status 404").answered(Answer::Status(404)),
        case("sidecars", "status 503").answered(Answer::Status(503)),
        case("sidecars", "the backend hangs up").answered(Answer::Reset),
        case("sidecars-record-only", "no headers"),
        case("sidecars-record-only", "undecided").ids(T, S),
        case("sidecars-record-only", "multi")
            .ids(T, S)
            .parent(P)
            .sampled("1"),
        case("sidecars-record-only", "sampled 0")
            .ids(T, S)
            .sampled("0"),
        case("sidecars-record-only", "b3").b3(format!("{T}-{S}-1")),
    ]);
    cases
}

/// Modes that make no spans and forward headers.
pub fn forwarding() -> Vec<Case> {
    vec![
        case("webapp-forward", "multi")
            .ids(T, S)
            .parent(P)
            .sampled("1")
            .request_id(UUID),
        case("forward-only", "no headers"),
        case("forward-only", "multi")
            .ids(T, S)
            .parent(P)
            .sampled("1")
            .request_id(UUID),
        case("forward-only", "b3")
            .b3(format!("{T}-{S}-d"))
            .request_id("not-a-uuid"),
        case("forward-only", "b3 and x-b3-*")
            .b3(format!("{T}-{S}-0"))
            .ids(LOW, P)
            .request_id(UUID),
        case("forward-only", "garbage")
            .b3("garbage")
            .ids("zzz", "")
            .request_id(UUID),
        case("forward-only", "traceparent twice")
            .header("traceparent", format!("00-{T}-{S}-01"))
            .header("traceparent", "garbage")
            .header("tracestate", "a=b")
            .header("tracestate", "c=d")
            .request_id(UUID),
        case("forward-only", "forced")
            .internal()
            .force()
            .request_id(UUID),
        case("forward-only", "client-forced")
            .client_id()
            .request_id(UUID),
    ]
}
