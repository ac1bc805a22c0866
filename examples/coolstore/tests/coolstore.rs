//! The program `coolstore`: what it prints, its page's traces, how it serves and how it ends.

use std::{
    collections::{BTreeSet, HashSet},
    net::{SocketAddr, TcpListener},
};

use serde_json::Value;
use test_kit::{
    Process, eventually,
    http::{Response, exchange, get},
};

const COOLSTORE: &str = env!("CARGO_BIN_EXE_coolstore");

/// The output of `coolstore --once`, without durations and ids. Span names are in lower case, as in
/// Zipkin.
const OUTPUT: &str = "\
A plain request
GET /api/catalog: 200 OK
trace ID
  webapp   SERVER  get /api/catalog  TIME  custom_tag=Test Tag http.status_code=200 zone=here
  webapp           └─ list_items  TIME
  webapp   CLIENT     └─ get /items  TIME  custom_tag=Test Tag http.status_code=200 zone=here
  catalog  SERVER        └─ get /items  TIME  custom_tag=Test Tag http.status_code=200 zone=here
  catalog                   └─ load_items  TIME  shop.items=4

At 0 % sampling nothing is traced
GET /api/catalog: 200 OK
no trace

At 0 % sampling, but forced
GET /api/catalog with x-envoy-force-trace: true: 200 OK
trace ID
  webapp   SERVER  get /api/catalog  TIME  custom_tag=Test Tag http.status_code=200 zone=here
  webapp           └─ list_items  TIME
  webapp   CLIENT     └─ get /items  TIME  custom_tag=Test Tag http.status_code=200 zone=here
  catalog  SERVER        └─ get /items  TIME  custom_tag=Test Tag http.status_code=200 zone=here
  catalog                   └─ load_items  TIME  shop.items=4

The catalog fails, after POST /blowup
GET /api/catalog: 503 Service Unavailable
trace ID
  webapp   SERVER  get /api/catalog  TIME  error  custom_tag=Test Tag http.status_code=503 zone=here
  webapp           └─ list_items  TIME
  webapp   CLIENT     └─ get /items  TIME  error  custom_tag=Test Tag http.status_code=503 zone=here
  catalog  SERVER        └─ get /items  TIME  error  custom_tag=Test Tag http.status_code=503 \
shop.blowup=failed zone=here

Custom tags: a literal, an environment variable, a request header
GET /api/catalog/items/3 with x-tenant: acme: 200 OK
trace ID
  webapp   SERVER  get /api/catalog/items/{id}  TIME  custom_tag=Test Tag http.status_code=200 \
tenant=acme zone=here
  webapp           └─ get_item  TIME  uri=/api/catalog/items/3
  webapp   CLIENT     └─ get /items/{id}  TIME  custom_tag=Test Tag http.status_code=200 tenant=acme \
zone=here
  catalog  SERVER        └─ get /items/{id}  TIME  custom_tag=Test Tag http.status_code=200 zone=here
  catalog                   └─ load_items  TIME  shop.items=1

";

#[test]
fn coolstore_prints_the_trace_of_every_request() {
    let mut coolstore = Process::start(COOLSTORE, &["--once"], &[]);
    let status = coolstore.wait();
    assert!(status.success(), "{coolstore}");
    let stdout = coolstore.stdout();
    let lines = stdout.lines().map(|line| without_id(&without_time(line)));
    let lines: String = lines.map(|line| line + "\n").collect();
    assert_eq!(lines, OUTPUT, "{stdout}");
}

/// The duration and the spaces that align it become `  TIME`.
fn without_time(line: &str) -> String {
    let is_time = |word: &&str| {
        let number = word.trim_end_matches(['µ', 'm', 's']);
        number.len() < word.len() && number.parse::<f64>().is_ok_and(|time| time > 0.0)
    };
    match line.split(' ').find(is_time) {
        Some(time) => {
            let (before, after) = line.split_once(time).expect("a word of the line");
            format!("{}  TIME{after}", before.trim_end())
        }
        None => line.to_owned(),
    }
}

/// A trace id becomes `ID`.
fn without_id(line: &str) -> String {
    match line.strip_prefix("trace ") {
        Some(id) if id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) => {
            "trace ID".to_owned()
        }
        _ => line.to_owned(),
    }
}

/// A running coolstore, after it has printed everything.
struct Shop {
    process: Process,
    page: SocketAddr,
    /// The requests of the curl lines, in their order.
    curls: Vec<Curl>,
}

impl Shop {
    fn open() -> Shop {
        let process = Process::start(COOLSTORE, &[], &[]);
        let stdout = eventually("the last line", || {
            Some(process.stdout()).filter(|stdout| stdout.contains("Ctrl-C"))
        });
        let (_, page) = stdout
            .split_once("as they arrive: http://")
            .expect("the page");
        let (page, _) = page.split_once('/').expect("a path");
        let curls = stdout
            .lines()
            .filter_map(|line| line.strip_prefix("  curl "));
        Shop {
            page: page.parse().expect("the page's address"),
            curls: curls.map(Curl::parse).collect(),
            process,
        }
    }

    /// Zipkin's API: the traces with this annotation query, once there are `count` whole ones.
    fn traces(&self, query: &str, count: usize) -> Vec<Vec<Value>> {
        let path = format!("/api/v2/traces?limit=1000&annotationQuery={query}");
        eventually(&format!("{count} traces with {query}"), || {
            let traces = Curl::get(self.page, &path).send().json();
            let traces: Vec<Vec<Value>> = serde_json::from_value(traces).expect("traces");
            (traces.len() == count && traces.iter().all(|trace| is_whole(trace))).then_some(traces)
        })
    }

    /// The only trace of the request with this response.
    fn trace_of(&self, response: &Response) -> Vec<Value> {
        let id = response.header("x-request-id").expect("a request id");
        let query = format!("guid:x-request-id%3D{id}");
        self.traces(&query, 1).remove(0)
    }
}

/// A curl command that a test sends without curl.
struct Curl {
    address: SocketAddr,
    path: String,
    headers: Vec<String>,
    body: Option<String>,
}

impl Curl {
    fn get(address: SocketAddr, path: &str) -> Curl {
        Curl {
            address,
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// Reads `-H 'name: value' -d 'body' http://address/path`, with single quotes as in a shell.
    fn parse(line: &str) -> Curl {
        let quoted = line.split('\'').enumerate();
        let words = quoted.flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().collect(),
            _ => vec![part],
        });
        let words: Vec<&str> = words.collect();
        let url = words.last().and_then(|url| url.strip_prefix("http://"));
        let (address, path) = url.and_then(|url| url.split_once('/')).expect("a URL");
        let mut curl = Curl::get(address.parse().expect("an address"), &format!("/{path}"));
        for option in words[..words.len() - 1].chunks(2) {
            match option {
                ["-H", header] => curl.headers.push((*header).to_owned()),
                ["-d", body] => curl.body = Some((*body).to_owned()),
                other => panic!("{other:?} in {line}"),
            }
        }
        curl
    }

    fn send(&self) -> Response {
        let (method, body) = match &self.body {
            Some(body) => ("POST", &**body),
            None => ("GET", ""),
        };
        let headers = self.headers.iter().map(|header| format!("{header}\r\n"));
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             content-length: {length}\r\n{headers}\r\n{body}",
            path = self.path,
            address = self.address,
            length = body.len(),
            headers = headers.collect::<String>(),
        );
        exchange(self.address, request.as_bytes())
    }
}

/// Whether both services' spans have arrived, and all but one have their parent in the trace.
fn is_whole(trace: &[Value]) -> bool {
    let ids: HashSet<&Value> = trace.iter().map(|span| &span["id"]).collect();
    let parents = trace.iter().filter(|span| ids.contains(&span["parentId"]));
    ids.len() == trace.len() && parents.count() + 1 == trace.len() && services(trace).len() == 2
}

fn services(trace: &[Value]) -> BTreeSet<&str> {
    let services = trace
        .iter()
        .map(|span| &span["localEndpoint"]["serviceName"]);
    services.filter_map(Value::as_str).collect()
}

/// The span of a kind and a service.
fn span<'a>(trace: &'a [Value], kind: &str, service: &str) -> &'a Value {
    let found = trace
        .iter()
        .find(|span| span["kind"] == kind && span["localEndpoint"]["serviceName"] == service);
    found.unwrap_or_else(|| panic!("no {kind} span of {service} in {trace:#?}"))
}

#[test]
fn the_page_has_the_printed_traces() {
    let shop = Shop::open();
    let stdout = shop.process.stdout();
    let printed = stdout
        .lines()
        .filter_map(|line| line.strip_prefix("trace "));
    let printed: BTreeSet<String> = printed.map(str::to_owned).collect();
    assert_eq!(printed.len(), 4, "{stdout}");
    let traces = shop.traces("custom_tag", 4);
    let ids = traces.iter().map(|trace| trace[0]["traceId"].as_str());
    assert_eq!(
        ids.map(|id| id.unwrap().to_owned())
            .collect::<BTreeSet<_>>(),
        printed
    );
    for trace in &traces {
        let shown = if trace.iter().any(|span| !span["tags"]["error"].is_null()) {
            4
        } else {
            5
        };
        assert_eq!(trace.len(), shown, "{trace:#?}");
    }
    assert_eq!(shop.traces("error", 1).len(), 1);
    assert_eq!(shop.traces("tenant%3Dacme", 1).len(), 1);
    let page = Curl::get(shop.page, "/").send();
    assert_eq!(page.status, 200);
    let kind = page.header("content-type").expect("a type");
    assert!(kind.starts_with("text/html"), "{kind}");
}

#[test]
fn the_printed_curl_lines_make_traces() {
    let shop = Shop::open();
    let [plain, forced, tagged, break_it, failing, mend_it] = shop.curls.as_slice() else {
        panic!("six curl lines in {}", shop.process);
    };
    let request = |curl: &Curl, status| {
        let response = curl.send();
        assert_eq!(response.status, status, "{response:?}");
        response
    };
    let trace = shop.trace_of(&request(plain, 200));
    assert_eq!(span(&trace, "SERVER", "webapp")["name"], "get /api/catalog");

    assert_eq!(forced.headers, ["x-envoy-force-trace: true"]);
    let trace = shop.trace_of(&request(forced, 200));
    assert_eq!(trace.len(), 5, "{trace:#?}");

    let trace = shop.trace_of(&request(tagged, 200));
    assert_eq!(span(&trace, "SERVER", "webapp")["tags"]["tenant"], "acme");

    request(break_it, 200);
    let trace = shop.trace_of(&request(failing, 503));
    let failed = span(&trace, "SERVER", "catalog");
    assert_eq!(failed["tags"]["http.status_code"], "503", "{failed}");
    assert!(!failed["tags"]["error"].is_null(), "{failed}");
    request(mend_it, 200);
    let trace = shop.trace_of(&request(plain, 200));
    assert_eq!(trace.len(), 5, "{trace:#?}");
    // Those to `/blowup` are not among them.
    assert_eq!(shop.traces("custom_tag", 9).len(), 9);
}

#[test]
fn without_its_usual_port_the_page_has_another() {
    let shop = loop {
        // If another program has the port, that may end before coolstore starts.
        let taken = TcpListener::bind("127.0.0.1:9411");
        let shop = Shop::open();
        if taken.is_ok() || shop.page.port() != 9411 {
            break shop;
        }
    };
    assert_ne!(shop.page.port(), 9411);
    let stdout = shop.process.stdout();
    let line = format!("http://{}/ (port 9411 is not free)\n", shop.page);
    assert!(stdout.contains(&line), "{stdout}");
}

#[test]
fn coolstore_serves_until_a_signal() {
    let mut shop = Shop::open();
    let webapp = shop.curls[0].address;
    assert_eq!(shop.curls[0].send().status, 200);
    let totals = eventually("all spans sent", || {
        let totals = get(webapp, "/reporter", &[]).json();
        (totals["sent"] == totals["finished"]).then_some(totals)
    });
    // Three spans of webapp for each of the five traced requests.
    assert_eq!(totals["sent"], 15, "{totals}");
    assert_eq!(totals["dropped"]["queue_full"], 0, "{totals}");
    assert!(shop.process.signal("INT").success());
}
