//! The requests that both sides are sent.

use super::backend::Answer;

const T: &str = "463ac35c9f6413ad48485a3953bb6124";
const LOW: &str = "48485a3953bb6124";
const S: &str = "a2fb4a1d1a96d312";
const P: &str = "0020000000000001";
const UUID: &str = "11111111-2222-4333-8444-555555555555";

/// What the client does once it has sent its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Client {
    /// Reads the answer to its end.
    #[default]
    Reads,
    /// Hangs up once the backend has the request.
    HangsUp,
    /// Hangs up once the body has begun.
    HangsUpInBody,
}

#[derive(Clone)]
pub struct Case {
    pub setup: &'static str,
    name: String,
    pub headers: Vec<(&'static str, String)>,
    pub method: &'static str,
    pub path: &'static str,
    pub body: &'static str,
    pub answer: Answer,
    pub client: Client,
}

impl Case {
    /// Also what its spans are tagged with.
    pub fn name(&self) -> String {
        format!("{}: {}", self.setup, self.name)
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Case {
        self.headers.push((name, value.into()));
        self
    }

    fn b3(self, value: impl Into<String>) -> Case {
        self.header("b3", value)
    }

    fn ids(self, trace: &str, span: &str) -> Case {
        self.header("x-b3-traceid", trace)
            .header("x-b3-spanid", span)
    }

    fn sampled(self, value: &str) -> Case {
        self.header("x-b3-sampled", value)
    }

    fn parent(self, value: &str) -> Case {
        self.header("x-b3-parentspanid", value)
    }

    pub fn request_id(self, value: impl Into<String>) -> Case {
        self.header("x-request-id", value)
    }

    /// From within the network, for an Envoy that looks at nothing else.
    fn internal(self) -> Case {
        self.header("x-forwarded-for", "127.0.0.1")
    }

    fn force(self) -> Case {
        self.header("x-envoy-force-trace", "true")
    }

    fn client_id(self) -> Case {
        self.header("x-client-trace-id", "my-client-id")
    }

    fn get(mut self, path: &'static str) -> Case {
        self.path = path;
        self
    }

    fn post(mut self, body: &'static str) -> Case {
        (self.method, self.body) = ("POST", body);
        self
    }

    fn head(mut self) -> Case {
        self.method = "HEAD";
        self
    }

    fn grpc(self, answer: Answer) -> Case {
        self.post("\0\0\0\0\0")
            .get("/shop.Catalog/Items")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .answered(answer)
    }

    fn answered(mut self, answer: Answer) -> Case {
        self.answer = answer;
        self
    }

    fn client(mut self, client: Client) -> Case {
        self.client = client;
        self
    }
}

pub fn case(setup: &'static str, name: impl Into<String>) -> Case {
    Case {
        setup,
        name: name.into(),
        headers: Vec::new(),
        method: "GET",
        path: "/headers",
        body: "",
        answer: Answer::Ok,
        client: Client::Reads,
    }
}

/// A request that is traced everywhere, to come behind the others.
pub fn fence(setup: &'static str) -> Case {
    case(setup, "fence").ids(T, S).sampled("1")
}

/// The table.
pub fn cases() -> Vec<Case> {
    [
        contexts(),
        states(),
        single(),
        malformed(),
        control(),
        request_ids(),
        sampling(),
        w3c(),
        edge(),
        networks(),
        tags(),
        endings(),
        others(),
        documents(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Decisions once more, to the example as a process that is told by a document.
fn documents() -> Vec<Case> {
    let told = [
        ("all", "webapp-istio"),
        ("half", "webapp-istio-half"),
        ("none", "webapp-istio-none"),
    ];
    let cases = [control(), request_ids(), sampling()].into_iter().flatten();
    let cases = cases.filter_map(|case| {
        let (_, setup) = told.into_iter().find(|(layers, _)| *layers == case.setup)?;
        Some(Case { setup, ..case })
    });
    cases.collect()
}

/// `x-b3-*` that can be read.
fn contexts() -> Vec<Case> {
    let webapp = |name| case("webapp", name);
    vec![
        webapp("no headers"),
        webapp("multi").ids(T, S).parent(P).sampled("1"),
        webapp("multi without a parent").ids(T, S).sampled("1"),
        webapp("multi undecided").ids(T, S),
        webapp("64 bits").ids(LOW, S).sampled("1"),
        webapp("a high half of zeros")
            .ids("000000000000000048485a3953bb6124", S)
            .sampled("1"),
        webapp("short ids").ids("abc", "12").sampled("1"),
        webapp("upper case")
            .ids(&T.to_uppercase(), "A2FB4A1D1A96D312")
            .sampled("1"),
        webapp("two trace ids")
            .ids(T, S)
            .header("x-b3-traceid", LOW)
            .sampled("1"),
        webapp("a trace id alone")
            .header("x-b3-traceid", T)
            .sampled("1"),
        webapp("a span id alone")
            .header("x-b3-spanid", S)
            .sampled("1"),
        webapp("a parent alone").parent(P),
        webapp("opaque headers")
            .header("x-ot-span-context", "ot")
            .header("x-cloud-trace-context", "cloud")
            .header("grpc-trace-bin", "AAAA")
            .header("x-datadog-trace-id", "1")
            .header("x-datadog-parent-id", "2")
            .header("x-datadog-sampling-priority", "1")
            .header("sw8", "1-a-b")
            .header("x-amzn-trace-id", "Root=1-a-b")
            .header("tracestate", "a=b"),
    ]
}

/// What `x-b3-sampled` and `x-b3-flags` say.
fn states() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "0", "true", "false", "TRUE", "True", "False", "d", "yes", "2", "",
    ]
    .into_iter()
    .map(|state| {
        case("webapp", format!("sampled {state:?}"))
            .ids(T, S)
            .sampled(state)
    })
    .collect();
    let webapp = |name| case("webapp", name);
    cases.extend([
        webapp("sampled 0 without ids").sampled("0"),
        webapp("sampled 1 without ids").sampled("1"),
        webapp("flags 1").ids(T, S).header("x-b3-flags", "1"),
        webapp("flags 1, sampled 0")
            .ids(T, S)
            .sampled("0")
            .header("x-b3-flags", "1"),
        webapp("flags 0, sampled 1")
            .ids(T, S)
            .sampled("1")
            .header("x-b3-flags", "0"),
    ]);
    cases
}

/// `b3` that can be read, to a service that writes `x-b3-*` and to one that writes `b3`.
fn single() -> Vec<Case> {
    let mut cases = Vec::new();
    for setup in ["webapp", "webapp-b3"] {
        let one = |name, value: String| case(setup, format!("b3 {name}")).b3(value);
        cases.extend([
            one("with everything", format!("{T}-{S}-1-{P}")),
            one("of 64 bits", format!("{LOW}-{S}-1")),
            one("undecided", format!("{T}-{S}")),
            one("denied", format!("{T}-{S}-0")),
            one("debug", format!("{T}-{S}-d")),
            one("debug with a parent", format!("{T}-{S}-d-{P}")),
            one("0 alone", "0".to_owned()),
            one("1 alone", "1".to_owned()),
            one("d alone", "d".to_owned()),
        ]);
    }
    let webapp = |name| case("webapp", name);
    cases.extend([
        webapp("two b3")
            .b3(format!("{T}-{S}-1"))
            .b3(format!("{LOW}-{P}-0")),
        webapp("b3 and other x-b3-*")
            .b3(format!("{T}-{S}-0"))
            .ids(LOW, P)
            .sampled("1"),
        webapp("b3 and x-b3-* of the next span")
            .b3(format!("{T}-{P}-1"))
            .ids(T, S)
            .parent(P)
            .sampled("1"),
        webapp("b3 0 and ids").b3("0").ids(T, S).sampled("1"),
    ]);
    cases
}

/// What cannot be read.
fn malformed() -> Vec<Case> {
    let trace = |name, id: &str| case("webapp", name).ids(id, S).sampled("1");
    let single = |name, value: String| case("webapp", name).b3(value);
    vec![
        trace("a trace id of 31 digits", &T[1..]),
        trace("a trace id that is no number", "zzz"),
        trace("a trace id with 0x", "0x1f"),
        trace("a trace id of zeros", "00000000000000000000000000000000"),
        trace("a parent that is no number", T).parent("zz"),
        case("webapp", "a span id of zeros")
            .ids(T, "0000000000000000")
            .sampled("1"),
        single("b3 garbage", "garbage".to_owned()),
        single("b3 empty", String::new()),
        single("b3 garbage, good x-b3-*", "garbage".to_owned())
            .ids(T, S)
            .sampled("1"),
        single("b3 empty, good x-b3-*", String::new())
            .ids(T, S)
            .sampled("1"),
        single("b3 with a parent and no state", format!("{T}-{S}-{P}")),
        single("b3 with an unknown state", format!("{T}-{S}-x")),
        single("b3 with a trailing hyphen", format!("{T}-{S}-")),
        single("b3 with a bad parent", format!("{T}-{S}-1-{P}x")),
        single("b3 with one letter", "x".to_owned()),
    ]
}

/// Headers that force a trace, to samplers that sample everything and nothing.
fn control() -> Vec<Case> {
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

fn request_ids() -> Vec<Case> {
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
        one("that is no UUID", "not-a-uuid"),
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

/// Samplers, by what is in the request id.
fn sampling() -> Vec<Case> {
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

fn w3c() -> Vec<Case> {
    let traceparent = || format!("00-{T}-{S}-01");
    let mut cases = Vec::new();
    for setup in ["w3c", "b3-alone", "webapp"] {
        let one = |name| case(setup, name);
        cases.extend([
            one("traceparent")
                .header("traceparent", traceparent())
                .header("tracestate", "a=b"),
            one("traceparent, not sampled").header("traceparent", format!("00-{T}-{S}-00")),
            one("traceparent garbage").header("traceparent", "garbage"),
            one("traceparent of another trace")
                .ids(LOW, P)
                .sampled("0")
                .header("traceparent", traceparent()),
        ]);
    }
    cases.extend([
        case("w3c", "no headers"),
        case("w3c", "64 bits").ids(LOW, S).sampled("1"),
        case("w3c", "sampled 0, traceparent sampled")
            .sampled("0")
            .header("traceparent", traceparent()),
    ]);
    cases
}

fn edge() -> Vec<Case> {
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

/// Whether a request is from within the network: then it is forced, and keeps its id.
fn networks() -> Vec<Case> {
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

fn tags() -> Vec<Case> {
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
fn endings() -> Vec<Case> {
    let all = |name| case("all", name);
    let mut cases: Vec<Case> = [204, 304, 400, 404, 499, 500, 503, 599]
        .into_iter()
        .map(|code| case("all", format!("status {code}")).answered(Answer::Status(code)))
        .collect();
    cases.extend([
        case("webapp", "status 404").answered(Answer::Status(404)),
        case("webapp", "status 503").answered(Answer::Status(503)),
        case("webapp", "the backend hangs up").answered(Answer::Reset),
        case("webapp-refused", "nobody listens"),
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

/// Kinds of ids and other ways to make spans of them.
fn others() -> Vec<Case> {
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
    ]);
    cases
}
