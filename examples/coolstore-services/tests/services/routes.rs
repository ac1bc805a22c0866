//! The HTTP routes of both services.

use crate::{CATALOG, Shop};
use serde_json::Value;
use std::net::TcpListener;
use test_kit::{
    Process, eventually,
    http::{exchange, get, post},
};

#[test]
fn the_catalog_returns_the_headers_it_receives() {
    let catalog = Process::listen(CATALOG, &[]);
    let sent = b"GET /headers HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\
        X-One: 1\r\nx-two: a\r\nX-Two: b\r\nx-bytes: \xff\r\n\r\n";
    let headers = &exchange(catalog.address(), sent).json()["headers"];
    assert_eq!(headers["x-one"], "1");
    assert_eq!(headers["x-two"], serde_json::json!(["a", "b"]));
    assert_eq!(headers["x-bytes"], "\u{fffd}");
}

#[test]
fn webapp_passes_on_the_catalogs_responses() {
    let mut shop = Shop::open(&[]);
    let status = |path| get(shop.webapp.address(), path, &[]).status;
    assert_eq!(status("/api/catalog"), 200);
    assert_eq!(status("/api/catalog/items/1"), 200);
    assert_eq!(status("/api/catalog/items/99"), 404);
    assert_eq!(status("/api/catalog/items/%ff%20..%2f"), 404);
    assert_eq!(status("/"), 404);
    assert_eq!(status("/reporter"), 404);

    let blow_up = |body| post(shop.catalog.address(), "/blowup", body).status;
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
fn the_reporter_route_shows_the_last_error_and_when_it_began() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    let url = format!("http://{address}/");
    let catalog = Process::listen(CATALOG, &["--zipkin", &url]);
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
