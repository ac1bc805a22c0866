//! The examples as processes: what they print, how they answer, how they end.

mod shop;

use serde_json::Value;
use shop::{Answer, Process, collector::Collector, command, eventually, get, refused};
use std::{
    fs::File,
    io::Read,
    net::{TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::Stdio,
    time::Duration,
};

const PROMPT: Duration = Duration::from_secs(3);

/// Both services, which talk to each other.
struct Shop {
    catalog: Process,
    webapp: Process,
}

impl Shop {
    fn open(args: &[&str]) -> Shop {
        let catalog = Process::listen("catalog", args);
        let url = format!("http://{}", catalog.address());
        let webapp = Process::listen("webapp", &[&["--catalog", &url], args].concat());
        Shop { catalog, webapp }
    }

    /// What webapp sends to the catalog for a request with these headers.
    fn injected(&self, headers: &[(&str, &str)]) -> Value {
        let answer = get(self.webapp.address(), "/headers", headers);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["headers"].clone()
    }
}

fn text<'a>(headers: &'a Value, name: &str) -> &'a str {
    let value = headers[name].as_str();
    value.unwrap_or_else(|| panic!("no {name} in {headers}"))
}

fn assert_absent(headers: &Value, names: &[&str]) {
    for name in names {
        assert!(headers.get(name).is_none(), "{name} in {headers}");
    }
}

/// The names of the CLIENT span's headers are lower-case hexadecimal, its parent is webapp's
/// SERVER span.
fn assert_ids(headers: &Value, trace_id: Option<&str>) {
    let hex = |name, digits| {
        let id = text(headers, name);
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        assert!(id.len() == digits && id.bytes().all(is_digit), "{headers}");
        id
    };
    let seen = hex("x-b3-traceid", 32);
    let span = hex("x-b3-spanid", 16);
    let parent = hex("x-b3-parentspanid", 16);
    assert_ne!(span, parent);
    match trace_id {
        Some(trace_id) => assert_eq!(seen, trace_id),
        // A root's span has the low half of the trace's id.
        None => assert_eq!(parent, &seen[16..]),
    }
    text(headers, "x-request-id");
}

const TRACE: &str = "463ac35c9f6413ad48485a3953bb6124";
const SPAN: &str = "a2fb4a1d1a96d312";

#[test]
fn headers_without_any_begin_a_trace() {
    let shop = Shop::open(&[]);
    let headers = shop.injected(&[]);
    assert_ids(&headers, None);
    assert_eq!(text(&headers, "x-b3-sampled"), "1");
    assert_absent(&headers, &["b3", "traceparent", "x-b3-flags"]);

    let request_id = text(&headers, "x-request-id");
    assert_eq!(request_id.len(), 36);
    let answer = get(
        shop.webapp.address(),
        "/headers",
        &[("x-request-id", "mine")],
    );
    assert_eq!(answer.header("x-request-id"), Some("mine"));
    assert_eq!(text(&answer.json()["headers"], "x-request-id"), "mine");
}

#[test]
fn headers_that_can_be_read_are_joined() {
    let shop = Shop::open(&[]);
    let multi = [("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN)];
    let with = |more: &[(&str, &str)]| shop.injected(&[&multi[..], more].concat());

    let accepted = with(&[("x-b3-sampled", "1")]);
    assert_ids(&accepted, Some(TRACE));
    assert_ne!(text(&accepted, "x-b3-parentspanid"), SPAN);
    assert_eq!(text(&accepted, "x-b3-sampled"), "1");

    let denied = with(&[("x-b3-sampled", "0")]);
    assert_ids(&denied, Some(TRACE));
    assert_eq!(text(&denied, "x-b3-sampled"), "0");

    let debug = with(&[("x-b3-flags", "1")]);
    assert_eq!(text(&debug, "x-b3-flags"), "1");
    assert_eq!(text(&debug, "x-b3-sampled"), "1");

    let single = shop.injected(&[("b3", &format!("{TRACE}-{SPAN}-0"))]);
    assert_ids(&single, Some(TRACE));
    assert_eq!(text(&single, "x-b3-sampled"), "0");
    assert_absent(&single, &["b3"]);

    let w3c = shop.injected(&[("traceparent", &format!("00-{TRACE}-{SPAN}-01"))]);
    assert_ids(&w3c, Some(TRACE));
    assert!(text(&w3c, "traceparent").starts_with(&format!("00-{TRACE}-")));
}

#[test]
fn malformed_headers_begin_a_trace_and_keep_a_no() {
    let shop = Shop::open(&[]);
    for b3 in ["what", "", "-", &format!("{TRACE}-{SPAN}-2"), "\u{fffd}"] {
        assert_ids(&shop.injected(&[("b3", b3)]), None);
    }
    let zero = "0".repeat(32);
    for trace_id in ["+1", "0x1", &zero, &"a".repeat(33), "x"] {
        let multi = [("x-b3-traceid", trace_id), ("x-b3-spanid", SPAN)];
        assert_ids(&shop.injected(&multi), None);
    }
    let half = shop.injected(&[("x-b3-traceid", TRACE), ("x-b3-sampled", "0")]);
    assert_ids(&half, None);
    assert_eq!(text(&half, "x-b3-sampled"), "0");
}

#[test]
fn at_zero_percent_only_what_is_forced_is_sampled() {
    let shop = Shop::open(&["--sampling", "0"]);
    assert_eq!(text(&shop.injected(&[]), "x-b3-sampled"), "0");
    for header in ["x-envoy-force-trace", "x-client-trace-id"] {
        let forced = shop.injected(&[(header, "true")]);
        assert_ids(&forced, None);
        assert_eq!(text(&forced, "x-b3-sampled"), "1", "{header}");
    }
    let debug = shop.injected(&[("b3", "d")]);
    assert_eq!(text(&debug, "x-b3-flags"), "1");
}

#[test]
fn the_formats_written_can_be_chosen() {
    let shop = Shop::open(&["--propagation", "b3,w3c"]);
    let headers = shop.injected(&[("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)]);
    assert!(text(&headers, "b3").starts_with(&format!("{TRACE}-")));
    assert!(text(&headers, "traceparent").starts_with(&format!("00-{TRACE}-")));
    assert_absent(&headers, &["x-b3-traceid", "x-b3-spanid", "x-b3-sampled"]);
}

#[test]
fn with_a_sidecar_the_headers_go_on_as_they_came() {
    let shop = Shop::open(&["--mode", "forward"]);
    let sent = [
        ("x-b3-traceid", "463ac35c9f6413ad48485a3953bb6124"),
        ("x-b3-spanid", "a2fb4a1d1a96d312"),
        ("x-b3-sampled", "1"),
        ("x-request-id", "mine"),
    ];
    let headers = shop.injected(&sent);
    for (name, value) in sent {
        assert_eq!(text(&headers, name), value);
    }
    assert_absent(&shop.injected(&[]), &["x-b3-traceid", "x-request-id"]);
}

#[test]
fn at_the_edge_a_new_trace_begins() {
    let catalog = Process::listen("catalog", &[]);
    let url = format!("http://{}", catalog.address());
    let edge = ["--catalog", &url, "--mode", "edge", "--sampling", "0"];
    let webapp = Process::listen("webapp", &edge);
    let headers = Shop { catalog, webapp }.injected(&[
        ("b3", "463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1"),
        ("x-envoy-force-trace", "1"),
        ("x-request-id", "theirs"),
    ]);
    assert_ids(&headers, None);
    assert_eq!(text(&headers, "x-b3-sampled"), "0");
    assert_ne!(
        text(&headers, "x-b3-traceid"),
        "463ac35c9f6413ad48485a3953bb6124"
    );
    assert_ne!(text(&headers, "x-request-id"), "theirs");
}

#[test]
fn the_catalog_shows_all_that_it_is_sent() {
    let catalog = Process::listen("catalog", &[]);
    let sent = b"GET /headers HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\
        X-One: 1\r\nx-two: a\r\nX-Two: b\r\nx-bytes: \xff\r\n\r\n";
    let headers = &shop::exchange(catalog.address(), sent).json()["headers"];
    assert_eq!(headers["x-one"], "1");
    assert_eq!(headers["x-two"], serde_json::json!(["a", "b"]));
    assert_eq!(headers["x-bytes"], "\u{fffd}");
}

#[test]
fn webapp_passes_on_what_the_catalog_says() {
    let mut shop = Shop::open(&[]);
    let status = |path| get(shop.webapp.address(), path, &[]).status;
    assert_eq!(status("/api/catalog"), 200);
    assert_eq!(status("/api/catalog/items/1"), 200);
    assert_eq!(status("/api/catalog/items/99"), 404);
    assert_eq!(status("/api/catalog/items/%ff%20..%2f"), 404);
    assert_eq!(status("/"), 404);
    assert_eq!(status("/reporter"), 404);

    let blow_up = |body| shop::post(shop.catalog.address(), "/blowup", body).status;
    assert_eq!(blow_up(r#"{"fail_percent": 50, "status": 500}"#), 200);
    let mut statuses: Vec<u16> = (0..4).map(|_| status("/api/catalog")).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 500, 500]);
    for nonsense in [
        "",
        "[1]",
        r#"{"fail": 1}"#,
        r#"{"fail_percent": 101}"#,
        r#"{"status": 200}"#,
        r#"{"delay_ms": -1}"#,
    ] {
        assert_eq!(blow_up(nonsense), 400, "{nonsense}");
    }
    assert_eq!(blow_up("{}"), 200);
    assert_eq!(status("/api/catalog"), 200);

    assert!(shop.catalog.stop().success());
    let answer = get(shop.webapp.address(), "/api/catalog", &[]);
    assert_eq!(answer.status, 502);
    assert!(answer.json()["error"].is_string(), "{answer:?}");
}

#[test]
fn log_lines_and_printed_trees_carry_the_trace() {
    let shop = Shop::open(&["--tag", "tenant=header:x-tenant:none", "--service", "shop"]);
    let b3 = format!("{TRACE}-{SPAN}-1");
    let sent = [("b3", b3.as_str()), ("x-tenant", "acme")];
    assert_eq!(
        get(shop.webapp.address(), "/api/catalog", &sent).status,
        200
    );
    for process in [&shop.webapp, &shop.catalog] {
        let stderr = eventually("a tree on stderr", || {
            let stderr = process.stderr();
            stderr.contains(&format!("trace {TRACE}")).then_some(stderr)
        });
        let answered = stderr.lines().find(|line| line.contains("answered"));
        let answered = answered.unwrap_or_else(|| panic!("no log line in {stderr}"));
        assert!(
            answered.contains(&format!("trace_id={TRACE}")),
            "{answered}"
        );
    }
    let tree = shop.webapp.stderr();
    assert!(tree.contains("tenant=acme"), "{tree}");
    assert!(shop.catalog.stderr().contains("tenant=none"));
}

#[test]
fn wrong_values_end_it_with_a_sentence() {
    let taken = Process::listen("catalog", &[]);
    let taken = taken.address().to_string();
    let free = ["--listen", "127.0.0.1:0"];
    for (flag, value, reason) in [
        ("--sampling", "101", "101 is not a percentage from 0 to 100"),
        ("--sampling", "-1", "-1 is not a percentage from 0 to 100"),
        ("--sampling", "-0", "-0 is not a percentage from 0 to 100"),
        ("--sampling", "NaN", "NaN is not a percentage from 0 to 100"),
        ("--sampling", "half", "not a number"),
        ("--service", " ", "empty"),
        ("--tag", "name", "not NAME=literal:VALUE"),
        ("--tag", "name=jwt:sub", "not NAME=literal:VALUE"),
        ("--tag", "=literal:value", "the name is empty"),
        ("--tag", "name=literal:", "the literal value is empty"),
        (
            "--tag",
            "name=env:",
            "cannot be the name of an environment variable",
        ),
        ("--tag", "name=header:a b", "cannot be the name of a header"),
        (
            "--tag",
            "name=header::status",
            "cannot be the name of a header",
        ),
        ("--propagation", "b3,jaeger", "none of b3multi, b3, w3c"),
        ("--zipkin", "zipkin:9411", "http"),
        ("--zipkin", "", ""),
        ("--zipkin", "http://zipkin:99999", "1 to 65535"),
        ("--otlp", "ftp://collector", "http"),
        ("--kafka", "kafka", "port"),
        ("--encoding", "thrift", "json or proto3"),
        ("--mode", "sidecar", "forward, spans, edge"),
        ("--zipkin", "http://127.0.0.1:94110/api/v2/spans", "port"),
        ("--otlp", "http://127.0.0.1:94110/v1/traces", "port"),
        ("--catalog", "http://127.0.0.1:80810", "port"),
        ("--catalog", "http://127.0.0.1:0", "port"),
        ("--catalog", "http://127.0.0.1:/", "port"),
        ("--catalog", "http://127.0.0.1/#a", "fragment"),
        ("--catalog", "ftp://catalog", "http://"),
        ("--catalog", "/items", "http://"),
        ("--catalog", "http://catalog:99999", "1 to 65535"),
        ("--catalog", "http://catalog:+80", "1 to 65535"),
    ] {
        let sentence = refused("webapp", &[&free[..], &[flag, value]].concat());
        assert!(
            sentence.contains(flag) && sentence.contains(reason),
            "{flag} {value}: {sentence}"
        );
    }
    let secret = ["--zipkin", "http://me:hunter2@a/api/v2/spans"];
    let sentence = refused("webapp", &[&free[..], &secret].concat());
    assert!(
        sentence.contains("--zipkin") && sentence.contains("credentials"),
        "{sentence}"
    );
    assert!(!sentence.contains("hunter2"), "{sentence}");
    let two = ["--otlp", "http://a", "--kafka", "b:1"];
    let sentence = refused("webapp", &[&free[..], &two].concat());
    assert!(
        sentence.contains("--otlp") && sentence.contains("--kafka"),
        "{sentence}"
    );
    let ignored = ["--otlp", "http://a", "--encoding", "proto3"];
    let sentence = refused("webapp", &[&free[..], &ignored].concat());
    assert!(
        sentence.contains("--otlp") && sentence.contains("--encoding"),
        "{sentence}"
    );
    let document = std::env::temp_dir().join(format!("shop-{}.yaml", std::process::id()));
    std::fs::write(&document, "tracing: { zipkin: { address: 'zipkin:9411' } }").expect("a file");
    let path = document.to_str().expect("a path");
    for flags in [&["--gzip"][..], &["--encoding", "proto3"]] {
        let sentence = refused("webapp", &[&free[..], &["--config", path], flags].concat());
        assert!(sentence.contains(flags[0]), "{sentence}");
    }
    std::fs::remove_file(&document).expect("a file");
    let mkfifo = std::process::Command::new("mkfifo").arg(path).status();
    assert!(mkfifo.expect("mkfifo runs").success());
    for unreadable in [path, "/", "/dev/zero"] {
        let sentence = refused("webapp", &[&free[..], &["--config", unreadable]].concat());
        assert_eq!(
            sentence,
            format!("error: --config <FILE>: {unreadable}: not a regular file\n")
        );
    }
    std::fs::remove_file(&document).expect("a pipe");
    let sentence = refused("webapp", &[&free[..], &["--config", path]].concat());
    assert!(
        sentence.contains("--config") && sentence.contains(path),
        "{sentence}"
    );
    for listen in ["here", "127.0.0.1", "127.0.0.1:65536", &taken] {
        let sentence = refused("catalog", &["--listen", listen]);
        assert!(sentence.contains("--listen"), "{sentence}");
        assert!(sentence.contains(listen), "{sentence}");
    }
}

#[test]
fn the_environment_stands_in_for_flags() {
    let mut process = Process::start(
        "catalog",
        &[],
        &[
            ("SHOP_LISTEN", "127.0.0.1:0"),
            ("SHOP_TAGS", "a=literal:x, y\nzone=env:ZONE:unknown"),
            ("ZONE", "z1"),
        ],
    );
    assert_eq!(get(process.address(), "/items", &[]).status, 200);
    let stderr = eventually("a tree on stderr", || {
        Some(process.stderr()).filter(|stderr| stderr.contains("trace "))
    });
    assert!(stderr.contains("a=x, y zone=z1"), "{stderr}");
    assert!(process.stop().success());
}

#[test]
fn an_empty_variable_is_not_set() {
    let names = [
        "MODE",
        "ZIPKIN",
        "OTLP",
        "KAFKA",
        "ENCODING",
        "GZIP",
        "SAMPLING",
        "TAGS",
        "SERVICE",
        "PROPAGATION",
        "CATALOG",
    ];
    let names = names.map(|name| format!("SHOP_{name}"));
    let environment: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    let listen = ["--listen", "127.0.0.1:0"];
    let mut process = Process::start("webapp", &listen, &environment);
    assert_eq!(get(process.address(), "/", &[]).status, 404);
    // The defaults: everything is sampled, and printed under the usual name.
    let stderr = eventually("a tree on stderr", || {
        Some(process.stderr()).filter(|stderr| stderr.contains("trace "))
    });
    assert!(stderr.contains("webapp  SERVER  GET"), "{stderr}");
    assert!(process.stop().success());
}

#[test]
fn the_reporter_says_what_went_wrong_and_since_when() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    let url = format!("http://{address}/");
    let catalog = Process::listen("catalog", &["--zipkin", &url]);
    drop(nobody);
    let reporter = || get(catalog.address(), "/reporter", &[]).json();
    let fields = |totals: &Value| {
        ["last_error", "last_error_since", "last_error_ongoing"].map(|name| totals[name].clone())
    };
    let fine = [Value::Null, Value::Null, Value::Bool(false)];
    assert_eq!(fields(&reporter()), fine);
    let before = std::time::SystemTime::now();
    assert_eq!(get(catalog.address(), "/items", &[]).status, 200);
    let [error, since, ongoing] = eventually("an outage", || {
        Some(fields(&reporter())).filter(|fields| *fields != fine)
    });
    assert!(error.as_str().unwrap().contains("refused"), "{error}");
    let before = before.duration_since(std::time::UNIX_EPOCH).unwrap();
    let after = since.as_f64().unwrap() - before.as_secs_f64();
    assert!((0.0..20.0).contains(&after), "{since}");
    assert_eq!(ongoing, true);
}

#[test]
fn a_stop_does_not_wait_for_idle_connections() {
    let mut shop = Shop::open(&[]);
    // One that says nothing, one that is kept open, and webapp's own to the catalog.
    let silent = TcpStream::connect(shop.webapp.address()).unwrap();
    let mut kept = shop::keep_alive(shop.webapp.address(), "/api/catalog");
    for process in [&mut shop.catalog, &mut shop.webapp] {
        let started = std::time::Instant::now();
        assert!(process.stop().success());
        assert!(started.elapsed() < PROMPT, "{:?}", started.elapsed());
        assert_eq!(process.stdout().lines().count(), 1);
    }
    assert_eq!(kept.read(&mut [0; 1]).unwrap_or(0), 0);
    drop(silent);
}

#[test]
fn every_service_flushes_on_a_signal() {
    for signal in ["TERM", "INT"] {
        let zipkin = Collector::start();
        let mut shop = Shop::open(&["--zipkin", zipkin.url()]);
        for _ in 0..3 {
            let answer = get(shop.webapp.address(), "/api/catalog", &[]);
            assert_eq!(answer.status, 200);
        }
        for process in [&mut shop.webapp, &mut shop.catalog] {
            assert!(process.signal(signal).success(), "{process}");
        }
        let sent = ["GET /api/catalog", "GET /items", "GET /items", "load items"];
        assert_eq!(zipkin.names(), sent.map(|name| [name; 3]).concat());
    }
}

#[test]
fn a_console_that_is_gone_does_not_end_a_service() {
    let listen = &["--listen", "127.0.0.1:0"];
    let full = || File::create("/dev/full").expect("a full device");
    for stdout in [Stdio::from(closed_pipe()), full().into()] {
        let mut catalog = command("catalog", listen);
        let mut catalog = Process::spawn(catalog.stdout(stdout).stderr(Stdio::piped()));
        let (_, rest) = eventually("the address", || {
            let stderr = catalog.stderr();
            let (line, rest) = stderr.split_once("listening on http://")?;
            Some((line.to_owned(), rest.to_owned()))
        });
        let (address, _) = rest.split_once(',').expect("a reason");
        let address = address.parse().expect("an address");
        assert_eq!(get(address, "/items", &[]).status, 200);
        assert!(catalog.stop().success());
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap();
    drop(port);
    let mut catalog = command("catalog", &["--listen", &address.to_string()]);
    let mut catalog = Process::spawn(catalog.stdout(closed_pipe()).stderr(closed_pipe()));
    eventually("the catalog", || TcpStream::connect(address).ok());
    assert_eq!(get(address, "/items", &[]).status, 200);
    assert!(catalog.stop().success());
}

/// What is written to it is a broken pipe.
fn closed_pipe() -> OwnedFd {
    let (open, _closed) = UnixStream::pair().expect("a pair of sockets");
    open.into()
}

#[test]
fn coolstore_shows_connected_trees() {
    let mut coolstore = Process::start("coolstore", &["--once"], &[]);
    let status = coolstore.ended();
    let stdout = coolstore.stdout();
    assert!(status.success(), "{}", coolstore.stderr());
    let trees: Vec<Vec<&str>> = stdout.split("\ntrace ").skip(1).map(tree).collect();
    let indents = |tree: &[&str]| -> Vec<Option<usize>> {
        let indent = |line: &&str| line.find("└─");
        tree.iter().map(indent).collect()
    };
    assert_eq!(trees.len(), 4, "{stdout}");
    for tree in &trees {
        let indents = indents(tree);
        assert!((3..=4).contains(&tree.len()), "{stdout}");
        assert_eq!(indents[0], None, "{stdout}");
        // Each a step below the one before.
        assert!(indents.windows(2).all(|pair| pair[0] < pair[1]), "{stdout}");
        assert!(
            tree[0].trim_start().starts_with("webapp   SERVER"),
            "{stdout}"
        );
        assert!(
            tree[1].trim_start().starts_with("webapp   CLIENT"),
            "{stdout}"
        );
        assert!(
            tree[2].trim_start().starts_with("catalog  SERVER"),
            "{stdout}"
        );
    }
    assert!(
        trees[2].iter().all(|line| line.contains("  error")),
        "{stdout}"
    );
    assert!(trees[3][0].contains("tenant=acme"), "{stdout}");
    assert_eq!(stdout.matches("\nno trace").count(), 1, "{stdout}");
    assert!(!stdout.contains('\u{1b}'), "{stdout}");
}

/// The lines of the tree that `text` begins with, but for the id of the trace.
fn tree(text: &str) -> Vec<&str> {
    let lines = text.lines().skip(1);
    lines.take_while(|line| line.starts_with("  ")).collect()
}

#[test]
fn coolstore_serves_on_until_it_is_told_to_stop() {
    let mut coolstore = Process::start("coolstore", &[], &[]);
    let stdout = eventually("coolstore's addresses", || {
        Some(coolstore.stdout()).filter(|stdout| stdout.contains("TRACE_ID"))
    });
    let (_, rest) = stdout.split_once("curl -i http://").expect("webapp's URL");
    let (address, _) = rest.split_once('/').expect("a path");
    let address = address.parse().expect("an address");
    let answer: Answer = get(address, "/api/catalog", &[]);
    assert_eq!(answer.status, 200);
    let totals = eventually("all spans sent", || {
        let totals = get(address, "/reporter", &[]).json();
        (totals["sent"] == totals["finished"]).then_some(totals)
    });
    // Two of webapp's for each traced request.
    assert_eq!(totals["sent"], 10, "{totals}");
    assert_eq!(totals["dropped"]["queue_full"], 0, "{totals}");
    assert!(coolstore.signal("INT").success());
}
