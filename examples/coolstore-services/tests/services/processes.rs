//! The output of the services, and how they stop.

use crate::{CATALOG, Shop};
use serde_json::Value;
use std::{
    fs::File,
    io::Read,
    net::{TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::Stdio,
    time::Duration,
};
use test_kit::{
    Process, ZipkinStub, command, eventually,
    http::{get, keep_alive},
};

/// Much less than the time that a stopping server grants to requests in progress.
const PROMPT: Duration = Duration::from_secs(3);
const TRACE: &str = "463ac35c9f6413ad48485a3953bb6124";
const SPAN: &str = "a2fb4a1d1a96d312";

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
            answered.starts_with(&format!("trace_id={TRACE} span_id=")),
            "{answered}"
        );
    }
    let tree = shop.webapp.stderr();
    assert!(tree.contains("tenant=acme"), "{tree}");
    assert!(shop.catalog.stderr().contains("tenant=none"));
}

#[test]
fn spans_lead_to_json_log_lines_of_both_services() {
    let shop = Shop::open(&["--log-format", "json"]);
    let id = "6f0b3f1e-6a0b-4d1c-8f3e-0d6b5a4c3e21";
    let sent = shop.injected(&[("x-request-id", id), ("x-b3-sampled", "0")]);
    let line = |process: &Process| {
        eventually("a log line", || {
            let stderr = process.stderr();
            let mut lines = stderr.lines().filter(|line| line.contains("answered"));
            serde_json::from_str::<Value>(lines.next()?).ok()
        })
    };
    let (webapp, catalog) = (line(&shop.webapp), line(&shop.catalog));
    // The CLIENT span, whose ids webapp sent, is between the two.
    assert_eq!(webapp["span_id"], sent["x-b3-parentspanid"], "{webapp}");
    assert_eq!(catalog["parent_id"], sent["x-b3-spanid"], "{catalog}");
    for line in [&webapp, &catalog] {
        assert_eq!(line["trace_id"], sent["x-b3-traceid"], "{line}");
        assert_eq!(
            (&line["request_id"], &line["sampled"]),
            (&id.into(), &false.into())
        );
        assert_eq!(
            (&line["path"], &line["status"]),
            (&"/headers".into(), &200.into())
        );
    }
}

#[test]
fn behind_a_sidecar_log_lines_have_the_ids_of_its_span() {
    let shop = Shop::open(&["--mode", "forward"]);
    let b3 = [
        ("x-b3-traceid", TRACE),
        ("x-b3-spanid", SPAN),
        ("x-b3-sampled", "1"),
    ];
    assert_eq!(get(shop.webapp.address(), "/headers", &b3).status, 200);
    let line = eventually("a log line", || {
        let stderr = shop.webapp.stderr();
        let line = stderr.lines().find(|line| line.contains("answered"));
        line.map(str::to_owned)
    });
    let front = format!("trace_id={TRACE} span_id={SPAN} sampled=true ");
    assert!(line.starts_with(&front), "{line}");
}

#[test]
fn a_stop_does_not_wait_for_idle_connections() {
    let mut shop = Shop::open(&[]);
    // A silent connection, a kept-alive one, and webapp's connection to the catalog.
    let silent = TcpStream::connect(shop.webapp.address()).unwrap();
    let mut kept = keep_alive(shop.webapp.address(), "/api/catalog");
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
        let zipkin = ZipkinStub::start();
        let mut shop = Shop::open(&["--zipkin", zipkin.url()]);
        for _ in 0..3 {
            let answer = get(shop.webapp.address(), "/api/catalog", &[]);
            assert_eq!(answer.status, 200);
        }
        for process in [&mut shop.webapp, &mut shop.catalog] {
            assert!(process.signal(signal).success(), "{process}");
        }
        let sent = [
            "GET /api/catalog",
            "GET /items",
            "GET /items",
            "list_items",
            "load_items",
        ];
        assert_eq!(zipkin.span_names(), sent.map(|name| [name; 3]).concat());
    }
}

#[test]
fn every_access_log_is_complete_after_a_signal() {
    let mut shop = Shop::open(&["--access-log", "-", "--mode", "forward"]);
    for number in 0..3 {
        let id = format!("request-{number}");
        let answer = get(
            shop.webapp.address(),
            "/api/catalog",
            &[("x-request-id", &id)],
        );
        assert_eq!(answer.status, 200);
    }
    let lines = |process: &mut Process| {
        assert!(process.stop().success());
        let stdout = process.stdout();
        let lines = stdout.lines().skip(1).map(|line| {
            let mut parts = line.split('"');
            let request = parts.nth(1).unwrap().to_owned();
            let code = parts.next().unwrap().split(' ').nth(1).unwrap().to_owned();
            let id = line.split('"').find(|part| part.starts_with("request-"));
            format!("{request} {code} {}", id.unwrap())
        });
        lines.collect::<Vec<_>>()
    };
    let (webapp, catalog) = (lines(&mut shop.webapp), lines(&mut shop.catalog));
    for number in 0..3 {
        let served = format!("GET /api/catalog HTTP/1.1 200 request-{number}");
        let sent = format!("GET /items HTTP/1.1 200 request-{number}");
        assert!(
            webapp.contains(&served) && webapp.contains(&sent),
            "{webapp:?}"
        );
        assert!(catalog.contains(&sent), "{catalog:?}");
    }
    assert_eq!((webapp.len(), catalog.len()), (6, 3));
}

#[test]
fn a_closed_console_does_not_end_a_service() {
    let listen = &["--listen", "127.0.0.1:0"];
    let full = || File::create("/dev/full").expect("a full device");
    for stdout in [Stdio::from(closed_pipe()), full().into()] {
        let mut catalog = command(CATALOG, listen);
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
    let mut catalog = command(CATALOG, &["--listen", &address.to_string()]);
    let mut catalog = Process::spawn(catalog.stdout(closed_pipe()).stderr(closed_pipe()));
    eventually("the catalog", || TcpStream::connect(address).ok());
    assert_eq!(get(address, "/items", &[]).status, 200);
    assert!(catalog.stop().success());
}

/// Writing to it fails with a broken pipe.
fn closed_pipe() -> OwnedFd {
    let (open, _closed) = UnixStream::pair().expect("a pair of sockets");
    open.into()
}
