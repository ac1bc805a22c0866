//! The program `coolstore`: what it prints, how it serves and how it ends.

use test_kit::{Process, eventually, http::get};

const COOLSTORE: &str = env!("CARGO_BIN_EXE_coolstore");

/// The output of `coolstore --once`, without durations and ids.
const OUTPUT: &str = "\
A plain request
GET /api/catalog: 200 OK
trace ID
  webapp   SERVER  GET /api/catalog  TIME  custom_tag=Test Tag http.status_code=200 zone=here
  webapp           └─ list_items  TIME
  webapp   CLIENT     └─ GET /items  TIME  custom_tag=Test Tag http.status_code=200 zone=here
  catalog  SERVER        └─ GET /items  TIME  custom_tag=Test Tag http.status_code=200 zone=here
  catalog                   └─ load_items  TIME  shop.items=4

At 0 % sampling nothing is traced
GET /api/catalog: 200 OK
no trace

At 0 % sampling, but forced
GET /api/catalog with x-envoy-force-trace: true: 200 OK
trace ID
  webapp   SERVER  GET /api/catalog  TIME  custom_tag=Test Tag http.status_code=200 zone=here
  webapp           └─ list_items  TIME
  webapp   CLIENT     └─ GET /items  TIME  custom_tag=Test Tag http.status_code=200 zone=here
  catalog  SERVER        └─ GET /items  TIME  custom_tag=Test Tag http.status_code=200 zone=here
  catalog                   └─ load_items  TIME  shop.items=4

The catalog fails, after POST /blowup
GET /api/catalog: 503 Service Unavailable
trace ID
  webapp   SERVER  GET /api/catalog  TIME  error  custom_tag=Test Tag http.status_code=503 zone=here
  webapp           └─ list_items  TIME
  webapp   CLIENT     └─ GET /items  TIME  error  custom_tag=Test Tag http.status_code=503 zone=here
  catalog  SERVER        └─ GET /items  TIME  error  custom_tag=Test Tag http.status_code=503 \
shop.blowup=failed zone=here

Custom tags: a literal, an environment variable, a request header
GET /api/catalog/items/3 with x-tenant: acme: 200 OK
trace ID
  webapp   SERVER  GET /api/catalog/items/{id}  TIME  custom_tag=Test Tag http.status_code=200 \
tenant=acme zone=here
  webapp           └─ get_item  TIME  uri=/api/catalog/items/3
  webapp   CLIENT     └─ GET /items/{id}  TIME  custom_tag=Test Tag http.status_code=200 tenant=acme \
zone=here
  catalog  SERVER        └─ GET /items/{id}  TIME  custom_tag=Test Tag http.status_code=200 zone=here
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
    // The last line says how to see such traces in Zipkin.
    let (traces, last) = lines.split_at(lines.find("To see").expect("the last line"));
    assert_eq!(traces, OUTPUT, "{stdout}");
    assert_eq!(last.lines().count(), 1, "{stdout}");
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

#[test]
fn coolstore_serves_until_a_signal() {
    let mut coolstore = Process::start(COOLSTORE, &[], &[]);
    let stdout = eventually("coolstore's addresses", || {
        Some(coolstore.stdout()).filter(|stdout| stdout.contains("TRACE_ID"))
    });
    let (_, rest) = stdout.split_once("curl -i http://").expect("webapp's URL");
    let (address, _) = rest.split_once('/').expect("a path");
    let address = address.parse().expect("an address");
    assert_eq!(get(address, "/api/catalog", &[]).status, 200);
    let totals = eventually("all spans sent", || {
        let totals = get(address, "/reporter", &[]).json();
        (totals["sent"] == totals["finished"]).then_some(totals)
    });
    // Three spans of webapp for each of the five traced requests.
    assert_eq!(totals["sent"], 15, "{totals}");
    assert_eq!(totals["dropped"]["queue_full"], 0, "{totals}");
    assert!(coolstore.signal("INT").success());
}
