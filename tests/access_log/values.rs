//! The values of operators, in text and in JSON.

use crate::{
    common::{SPAN, Script, TRACE, drain, get, now},
    log::{Logged, PATIENCE, answer, empty},
};
use http::{Request, StatusCode};
use std::{convert::Infallible, future::ready, net::SocketAddr};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, TracerBuilder, Trust,
    access_log::{AccessLogFormat, JsonFormat},
    sample::Sampler,
};

/// What a value of a request looks like in text and in JSON.
const HOSTILE: &str = "q\"uo\\te\t\u{e9}\u{ff} \u{c3}\u{a9} <&>/";

#[test]
fn header_values_are_written_as_they_are_in_text() {
    let logged =
        Logged::text("%REQ(x-a)%|%REQ(x-empty)%|%REQ(x-none)%|%REQ(x-a):3%|%REQ(x-none?X-A):2%");
    logged.served(get("/", &format!("x-a: {HOSTILE}|x-empty: ")), empty);
    let expected = b"q\"uo\\te\t\xe9\xff \xc3\xa9 <&>/||-|q\"u|q\"\n";
    assert_eq!(logged.take_bytes(), expected);
}

/// As Envoy 1.40 writes them.
#[test]
fn hostile_values_are_escaped_in_json() {
    let format = JsonFormat::object([
        ("utf8", "%REQ(x-utf8)%"),
        ("bytes", "%REQ(x-a)%"),
        ("cut", "%REQ(x-utf8):4%"),
        ("mixed", "<%REQ(x-a):3%%RESPONSE_CODE%>"),
        ("na\"me", "%%"),
    ]);
    let logged = Logged::new(AccessLogFormat::json(format).unwrap());
    let request = get("/", &format!("x-a: {HOSTILE}|x-utf8: \"a\t\u{c3}\u{a9}"));
    let line = logged.serve(request, empty);
    let expected = concat!(
        r#"{"bytes":"q\u0022uo\u005cte\u0009\u00e9\u00ff \u00c3\u00a9 <&>/","#,
        r#""cut":"\u0022a\u0009\u00c3","mixed":"<q\"u200>","na\"me":"%","utf8":"\"a\té"}"#,
    );
    assert_eq!(line, expected);
    serde_json::from_str::<serde_json::Value>(&line).unwrap();
}

#[test]
fn json_has_types_and_nesting_and_sorted_names() {
    let nested = JsonFormat::object([
        ("code", JsonFormat::from("%RESPONSE_CODE%")),
        ("absent", "%REQ(x-none)%".into()),
        ("text", "%REQ(x-none)%!".into()),
        (
            "list",
            JsonFormat::list(["%PROTOCOL%", "%BYTES_SENT%", "literal"]),
        ),
        (
            "object",
            JsonFormat::object([("flags", "%RESPONSE_FLAGS%")]),
        ),
        ("gone", JsonFormat::object([("absent", "%REQ(x-none)%")])),
        ("five", JsonFormat::Number(5.0)),
        ("true", JsonFormat::Bool(true)),
        ("null", JsonFormat::Null),
        ("empty", "".into()),
    ]);
    let format = AccessLogFormat::json(nested).unwrap();
    let logged = Logged::new(format.clone());
    assert_eq!(
        logged.serve(get("/", ""), empty),
        r#"{"absent":null,"code":200,"empty":"","five":5,"gone":{"absent":null},"list":["HTTP/1.1",0,"literal"],"null":null,"object":{"flags":"-"},"text":"-!","true":true}"#
    );
    let logged = Logged::new(format.omit_empty_values(true));
    assert_eq!(
        logged.serve(get("/", ""), empty),
        r#"{"code":200,"empty":"","five":5,"list":["HTTP/1.1",0,"literal"],"null":null,"object":{"flags":"-"},"text":"!","true":true}"#
    );
    let absent = JsonFormat::object([("absent", "%REQ(x-none)%")]);
    let format = AccessLogFormat::json(absent).unwrap();
    let logged = Logged::new(format.omit_empty_values(true));
    assert_eq!(logged.serve(get("/", ""), empty), "{}");
}

#[test]
fn paths_and_pseudo_headers() {
    let logged = Logged::text(
        "%REQ(:METHOD)% %REQ(:PATH)% %REQ(:AUTHORITY)% %REQ(:SCHEME)% %REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH)% \
         %PATH% %PATH(NQ)% %PATH(WQ:ORIG)% %PATH(NQ:PATH)% %PATH(NQ:ORIG_OR_PATH):3% %RESP(:STATUS)%",
    );
    assert_eq!(
        logged.serve(get("http://shop:8080/p/a?b=1", ""), empty),
        "GET /p/a?b=1 shop:8080 http /p/a /p/a?b=1 /p/a - /p/a /p/ 200"
    );
    let original = "x-envoy-original-path: /o?q";
    assert_eq!(
        logged.serve(get("/p?b=1", original), empty),
        "GET /p?b=1 - http /o /o?q /o /o?q /p /o 200"
    );
}

#[test]
fn response_headers_and_trailers() {
    let logged =
        Logged::text("%RESP(X-A?X-B)% %TRAILER(grpc-message)% %TRAILER(x-none)% %REQ(x-a)%");
    let body = || Script::trailers(&[("grpc-message", "oh no")]);
    let line = logged.serve(get("/", ""), || answer("x-b: b", body()));
    assert_eq!(line, "b oh no - -");
}

#[test]
fn the_grpc_status_by_name_and_number_of_grpc_requests_only() {
    let format =
        "%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS(NUMBER)% %GRPC_STATUS_NUMBER%";
    let logged = Logged::text(format);
    let grpc = "content-type: application/grpc";
    let request = || get("/shop.Catalog/List", grpc);
    let call = |code: &'static str| {
        let body = move || Script::trailers(&[("grpc-status", code)]);
        logged.serve(request(), || answer(grpc, body()))
    };
    assert_eq!(call("0"), "OK OK 0 0");
    assert_eq!(call("1"), "Canceled CANCELLED 1 1");
    assert_eq!(call("5"), "NotFound NOT_FOUND 5 5");
    assert_eq!(call("77"), "77 77 77 77");
    // Without `grpc-status`, as Envoy maps the HTTP status.
    assert_eq!(logged.serve(request(), empty), "Unknown UNKNOWN 2 2");
    let mut unavailable = empty();
    *unavailable.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let unavailable = std::cell::RefCell::new(Some(unavailable));
    let line = logged.serve(request(), || unavailable.take().unwrap());
    assert_eq!(line, "Unavailable UNAVAILABLE 14 14");
    assert_eq!(logged.serve(get("/", ""), empty), "- - - -");
}

#[test]
fn ids_of_sampled_and_unsampled_requests() {
    let samplers: [fn(TracerBuilder) -> TracerBuilder; 2] =
        [|tracer| tracer, |tracer| tracer.sampler(Sampler::never())];
    for sampler in samplers {
        let format = AccessLogFormat::text("%TRACE_ID% %SPAN_ID% %REQ(X-REQUEST-ID)%").unwrap();
        let logged = Logged::of(|log| log.format(format), sampler);
        let ids = format!("x-b3-traceid: {TRACE}|x-b3-spanid: {SPAN}|x-request-id: id");
        let line = logged.serve(get("/", &ids), empty);
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!((words[0], words[1].len(), words[2]), (TRACE, 16, "id"));
        assert_ne!(words[1], SPAN);
    }
}

#[test]
fn the_peer_of_a_server() {
    let format = "%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_PORT% \
                  %DOWNSTREAM_DIRECT_REMOTE_ADDRESS%";
    use crate::common::{drain, now};
    use tower::{Layer, Service, service_fn};
    for (peer, expected) in [
        ("10.0.0.7:4711", "10.0.0.7:4711 10.0.0.7 4711 10.0.0.7:4711"),
        ("[::ffff:10.0.0.7]:1", "10.0.0.7:1 10.0.0.7 1 10.0.0.7:1"),
        (
            "[2001:db8::1]:80",
            "[2001:db8::1]:80 2001:db8::1 80 [2001:db8::1]:80",
        ),
    ] {
        let logged = Logged::text(format);
        let peer: SocketAddr = peer.parse().unwrap();
        let layer = logged
            .test
            .tracer
            .server_layer()
            .peer_address(move |_| Some(peer));
        let answer = |_: Request<()>| async { Ok::<_, std::convert::Infallible>(empty()) };
        let mut server = layer.layer(service_fn(answer));
        drain(now(server.call(get("/", ""))).unwrap().body_mut()).unwrap();
        assert_eq!(logged.take_line(), expected);
    }
}

#[test]
fn constants_and_random_ids() {
    let path = std::env::var("PATH").unwrap();
    let logged = Logged::text(
        "%ENVIRONMENT(PATH)% %ENVIRONMENT(PATH):2% %ENVIRONMENT(TOWER_B3_NOT_SET)% %ACCESS_LOG_TYPE% 100%%",
    );
    let expected = format!("{path} {} - DownstreamEnd 100%", &path[..2]);
    assert_eq!(logged.serve(get("/", ""), empty), expected);
    let logged = Logged::text("%UNIQUE_ID% %HOSTNAME%");
    let (one, two) = (
        logged.serve(get("/", ""), empty),
        logged.serve(get("/", ""), empty),
    );
    assert_ne!(one, two);
    assert_eq!(one.split(' ').next().unwrap().len(), 36, "{one}");
}

#[test]
fn times_and_durations_follow_each_other() {
    let logged = Logged::text(
        "%START_TIME(%s%6f)% %EMIT_TIME(%s%6f)% %COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)% \
         %COMMON_DURATION(DS_RX_BEG:US_RX_BEG:us)% %COMMON_DURATION(US_RX_BEG:DS_TX_END:us)% \
         %COMMON_DURATION(DS_TX_END:DS_RX_BEG:ns)% %RESPONSE_DURATION% %RESPONSE_TX_DURATION%",
    );
    let line = logged.serve(get("/", ""), empty);
    let words: Vec<&str> = line.split(' ').collect();
    let number = |at: usize| {
        words[at]
            .parse::<u64>()
            .unwrap_or_else(|_| panic!("{line}"))
    };
    assert_eq!(number(0) + number(2), number(1), "{line}");
    assert!(number(3) <= number(2), "{line}");
    assert!(number(2) - number(3) - number(4) <= 1, "{line}");
    // The end is not before the start.
    assert!(words[5] == "-" || words[5] == "0", "{line}");
    number(6);
    number(7);
}

#[test]
fn a_filter_and_a_direction_choose_exchanges() {
    let format = AccessLogFormat::text("%REQ(:PATH)%").unwrap();
    let logged = Logged::of(
        |log| {
            let log = log.format(format).direction(Direction::Server);
            log.filter(|exchange| exchange.request_bytes() != Some(0))
        },
        |tracer| tracer,
    );
    logged.served(get("/a", "content-length: 0"), empty);
    logged.served(get("/b", ""), empty);
    let layer = logged.test.tracer.client_layer();
    crate::common::sent_headers(&layer, get("http://catalog/c", ""));
    assert_eq!(logged.take(), "/b\n");
}

/// The same rule as for the tag `http.url`.
#[test]
fn the_scheme_is_what_a_trusted_peer_says() {
    let logged = Logged::text("%REQ(:SCHEME)%");
    let serve = |trust: Trust| {
        let layer = logged.test.tracer.server_layer().trust(trust);
        let mut server = layer.layer(service_fn(|_: Request<()>| {
            ready(Ok::<_, Infallible>(empty()))
        }));
        let request = get("/", "host: shop|x-forwarded-proto: https");
        drain(now(server.call(request)).unwrap().body_mut()).unwrap();
        assert!(logged.log.flush(PATIENCE));
        let span = logged.test.spans.take_one();
        let url = span.tag("http.url").unwrap().into_owned();
        (logged.take_line(), url)
    };
    let line = |scheme: &str| (scheme.to_owned(), format!("{scheme}://shop/"));
    assert_eq!(serve(Trust::everyone()), line("https"));
    assert_eq!(serve(Trust::nobody()), line("http"));
}
