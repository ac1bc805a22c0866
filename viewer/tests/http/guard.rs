//! Pages from elsewhere that run in the same browser.

use super::common::{Answer, Client, Server};
use http::Method;
use tower_b3_viewer::Viewer;

async fn asked_as(client: &Client, host: &str) -> Answer {
    client
        .send(Method::GET, "/viewer/status", &[("host", host)], "")
        .await
}

#[tokio::test]
async fn other_hosts_are_refused() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let port = server.address.port();
    for host in [
        "localhost",
        "LOCALHOST.",
        "app.localhost:80",
        "127.0.0.1",
        "127.8.9.1:1",
        "[::1]",
        "[::1]:9411",
        "[::ffff:127.0.0.1]",
    ] {
        assert_eq!(asked_as(&client, host).await.status, 200, "{host}");
    }
    for host in [
        "evil.test",
        "localhost.evil.test",
        "evil.test:9411",
        "10.0.0.1",
        "127.0.0.1.evil.test",
        "[::2]",
        "notlocalhost",
        "",
        "localhost:x",
    ] {
        let answer = asked_as(&client, host).await;
        assert_eq!(answer.status, 403, "{host}");
        assert!(answer.text().contains("--allow-host"), "{}", answer.text());
    }
    assert_eq!(
        asked_as(&client, &format!("localhost:{port}")).await.status,
        200
    );
}

#[tokio::test]
async fn hosts_can_be_allowed() {
    let server = Server::start(Viewer::builder().allow_host("Zipkin").build()).await;
    let client = server.client();
    assert_eq!(asked_as(&client, "zipkin:9411").await.status, 200);
    assert_eq!(asked_as(&client, "other:9411").await.status, 403);
    let server = Server::start(Viewer::builder().allow_any_address().build()).await;
    let client = server.client();
    assert_eq!(asked_as(&client, "10.0.0.1:9411").await.status, 200);
    assert_eq!(asked_as(&client, "evil.test").await.status, 403);
}

#[tokio::test]
async fn posts_of_other_origins_are_refused() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let own = format!("http://{}", server.address);
    let cases = [
        ("origin", &*own, 202),
        ("origin", "http://evil.test", 403),
        ("origin", "null", 403),
        ("origin", "http://127.0.0.1:1", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-origin", 202),
        ("user-agent", "no browser", 202),
    ];
    for (name, value, status) in cases {
        let answer = client
            .send(Method::POST, "/api/v2/spans", &[(name, value)], "[]")
            .await;
        assert_eq!(answer.status, status, "{name}: {value}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
    }
    let delete = [("origin", "http://evil.test")];
    let answer = client
        .send(Method::DELETE, "/viewer/traces", &delete, "")
        .await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.text().contains("--allow-origin"),
        "{}",
        answer.text()
    );
}

/// Envoy sends the name of its cluster as the host.
#[tokio::test]
async fn clients_send_spans_under_any_host() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let evil = "evil.test";
    let no_browser = ("user-agent", "no browser");
    let cases = [
        ("/api/v2/spans", "zipkin", no_browser, 202),
        ("/v1/traces", "outbound|4318||otel.mesh", no_browser, 200),
        ("/viewer/traces", "zipkin", no_browser, 403),
        // A page of this host, after DNS rebinding.
        ("/api/v2/spans", evil, ("origin", "http://evil.test"), 403),
        ("/v1/traces", evil, ("origin", "null"), 403),
        (
            "/api/v2/spans",
            evil,
            ("sec-fetch-site", "same-origin"),
            403,
        ),
    ];
    for (path, host, header, status) in cases {
        let body = if path == "/v1/traces" { "{}" } else { "[]" };
        let headers = [("content-type", "application/json"), ("host", host), header];
        let answer = client.send(Method::POST, path, &headers, body).await;
        assert_eq!(answer.status, status, "{path} {headers:?}: {answer:?}");
    }
    let answer = client
        .send(
            Method::GET,
            "/api/v2/spans?serviceName=a",
            &[("host", evil)],
            "",
        )
        .await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn origins_can_be_allowed() {
    let server = Server::start(Viewer::builder().allow_origin("https://shop.test").build()).await;
    let client = server.client();
    let origin = [("origin", "https://shop.test")];
    let answer = client
        .send(Method::POST, "/api/v2/spans", &origin, "[]")
        .await;
    assert_eq!(answer.status, 202);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "https://shop.test"
    );
    let answer = client
        .send(Method::OPTIONS, "/api/v2/spans", &origin, "")
        .await;
    assert_eq!(
        answer.header("access-control-allow-headers"),
        "content-type, content-encoding, b3"
    );
    let other = [("origin", "https://evil.test")];
    let answer = client
        .send(Method::POST, "/api/v2/spans", &other, "[]")
        .await;
    assert_eq!(answer.status, 403);
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn every_response_has_a_policy() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    for path in [
        "/",
        "/traces/1",
        "/viewer/status",
        "/nothing",
        "/api/v2/trace/zz",
        "/viewer/trace/1",
    ] {
        let answer = client.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
    }
    assert_eq!(
        asked_as(&client, "evil.test")
            .await
            .header("x-content-type-options"),
        "nosniff"
    );
}
