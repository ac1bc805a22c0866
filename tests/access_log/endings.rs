//! A golden line for each way in which an exchange ends, sampled or not, and without spans.

use crate::{
    common::{DebugText, Script, Step, drain, get, headers, now, poll},
    log::Logged,
};
use http::{Request, Response};
use std::{
    future::{pending, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Mode, RouteTemplate, Tracer, TracerBuilder, access_log::AccessLogFormat, sample::Sampler, scope,
};

type Answer = Result<Response<Script>, &'static str>;

/// Runs the test with a tracer that samples, one that does not, and one that makes no spans.
fn with_each_tracer(test: impl Fn(&Logged, &Tracer)) {
    let modes: [fn(TracerBuilder) -> TracerBuilder; 3] = [
        |builder| builder,
        |builder| builder.sampler(Sampler::never()),
        |builder| builder.mode(Mode::ForwardOnly),
    ];
    for mode in modes {
        let logged = Logged::of(|log| log.format(AccessLogFormat::istio()), mode);
        test(&logged, &logged.test.tracer);
    }
}

/// The line, with the time and the durations replaced by letters.
#[track_caller]
fn line(logged: &Logged) -> String {
    let line = logged.take_line();
    let (time, rest) = line.split_once("] ").unwrap();
    assert_eq!(time.len(), "[2026-11-26T21:32:53.277Z".len(), "{line}");
    let mut words: Vec<&str> = rest.split(' ').collect();
    // Method, path, protocol, code, flags, details, termination, reason, received, sent, duration.
    assert!(words[10].parse::<u64>().is_ok(), "{line}");
    words[10] = "D";
    words.join(" ")
}

fn answers(body: impl Fn() -> Script) -> impl Fn(Request<()>) -> std::future::Ready<Answer> {
    move |_| ready(Ok(Response::new(body())))
}

const IDS: &str = "x-request-id: id";

#[test]
fn a_complete_exchange_of_either_layer() {
    with_each_tracer(|logged, tracer| {
        let mut server = tracer.server_layer().layer(service_fn(|_: Request<()>| {
            scope::route("/items/{id}");
            let mut response =
                Response::new(Script::new([Step::Data("five!"), Step::Data("six...")]));
            *response.headers_mut() = headers("x-envoy-upstream-service-time: 7");
            ready(Answer::Ok(response))
        }));
        let request = get(
            "/items/7?x=1",
            "host: shop:8080|content-length: 3|x-request-id: id|user-agent: curl/8|x-forwarded-for: 10.0.0.1",
        );
        drain(now(server.call(request)).unwrap().body_mut()).unwrap();
        assert_eq!(
            line(logged),
            r#""GET /items/7?x=1 HTTP/1.1" 200 - via_upstream - "-" 3 11 D 7 "10.0.0.1" "curl/8" "id" "shop:8080" "-" - - - - - /items/{id}"#
        );

        let mut client = tracer
            .client_layer()
            .layer(service_fn(answers(|| Script::data("x"))));
        let mut request = get("http://catalog:9000/items/7", IDS);
        request
            .extensions_mut()
            .insert(RouteTemplate::new("/items/{id}"));
        drain(now(client.call(request)).unwrap().body_mut()).unwrap();
        assert_eq!(
            line(logged),
            r#""GET /items/7 HTTP/1.1" 200 - via_upstream - "-" 0 1 D - "-" "-" "id" "catalog:9000" "-" - - - - - /items/{id}"#
        );
    });
}

#[test]
fn endings_of_a_server() {
    with_each_tracer(|logged, tracer| {
        let layer = tracer.server_layer();
        let expect = |what: &str| {
            let rest = r#"D - "-" "-" "id" "-" "-" - - - - - -"#;
            assert_eq!(line(logged), format!(r#""GET / HTTP/1.1" {what} {rest}"#));
        };
        let request = || get("/", IDS);

        let mut failing = layer.layer(service_fn(|_: Request<()>| ready(Answer::Err("not\nnow"))));
        let _ = now(failing.call(request()));
        expect(
            r#"503 UC upstream_reset_before_response_started{connection_termination} - ""not\nnow"" 0 0"#,
        );

        let mut waiting = layer.layer(service_fn(|_: Request<()>| pending::<Answer>()));
        {
            let mut call = pin!(waiting.call(request()));
            assert!(poll(call.as_mut()).is_pending());
        }
        expect(r#"0 DC downstream_remote_disconnect - "-" 0 0"#);

        let mut panicking = layer.layer(service_fn(|_: Request<()>| async {
            panic!("expected");
            #[allow(unreachable_code, reason = "it gives the type")]
            Answer::Err("")
        }));
        let call = panicking.call(request());
        assert!(catch_unwind(AssertUnwindSafe(|| now(call))).is_err());
        expect(
            r#"503 UC upstream_reset_before_response_started{connection_termination} - "-" 0 0"#,
        );

        let body = || Script::new([Step::Data("half"), Step::Error("reset")]);
        let mut resetting = layer.layer(service_fn(answers(body)));
        let mut response = now(resetting.call(request())).unwrap();
        assert!(drain(response.body_mut()).is_err());
        expect(
            r#"200 UC upstream_reset_after_response_started{connection_termination} - ""reset"" 0 4"#,
        );

        let mut unread = layer.layer(service_fn(answers(|| Script::data("unread"))));
        drop(now(unread.call(request())).unwrap());
        expect(r#"200 DC downstream_remote_disconnect - "-" 0 0"#);

        let mut upgrading = layer.layer(service_fn(|_: Request<()>| {
            let mut response = Response::new(Script::default());
            *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
            ready(Answer::Ok(response))
        }));
        let response = now(upgrading.call(request())).unwrap();
        expect(r#"101 - via_upstream - "-" 0 0"#);
        drop(response);
        assert_eq!(logged.take(), "");
    });
}

#[test]
fn endings_of_a_client() {
    with_each_tracer(|logged, tracer| {
        let layer = tracer.client_layer();
        let expect = |what: &str| {
            let rest = r#"D - "-" "-" "id" "catalog" "-" - - - - - -"#;
            assert_eq!(line(logged), format!(r#""GET / HTTP/1.1" {what} {rest}"#));
        };
        let request = || get("http://catalog/", IDS);
        let fail = |error: &'static str| {
            let mut client = layer.layer(service_fn(move |_: Request<()>| {
                ready(Err::<Response<Script>, _>(DebugText(error)))
            }));
            let _ = now(client.call(request()));
        };
        fail("kind: ConnectionRefused");
        expect(
            r#"503 UF upstream_reset_before_response_started{remote_connection_failure} - "kind:_ConnectionRefused" 0 0"#,
        );
        fail("Elapsed(())");
        expect(r#"504 UT response_timeout - "Elapsed(())" 0 0"#);

        drop(
            layer
                .layer(service_fn(|_: Request<()>| pending::<Answer>()))
                .call(request()),
        );
        expect(r#"0 DC downstream_remote_disconnect - "-" 0 0"#);

        let mut unread = layer.layer(service_fn(answers(|| Script::data("unread"))));
        drop(now(unread.call(request())).unwrap());
        expect(r#"200 DC downstream_remote_disconnect - "-" 0 0"#);
    });
}
